// What becomes of the method and the body (https://fetch.spec.whatwg.org/#http-redirect-fetch, step 12).
const RESOURCES = "/fetch/api/resources/";
const redirect = (status, init) => fetch(`${RESOURCES}redirect.py?redirect_status=${status}&location=method.py`, init);

// [status, method, the method afterwards]
const cases = [];
for (const status of [301, 302, 303, 307, 308]) {
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const becomesGet = status === 303 || (status < 303 && method === "POST");
    cases.push([status, method, becomesGet ? "GET" : method]);
  }
}

for (const [status, method, after] of cases) {
  promise_test(async () => {
    const response = await redirect(status, { method, body: "caf\u00e9", headers: { "Content-Language": "fr", "X-Own": "1" } });
    assert_equals(response.headers.get("x-request-method"), after);
    assert_true(response.redirected);
    if (after === "GET") {
      assert_equals(await response.text(), "", "the body is gone");
      assert_equals(response.headers.get("x-request-content-type"), "NO");
      assert_equals(response.headers.get("x-request-content-length"), "NO");
      assert_equals(response.headers.get("x-request-content-language"), "NO");
    } else {
      assert_equals(await response.text(), "caf\u00e9", "the body is sent again");
      assert_equals(response.headers.get("x-request-content-type").toLowerCase(), "text/plain;charset=utf-8");
      assert_equals(response.headers.get("x-request-content-length"), "5");
      assert_equals(response.headers.get("x-request-content-language"), "fr");
    }
  }, `${method} with ${status} becomes ${after}`);

  promise_test(async () => {
    const response = await redirect(status, { method });
    assert_equals(response.headers.get("x-request-method"), after);
    assert_equals(await response.text(), "");
  }, `${method} without a body, with ${status}, becomes ${after}`);
}

for (const [name, body, text] of [
  ["bytes", () => new Uint8Array([97, 98]), "ab"],
  ["a Blob", () => new Blob(["blob"]), "blob"],
  ["URLSearchParams", () => new URLSearchParams("a=b"), "a=b"],
  ["100 kB", () => "x".repeat(100000), "x".repeat(100000)],
]) {
  promise_test(async () => {
    for (const status of [307, 308]) {
      const response = await redirect(status, { method: "POST", body: body() });
      assert_equals(response.headers.get("x-request-method"), "POST");
      assert_equals(await response.text(), text);
    }
  }, `${name} as a body that is sent again`);
}

promise_test(async () => {
  const inner = encodeURIComponent("redirect.py?redirect_status=303&location=method.py");
  const response = await fetch(`${RESOURCES}redirect.py?redirect_status=307&location=${inner}`, { method: "PUT", body: "text" });
  assert_equals(response.headers.get("x-request-method"), "GET");
  assert_equals(await response.text(), "");
}, "each redirect of several counts");

promise_test(async () => {
  const response = await redirect(307, { method: "POST", body: "text", headers: { Authorization: "Bearer a" } });
  assert_equals(response.headers.get("x-request-authorization"), "Bearer a");
}, "Authorization stays within an origin");

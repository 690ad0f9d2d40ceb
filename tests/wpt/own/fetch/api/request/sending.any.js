// What a server gets of a request.
const METHOD = "/fetch/api/resources/method.py";

for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  promise_test(async () => {
    const response = await fetch(METHOD, { method });
    assert_equals(response.headers.get("x-request-method"), method);
    assert_equals(response.status, 200);
    assert_equals(await response.text(), "");
    const expected = method === "POST" || method === "PUT" ? ["0"] : ["0", "NO"];
    assert_in_array(response.headers.get("x-request-content-length"), expected);
  }, `${method} without a body`);
}

// [what it is, the body, the text, the Content-Type]
for (const [name, body, text, type] of [
  ["text", () => "caf\u00e9", "caf\u00e9", "text/plain;charset=utf-8"],
  ["an empty text", () => "", "", "text/plain;charset=utf-8"],
  ["bytes", () => new Uint8Array([97, 98]), "ab", "NO"],
  ["an ArrayBuffer", () => new Uint8Array([97, 98]).buffer, "ab", "NO"],
  ["a Blob", () => new Blob(["blob"], { type: "a/b" }), "blob", "a/b"],
  ["a Blob without a type", () => new Blob(["blob"]), "blob", "NO"],
  ["URLSearchParams", () => new URLSearchParams("a=1&b=2"), "a=1&b=2", "application/x-www-form-urlencoded;charset=utf-8"],
  ["a megabyte", () => "x".repeat(1 << 20), "x".repeat(1 << 20), "text/plain;charset=utf-8"],
]) {
  promise_test(async () => {
    const response = await fetch(METHOD, { method: "POST", body: body() });
    assert_equals(response.headers.get("x-request-content-type").replace("UTF-8", "utf-8"), type);
    assert_equals(response.headers.get("x-request-content-length"), String(new TextEncoder().encode(text).length));
    assert_true((await response.text()) === text, "the text that came back");
    const request = new Request(new URL(METHOD, location.href), { method: "PUT", body: body(), headers: { "Content-Type": "x/y" } });
    const other = await fetch(request);
    assert_equals(other.headers.get("x-request-content-type"), "x/y");
    assert_true((await other.text()) === text, "the text of a Request");
    assert_true(request.bodyUsed);
  }, `${name} as the body`);
}

promise_test(async () => {
  const form = new FormData();
  form.append("a", "1");
  const response = await fetch(METHOD, { method: "POST", body: form });
  const type = response.headers.get("x-request-content-type");
  const back = await new Response(await response.text(), { headers: { "content-type": type } }).formData();
  assert_equals(back.get("a"), "1");
}, "a form as the body");

promise_test(async (t) => {
  const request = new Request(new URL(METHOD, location.href), { method: "POST", body: "text" });
  await request.text();
  await promise_rejects_js(t, TypeError, fetch(request));
  const locked = new Request(new URL(METHOD, location.href), { method: "POST", body: "text" });
  locked.body.getReader();
  await promise_rejects_js(t, TypeError, fetch(locked));
}, "a body that is used or locked");

promise_test(async () => {
  const request = new Request(new URL(METHOD, location.href), { method: "POST", body: "text" });
  const clone = request.clone();
  assert_equals(await (await fetch(request)).text(), "text");
  assert_equals(await (await fetch(clone)).text(), "text");
}, "a request and its clone");

promise_test(async () => {
  const response = await fetch(METHOD, { headers: [["Content-Language", "en"], ["content-language", "fr"], ["Authorization", "Basic YTpi"]] });
  assert_equals(response.headers.get("x-request-content-language").replaceAll(" ", ""), "en,fr");
  assert_equals(response.headers.get("x-request-authorization"), "Basic YTpi");
}, "headers");

promise_test(async (t) => {
  await promise_rejects_js(t, TypeError, fetch());
  await promise_rejects_js(t, TypeError, fetch("http://["));
  await promise_rejects_js(t, TypeError, fetch(METHOD, { method: "a b" }));
  await promise_rejects_js(t, TypeError, fetch(METHOD, { body: "text" }));
  await promise_rejects_js(t, TypeError, fetch(METHOD, { headers: { "a b": "1" } }));
  await promise_rejects_js(t, TypeError, fetch(METHOD, { redirect: "never" }));
  const error = new Error("from the getter");
  await promise_rejects_exactly(t, error, fetch(METHOD, { get method() { throw error; } }));
}, "what is no request rejects, and throws nothing");

for (const url of ["foo:bar", "foo://example.com/", "about:config", "mailto:a@example.com", "ftp://127.0.0.1/"]) {
  promise_test(async (t) => {
    await promise_rejects_js(t, TypeError, fetch(url));
  }, `${url} can't be fetched`);
}

promise_test(async () => {
  // Nothing listens there. The standard has a TypeError, the platform an Error.
  const error = await fetch("http://127.0.0.1:9/").then(() => assert_unreached("it resolved"), (reason) => reason);
  assert_true(error instanceof Error);
}, "no connection is an error");

promise_test(async () => {
  const response = await fetch(METHOD, { method: "POST", body: "text" });
  assert_equals(response.url, new URL(METHOD, location.href).href);
  assert_equals(response.statusText, "OK");
  assert_equals(response.headers.get("content-type"), "text/plain");
  assert_true(response.ok);
  assert_false(response.bodyUsed);
  assert_true(response.body instanceof ReadableStream);
}, "what the response has");

promise_test(async () => {
  assert_equals((await fetch(METHOD, { method: "HEAD" })).body, null);
  const empty = await fetch("/fetch/api/resources/redirect.py?redirect_status=204");
  assert_equals(empty.status, 204);
  assert_equals(empty.body, null);
}, "responses to HEAD and with 204 have no body");

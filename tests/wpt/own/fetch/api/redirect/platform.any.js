// Where the platform's redirects differ from the standard, and mean to: with "manual" the redirect itself is the response.
const RESOURCES = "/fetch/api/resources/";

for (const status of [301, 302, 303, 307, 308]) {
  promise_test(async () => {
    const response = await fetch(`${RESOURCES}redirect.py?redirect_status=${status}&location=method.py`, { redirect: "manual" });
    assert_equals(response.status, status);
    assert_equals(response.type, "default");
    assert_false(response.redirected);
    assert_equals(response.headers.get("location"), "method.py");
    assert_equals(await response.text(), "redirected");
  }, `manual, ${status}`);
}

promise_test(async () => {
  const response = await fetch(`${RESOURCES}redirect.py?redirect_status=302&location=${encodeURIComponent("https://[")}`, { redirect: "manual" });
  assert_equals(response.status, 302);
  assert_equals(response.headers.get("location"), "https://[");
}, "manual, to what is no URL");

promise_test(async () => {
  const request = new Request(new URL(`${RESOURCES}redirect.py?redirect_status=307&location=method.py`, location.href), { redirect: "manual", method: "POST", body: "text" });
  assert_equals((await fetch(request)).status, 307);
}, "manual, of a Request");

promise_test(async (t) => {
  const body = () => new ReadableStream({ start(controller) { controller.enqueue(new TextEncoder().encode("text")); controller.close(); } });
  for (const status of [307, 308]) {
    await promise_rejects_js(t, TypeError, fetch(`${RESOURCES}redirect.py?redirect_status=${status}&location=method.py`, { method: "POST", body: body(), duplex: "half" }));
  }
}, "a stream can't be sent again");

promise_test(async () => {
  const body = new ReadableStream({ start(controller) { controller.enqueue(new TextEncoder().encode("text")); controller.close(); } });
  const response = await fetch(`${RESOURCES}redirect.py?redirect_status=303&location=method.py`, { method: "POST", body, duplex: "half" });
  assert_equals(response.headers.get("x-request-method"), "GET");
  assert_equals(await response.text(), "");
}, "a stream need not be sent again after 303");

promise_test(async () => {
  const other = new URL(`${RESOURCES}method.py`, location.href);
  other.hostname = "localhost";
  for (const status of [302, 307]) {
    const response = await fetch(`${RESOURCES}redirect.py?redirect_status=${status}&location=${encodeURIComponent(other.href)}`, {
      method: "POST", body: "text", headers: { Authorization: "Bearer a", "Content-Language": "fr" },
    });
    assert_equals(response.url, other.href);
    assert_equals(response.headers.get("x-request-authorization"), "NO");
    assert_equals(response.headers.get("x-request-content-language"), status === 302 ? "NO" : "fr");
  }
}, "Authorization does not go to another origin");

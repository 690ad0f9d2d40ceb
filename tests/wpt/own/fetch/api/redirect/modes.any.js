// The redirect modes (https://fetch.spec.whatwg.org/#concept-request-redirect-mode).
const RESOURCES = "/fetch/api/resources/";
const url = (status) => `${RESOURCES}redirect.py?redirect_status=${status}&location=method.py`;

for (const status of [301, 302, 303, 307, 308]) {
  promise_test(async () => {
    const response = await fetch(url(status), { redirect: "follow" });
    assert_equals(response.status, 200);
    assert_true(response.redirected);
  }, `follow, ${status}`);

  promise_test(async (t) => {
    await promise_rejects_js(t, TypeError, fetch(url(status), { redirect: "error" }));
    await promise_rejects_js(t, TypeError, fetch(new Request(new URL(url(status), location.href), { redirect: "error" })));
  }, `error, ${status}`);
}

for (const mode of ["follow", "manual", "error"]) {
  promise_test(async () => {
    const response = await fetch(`${RESOURCES}method.py`, { redirect: mode });
    assert_equals(response.status, 200);
    assert_false(response.redirected);
    assert_equals((await fetch(`${RESOURCES}redirect.py?redirect_status=404&location=method.py`, { redirect: mode })).status, 404);
  }, `${mode}, without a redirect`);
}

test(() => {
  assert_equals(new Request("https://example.com", { redirect: "error" }).redirect, "error");
  assert_equals(new Request(new Request("https://example.com", { redirect: "error" })).redirect, "error");
}, "error, as a Request has it");

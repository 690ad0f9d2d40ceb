// A Request as the input: what the new one takes over, and what the init replaces.
const URL_ = "https://example.com/a";
const make = (init) => new Request(URL_, { method: "POST", headers: { a: "1", "content-type": "text/x" }, body: "text", redirect: "manual", ...init });

promise_test(async () => {
  const request = make();
  const copy = new Request(request);
  assert_not_equals(copy, request);
  assert_equals(copy.url, URL_);
  assert_equals(copy.method, "POST");
  assert_equals(copy.redirect, "manual");
  assert_equals(copy.headers.get("a"), "1");
  assert_equals(copy.headers.get("content-type"), "text/x");
  assert_equals(await copy.text(), "text");
}, "everything is taken over");

promise_test(async (t) => {
  const request = make();
  const copy = new Request(request);
  assert_true(request.bodyUsed);
  assert_false(copy.bodyUsed);
  await promise_rejects_js(t, TypeError, request.text());
  assert_throws_js(TypeError, () => new Request(request));
  assert_throws_js(TypeError, () => request.clone());
}, "the body moves to the new request");

promise_test(async () => {
  const request = make();
  const copy = new Request(request, { body: "other" });
  assert_false(request.bodyUsed);
  assert_equals(await copy.text(), "other");
  assert_equals(await request.text(), "text");
}, "an init's body leaves the input's alone");

promise_test(async () => {
  const request = make();
  await request.text();
  const copy = new Request(request, { body: "other" });
  assert_equals(await copy.text(), "other");
  assert_throws_js(TypeError, () => new Request(request));
}, "an init's body replaces one that is used");

test(() => {
  const copy = new Request(make(), { headers: { b: "2" } });
  assert_equals(copy.headers.get("a"), null);
  assert_equals(copy.headers.get("b"), "2");
}, "an init's headers replace all of the input's");

test(() => {
  const request = new Request(URL_, { headers: { a: "1" } });
  const copy = new Request(request);
  copy.headers.set("a", "2");
  request.headers.set("b", "3");
  assert_equals(request.headers.get("a"), "1");
  assert_equals(copy.headers.get("b"), null);
}, "headers are copied");

test(() => {
  const copy = new Request(new Request(URL_), { method: "PUT", redirect: "manual" });
  assert_equals(copy.method, "PUT");
  assert_equals(copy.redirect, "manual");
}, "an init's method and redirect replace the input's");

test(() => {
  const request = make();
  assert_throws_js(TypeError, () => new Request(request, { method: "GET" }));
}, "a body does not go with an init's GET");

test(() => {
  const request = new Request(URL_);
  assert_throws_js(TypeError, () => new Request(request, { body: "text" }));
  assert_equals(new Request(request, { method: "POST", body: "text" }).method, "POST");
}, "nor does an init's body with the input's GET");

test(() => {
  const controller = new AbortController();
  const request = new Request(URL_, { signal: controller.signal });
  const copy = new Request(request);
  const without = new Request(request, { signal: null });
  const other = new Request(request, { signal: new AbortController().signal });
  controller.abort();
  assert_true(copy.signal.aborted);
  assert_false(without.signal.aborted);
  assert_false(other.signal.aborted);
}, "the input's signal is followed, unless the init has another");

test(() => {
  const request = make();
  const reader = request.body.getReader();
  assert_throws_js(TypeError, () => new Request(request), "locked");
  reader.releaseLock();
  const copy = new Request(request);
  assert_true(copy.body instanceof ReadableStream);
}, "a body that is locked can't move");

test(() => {
  const request = new Request(URL_);
  const copy = new Request(request);
  assert_false(request.bodyUsed);
  assert_equals(copy.body, null);
  assert_false(new Request(copy).bodyUsed);
}, "without a body nothing is used");

promise_test(async () => {
  const request = make();
  const body = request.body;
  const copy = new Request(request);
  assert_true(body.locked);
  assert_not_equals(copy.body, body);
  assert_false(copy.body.locked);
  assert_equals(await copy.text(), "text");
}, "the input's stream is locked");

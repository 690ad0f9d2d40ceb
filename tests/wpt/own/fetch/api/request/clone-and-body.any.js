// Bodies of requests, and clone() (https://fetch.spec.whatwg.org/#dom-request-clone).
const URL_ = "https://example.com/a";
const post = (body, init) => new Request(URL_, { method: "POST", body, ...init });

for (const method of ["GET", "HEAD", "get", "head", undefined]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(URL_, { method, body: "text" }));
    assert_throws_js(TypeError, () => new Request(URL_, { method, body: "" }));
    assert_equals(new Request(URL_, { method, body: null }).body, null);
    assert_equals(new Request(URL_, { method, body: undefined }).body, null);
  }, `${method ?? "a request without a method"} has no body`);
}

for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
  promise_test(async () => {
    const request = new Request(URL_, { method, body: "text" });
    assert_true(request.body instanceof ReadableStream);
    assert_equals(request.body, request.body);
    assert_equals(await request.text(), "text");
    assert_equals(new Request(URL_, { method }).body, null);
  }, `${method} may have one`);
}

promise_test(async () => {
  const request = post("text", { headers: { a: "1" } });
  const clone = request.clone();
  assert_not_equals(clone, request);
  assert_equals(clone.url, URL_);
  assert_equals(clone.method, "POST");
  assert_equals(clone.headers.get("a"), "1");
  assert_false(request.bodyUsed);
  assert_false(clone.bodyUsed);
  assert_equals(await clone.text(), "text");
  assert_false(request.bodyUsed);
  assert_true(clone.bodyUsed);
  assert_equals(await request.text(), "text");
}, "a clone has the same body");

promise_test(async () => {
  const request = post(new Uint8Array([1, 2, 3]));
  const clones = [request.clone(), request.clone()];
  clones.push(clones[0].clone());
  for (const one of [request, ...clones]) assert_array_equals(new Uint8Array(await one.arrayBuffer()), [1, 2, 3]);
}, "clones of clones");

promise_test(async (t) => {
  const request = post("text");
  await request.text();
  assert_throws_js(TypeError, () => request.clone());
  await promise_rejects_js(t, TypeError, request.text());
}, "a used request can't be cloned");

test(() => {
  const request = post("text");
  const reader = request.body.getReader();
  assert_throws_js(TypeError, () => request.clone());
  reader.releaseLock();
  assert_equals(request.clone().method, "POST");
}, "a locked request can't be cloned");

test(() => {
  const clone = new Request(URL_).clone();
  assert_equals(clone.body, null);
  assert_equals(clone.method, "GET");
  assert_throws_js(TypeError, () => Request.prototype.clone.call({}));
  assert_equals(Request.prototype.clone.length, 0);
}, "a clone without a body");

test(() => {
  const controller = new AbortController();
  const request = new Request(URL_, { signal: controller.signal });
  const clone = request.clone();
  controller.abort("why");
  assert_true(clone.signal.aborted);
  assert_equals(clone.signal.reason, "why");
  assert_true(request.clone().signal.aborted);
}, "a clone follows the signal");

promise_test(async () => {
  const request = post("text");
  const before = request.body;
  const clone = request.clone();
  assert_true(before.locked || before === request.body);
  const [one, two] = await Promise.all([new Response(request.body).text(), new Response(clone.body).text()]);
  assert_equals(one, "text");
  assert_equals(two, "text");
}, "the streams of a clone");

promise_test(async () => {
  const stream = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array([97, 98]));
      controller.close();
    },
  });
  const request = post(stream, { duplex: "half" });
  assert_equals(request.headers.get("content-type"), null);
  const clone = request.clone();
  assert_equals(await request.text(), "ab");
  assert_equals(await clone.text(), "ab");
}, "a stream as the body");

test(() => {
  const locked = new ReadableStream();
  locked.getReader();
  assert_throws_js(TypeError, () => post(locked, { duplex: "half" }));
}, "a locked stream is no body");

promise_test(async () => {
  const used = new ReadableStream({ start(controller) { controller.enqueue(new Uint8Array(1)); controller.close(); } });
  const reader = used.getReader();
  await reader.read();
  reader.releaseLock();
  assert_throws_js(TypeError, () => post(used, { duplex: "half" }));
}, "a stream that was read from is no body");

promise_test(async () => {
  const request = post("text");
  const got = request.text();
  assert_true(request.bodyUsed);
  assert_equals(await got, "text");
  assert_true(request.bodyUsed);
  assert_true(request.body !== null);
}, "bodyUsed is true as soon as reading begins");

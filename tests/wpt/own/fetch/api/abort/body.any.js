// Abort while bodies are on their way.
const slow = (count) => `/fetch/api/resources/trickle.py?ms=100&count=${count}`;
const never = () => assert_unreached("it resolved");
const reasonOf = (promise) => promise.then(never, (reason) => reason);

for (const method of ["text", "arrayBuffer", "blob", "bytes", "json"]) {
  promise_test(async () => {
    const controller = new AbortController();
    const response = await fetch(slow(5), { signal: controller.signal });
    const read = reasonOf(response[method]());
    controller.abort("enough");
    assert_equals(await read, "enough");
    assert_true(response.bodyUsed);
  }, `${method}() of a response that is aborted`);
}

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(slow(5), { signal: controller.signal });
  controller.abort("enough");
  assert_equals(await reasonOf(response.text()), "enough");
}, "abort() before the body is read");

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(slow(5), { signal: controller.signal });
  const reader = response.body.getReader();
  const { value } = await reader.read();
  assert_equals(new TextDecoder().decode(value).slice(0, 4), "TEST");
  const next = reasonOf(reader.read());
  controller.abort("enough");
  assert_equals(await next, "enough");
  assert_equals(await reasonOf(reader.closed), "enough");
  assert_equals(await reasonOf(reader.read()), "enough");
}, "abort() between two chunks");

promise_test(async (t) => {
  const controller = new AbortController();
  const response = await fetch(slow(5), { signal: controller.signal });
  const { body } = response;
  controller.abort();
  await promise_rejects_dom(t, "AbortError", body.getReader().read());
}, "the body is a stream with the reason as its error");

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(slow(5), { signal: controller.signal });
  const clone = response.clone();
  const reads = [response, clone].map((one) => reasonOf(one.text()));
  controller.abort("both");
  assert_array_equals(await Promise.all(reads), ["both", "both"]);
}, "a clone is aborted too");

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(slow(5), { signal: controller.signal });
  const parts = [];
  let aborted;
  const sink = new WritableStream({ write(chunk) { parts.push(chunk); }, abort(reason) { aborted = reason; } });
  const piped = reasonOf(response.body.pipeTo(sink));
  controller.abort("piped");
  assert_equals(await piped, "piped");
  assert_equals(aborted, "piped");
}, "pipeTo() of a body that is aborted");

promise_test(async () => {
  const response = await fetch(slow(5));
  await response.body.cancel("not wanted");
  assert_true(response.bodyUsed);
}, "cancel() of a body");

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(slow(2), { signal: controller.signal });
  await response.body.cancel();
  controller.abort();
  assert_true(response.bodyUsed);
}, "abort() after cancel()");

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(slow(1), { signal: controller.signal });
  assert_equals(await response.text(), "TEST_TRICKLE\n");
  controller.abort();
  await new Promise((resolve) => setTimeout(resolve, 10));
}, "abort() when the body has ended");

promise_test(async () => {
  const response = await fetch(slow(3));
  assert_equals(await response.text(), "TEST_TRICKLE\n".repeat(3));
}, "without a signal all of it comes");

promise_test(async () => {
  let cancelled;
  const body = new ReadableStream({ cancel(reason) { cancelled = reason; } });
  const fetched = fetch("/fetch/api/resources/method.py", { method: "POST", body, duplex: "half", signal: AbortSignal.abort("why") });
  assert_equals(await reasonOf(fetched), "why");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert_equals(cancelled, "why");
}, "a stream that is not sent is cancelled");

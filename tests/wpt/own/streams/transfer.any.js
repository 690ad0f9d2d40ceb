// Streams that are transferred by structured clone (https://streams.spec.whatwg.org/#rs-transfer).
const move = (stream) => structuredClone(stream, { transfer: [stream] });

promise_test(async () => {
  const chunk = { a: 1 };
  const original = new ReadableStream({ start(controller) { controller.enqueue(chunk); controller.enqueue("b"); controller.close(); } });
  const stream = move(original);
  assert_true(original.locked);
  assert_true(stream instanceof ReadableStream);
  const chunks = [];
  for await (const one of stream) chunks.push(one);
  assert_equals(chunks[0].a, 1);
  assert_not_equals(chunks[0], chunk);
  assert_equals(chunks[1], "b");
}, "a ReadableStream passes clones of its chunks");

promise_test(async (t) => {
  let reason;
  const original = new ReadableStream({ cancel(why) { reason = why; } });
  await move(original).cancel("enough");
  assert_equals(reason, "enough");
  const failing = move(new ReadableStream({ start(controller) { controller.error(new RangeError("broken")); } }));
  await promise_rejects_js(t, RangeError, failing.getReader().read());
}, "cancellation and errors pass");

promise_test(async (t) => {
  let reason;
  const original = new ReadableStream({ start(controller) { controller.enqueue(() => {}); }, cancel(why) { reason = why; } });
  await promise_rejects_dom(t, "DataCloneError", move(original).getReader().read());
  assert_equals(reason.name, "DataCloneError");
}, "a chunk that has no clone breaks both sides");

promise_test(async () => {
  const written = [];
  let closed = false;
  const original = new WritableStream({ write(chunk) { written.push(chunk); }, close() { closed = true; } });
  const writer = move(original).getWriter();
  assert_true(original.locked);
  await writer.write({ a: 1 });
  await writer.close();
  assert_equals(written[0].a, 1);
  assert_true(closed);
}, "a WritableStream passes clones of its chunks");

promise_test(async () => {
  const original = new TransformStream({ transform(chunk, controller) { controller.enqueue(chunk * 2); } });
  const { readable, writable } = move(original);
  const writer = writable.getWriter();
  writer.write(21);
  const reader = readable.getReader();
  assert_equals((await reader.read()).value, 42);
  writer.close();
  assert_true((await reader.read()).done);
}, "a TransformStream takes both its sides along");

test(() => {
  const locked = new ReadableStream();
  locked.getReader();
  assert_throws_dom("DataCloneError", () => move(locked));
  assert_throws_dom("DataCloneError", () => structuredClone(new ReadableStream()));
}, "a locked stream, and one that is not transferred, have no clone");

promise_test(async () => {
  const { port1, port2 } = new MessageChannel();
  const got = new Promise((resolve) => { port2.onmessage = resolve; });
  const stream = new ReadableStream({ start(controller) { controller.enqueue("through a port"); controller.close(); } });
  port1.postMessage({ stream }, [stream]);
  const { data, ports } = await got;
  assert_array_equals(ports, []);
  assert_equals((await data.stream.getReader().read()).value, "through a port");
}, "a stream goes through a port");

// Streams as bodies, and bodies as streams (https://fetch.spec.whatwg.org/#concept-bodyinit-extract).
const encode = (text) => new TextEncoder().encode(text);
const stream = (chunks) => new ReadableStream({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(chunk);
    controller.close();
  },
});

test(() => {
  const body = stream([]);
  assert_equals(new Response(body).body, body);
}, "the body is the stream that was given");

for (const [name, chunk] of [["a string", "text"], ["null", null], ["undefined", undefined], ["a number", 1], ["an array", [1]], ["an object", {}], ["a Blob", new Blob(["a"])]]) {
  for (const method of ["text", "arrayBuffer", "json", "blob", "bytes"]) {
    promise_test(async (t) => {
      await promise_rejects_js(t, TypeError, new Response(stream([chunk]))[method]());
    }, `${method}() of a stream with ${name} in it fails`);
  }
}

promise_test(async (t) => {
  const error = new Error("of the source");
  for (const method of ["text", "arrayBuffer", "json", "blob", "bytes"]) {
    const response = new Response(new ReadableStream({ start(controller) { controller.enqueue(encode("a")); }, pull(controller) { controller.error(error); } }));
    await promise_rejects_exactly(t, error, response[method](), method);
    assert_true(response.bodyUsed);
  }
}, "an error of the stream comes out");

promise_test(async (t) => {
  const error = new Error("from pull");
  await promise_rejects_exactly(t, error, new Response(new ReadableStream({ async pull() { throw error; } })).text());
}, "what pull() throws comes out");

test(() => {
  const locked = stream([]);
  locked.getReader();
  assert_throws_js(TypeError, () => new Response(locked));
}, "a locked stream is no body");

promise_test(async () => {
  const used = stream([encode("a"), encode("b")]);
  const reader = used.getReader();
  await reader.read();
  reader.releaseLock();
  assert_throws_js(TypeError, () => new Response(used));
  const cancelled = stream([]);
  await cancelled.cancel();
  assert_throws_js(TypeError, () => new Response(cancelled));
}, "nor is one that was read from or cancelled");

promise_test(async (t) => {
  const closed = stream([]);
  assert_equals(await new Response(closed).text(), "");
  const error = new Error("already");
  const failed = new ReadableStream({ start(controller) { controller.error(error); } });
  await promise_rejects_exactly(t, error, new Response(failed).text());
}, "one that is closed, or has failed, is a body");

promise_test(async () => {
  const response = new Response("text");
  assert_true(response.body instanceof ReadableStream);
  const chunks = [];
  for await (const chunk of response.body) {
    assert_equals(Object.getPrototypeOf(chunk), Uint8Array.prototype);
    chunks.push(...chunk);
  }
  assert_equals(String.fromCharCode(...chunks), "text");
  assert_true(response.bodyUsed);
}, "a body is a stream of Uint8Array");

promise_test(async () => {
  const reader = new Response("text").body.getReader({ mode: "byob" });
  const { value, done } = await reader.read(new Uint8Array(2));
  assert_false(done);
  assert_equals(new TextDecoder().decode(value), "te");
  const rest = await reader.read(new Uint8Array(8));
  assert_equals(new TextDecoder().decode(rest.value), "xt");
  assert_true((await reader.read(new Uint8Array(1))).done);
}, "a body of text can be read with buffers of one's own");

promise_test(async () => {
  const source = new ReadableStream({
    type: "bytes",
    pull(controller) {
      controller.enqueue(encode("bytes"));
      controller.close();
    },
  });
  assert_equals(await new Response(source).text(), "bytes");
}, "a byte stream as the body");

promise_test(async () => {
  let pulls = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (++pulls > 5) controller.close();
      else controller.enqueue(encode(`${pulls}`));
    },
  }, { highWaterMark: 0 });
  const response = new Response(body);
  assert_equals(pulls, 0, "nothing is read before it is wanted");
  assert_equals(await response.text(), "12345");
}, "a stream that takes its time");

promise_test(async () => {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const text = new Response(readable).text();
  for (const part of ["a", "", "b\u00e9"]) await writer.write(encode(part));
  await writer.close();
  assert_equals(await text, "ab\u00e9");
}, "the readable side of a TransformStream as the body");

promise_test(async () => {
  const upper = new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(encode(new TextDecoder().decode(chunk).toUpperCase()));
    },
  });
  assert_equals(await new Response(new Response("text").body.pipeThrough(upper)).text(), "TEXT");
}, "a body through a transform");

promise_test(async () => {
  const first = new Response("text");
  const second = new Response(first.body);
  assert_equals(second.body, first.body);
  assert_equals(await second.text(), "text");
  assert_true(first.bodyUsed);
  assert_true(second.bodyUsed);
}, "two responses with one stream");

promise_test(async () => {
  const parts = [];
  const sink = new WritableStream({ write(chunk) { parts.push(...chunk); } });
  const response = new Response("text");
  const piped = response.body.pipeTo(sink);
  assert_true(response.body.locked);
  await piped;
  assert_equals(String.fromCharCode(...parts), "text");
  assert_true(response.bodyUsed);
}, "pipeTo() of a body");

promise_test(async () => {
  const big = new Uint8Array(1 << 20).map((_, i) => i);
  let at = 0;
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(big.slice(at, at += 10007));
      if (at >= big.length) controller.close();
    },
  });
  const got = await new Response(body).bytes();
  assert_equals(got.length, big.length);
  assert_equals(got.findIndex((byte, i) => byte !== big[i]), -1);
}, "a megabyte in many chunks");

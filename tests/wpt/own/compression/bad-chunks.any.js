// A chunk that is no BufferSource is an error of both sides.
const shared = (size) => {
  if (self.SharedArrayBuffer) return new SharedArrayBuffer(size);
  return new WebAssembly.Memory({ shared: true, initial: 1, maximum: 1 }).buffer;
};

const bad = [
  ["undefined", () => undefined],
  ["null", () => null],
  ["a string", () => "bytes"],
  ["the empty string", () => ""],
  ["a number", () => 3.14],
  ["a BigInt", () => 1n],
  ["true", () => true],
  ["a symbol", () => Symbol("bytes")],
  ["an object", () => ({})],
  ["an object like a view", () => ({ byteLength: 1, byteOffset: 0, buffer: new ArrayBuffer(1), length: 1, 0: 1 })],
  ["an object made of Uint8Array's prototype", () => Object.create(Uint8Array.prototype)],
  ["an array", () => [1, 2, 3]],
  ["a function", () => () => new Uint8Array(1)],
  ["a Blob", () => new Blob(["bytes"])],
  ["a promise for bytes", () => Promise.resolve(new Uint8Array(1))],
  ["a Proxy of bytes", () => new Proxy(new Uint8Array(1), {})],
];
const sharedChunks = [
  ["a SharedArrayBuffer", () => shared(8)],
  ["a view of a SharedArrayBuffer", () => new Uint8Array(shared(8))],
  ["an empty view of a SharedArrayBuffer", () => new Uint8Array(shared(8), 0, 0)],
];

for (const Interface of [CompressionStream, DecompressionStream]) {
  for (const format of ["deflate", "deflate-raw", "gzip"]) {
    for (const [name, make] of [...bad, ...sharedChunks]) {
      promise_test(async (t) => {
        const { readable, writable } = new Interface(format);
        const reader = readable.getReader();
        const writer = writable.getWriter();
        const write = writer.write(make());
        const read = (async () => { while (!(await reader.read()).done); })();
        await promise_rejects_js(t, TypeError, write, "write()");
        await promise_rejects_js(t, TypeError, read, "read()");
        await promise_rejects_js(t, TypeError, reader.closed, "the reader's closed");
        await promise_rejects_js(t, TypeError, writer.closed, "the writer's closed");
        await promise_rejects_js(t, TypeError, writer.write(new Uint8Array(1)), "the next write()");
      }, `${Interface.name}, ${format}: ${name}`);
    }
  }

  promise_test(async (t) => {
    const source = new ReadableStream({
      start(controller) {
        controller.enqueue("text");
      },
      cancel(reason) {
        cancelled(reason);
      },
    });
    let cancelled;
    const reason = new Promise((resolve) => { cancelled = resolve; });
    await promise_rejects_js(t, TypeError, new Response(source.pipeThrough(new Interface("gzip"))).arrayBuffer());
    assert_equals((await reason).constructor, TypeError);
  }, `${Interface.name}: a bad chunk cancels the source that is piped in`);

  promise_test(async (t) => {
    const { readable, writable } = new Interface("gzip");
    const writer = writable.getWriter();
    const first = writer.write(new Uint8Array([0x1f]));
    const second = writer.write({});
    const third = writer.write(new Uint8Array([0x8b]));
    const read = new Response(readable).arrayBuffer();
    await first;
    await promise_rejects_js(t, TypeError, second);
    await promise_rejects_js(t, TypeError, third);
    await promise_rejects_js(t, TypeError, read);
  }, `${Interface.name}: a bad chunk fails the writes after it, and none before`);
}

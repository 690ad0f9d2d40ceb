// What is compressed comes back, however it is cut into chunks.
const formats = ["deflate", "deflate-raw", "gzip"];

/** Bytes that look random, the same each time. */
function noise(length) {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const text = (string) => new TextEncoder().encode(string);
const inputs = {
  "nothing": new Uint8Array(0),
  "one byte": new Uint8Array([0]),
  "a word": text("compression"),
  "all byte values": Uint8Array.from({ length: 256 }, (_, i) => i),
  "a line repeated": text("over and over again, ".repeat(500)),
  "20 kB of zeros": new Uint8Array(20000),
  "20 kB of noise": noise(20000),
};

/** `size` of 0: chunks of 1, 2, 3, ... bytes. */
function cut(bytes, size) {
  const chunks = [];
  for (let at = 0, next = size || 1; at < bytes.length; at += next, next += size ? 0 : 1) chunks.push(bytes.subarray(at, at + next));
  return chunks;
}

async function pass(stream, chunks) {
  const writer = stream.writable.getWriter();
  const written = Promise.all([...chunks.map((chunk) => writer.write(chunk)), writer.close()]);
  const read = (async () => {
    const got = [];
    for await (const chunk of stream.readable) got.push(...chunk);
    return new Uint8Array(got);
  })();
  return (await Promise.all([read, written]))[0];
}

function assert_bytes(got, expected) {
  assert_equals(got.length, expected.length, "length");
  const at = got.findIndex((byte, i) => byte !== expected[i]);
  assert_equals(at, -1, "the first byte that differs");
}

for (const format of formats) {
  for (const [name, bytes] of Object.entries(inputs)) {
    promise_test(async () => {
      const compressed = await pass(new CompressionStream(format), [bytes]);
      assert_greater_than(compressed.length, 0);
      assert_bytes(await pass(new DecompressionStream(format), [compressed]), bytes);
    }, `${format}: ${name}`);

    for (const size of [0, 1, 7, 4096]) {
      if (size === 1 && bytes.length > 10500) continue;
      promise_test(async () => {
        const compressed = await pass(new CompressionStream(format), cut(bytes, size));
        assert_bytes(await pass(new DecompressionStream(format), [compressed]), bytes);
      }, `${format}: ${name}, compressed ${size ? `${size} bytes at a time` : "in growing chunks"}`);
    }
    for (const size of [0, 1, 7, 4096]) {
      promise_test(async () => {
        const compressed = await pass(new CompressionStream(format), [bytes]);
        assert_bytes(await pass(new DecompressionStream(format), cut(compressed, size)), bytes);
      }, `${format}: ${name}, decompressed ${size ? `${size} bytes at a time` : "in growing chunks"}`);
    }
  }

  promise_test(async () => {
    const empty = new Uint8Array(0);
    const [one, two] = [text("first half, "), text("second half")];
    for (const chunks of [[empty, one, two], [one, empty, two], [one, two, empty], [empty, empty, one, empty, two, empty]]) {
      const compressed = await pass(new CompressionStream(format), chunks);
      const half = compressed.length >> 1;
      const pieces = [empty, compressed.subarray(0, half), empty, compressed.subarray(half), empty];
      assert_bytes(await pass(new DecompressionStream(format), pieces), text("first half, second half"));
    }
  }, `${format}: empty chunks change nothing`);

  promise_test(async () => {
    const blob = new Blob([noise(1000), new Uint8Array(1000)]);
    const there = blob.stream().pipeThrough(new CompressionStream(format)).pipeThrough(new DecompressionStream(format));
    assert_bytes(new Uint8Array(await new Response(there).arrayBuffer()), new Uint8Array(await blob.arrayBuffer()));
  }, `${format}: through pipes`);

  promise_test(async () => {
    const once = new CompressionStream(format);
    const twice = new Blob(["twice"]).stream().pipeThrough(once).pipeThrough(new CompressionStream(format));
    const back = twice.pipeThrough(new DecompressionStream(format)).pipeThrough(new DecompressionStream(format));
    assert_equals(await new Response(back).text(), "twice");
  }, `${format}: compressed twice`);
}

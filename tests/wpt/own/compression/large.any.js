// META: timeout=long
// Inputs and outputs of megabytes.
const formats = ["deflate", "deflate-raw", "gzip"];
const MEGABYTE = 1 << 20;

function noise(length) {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 7; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A sum that notices bytes that are lost or out of order. */
function summed() {
  let length = 0, sum = 0;
  return {
    add(chunk) {
      for (const byte of chunk) sum = (Math.imul(sum, 31) + byte) | 0;
      length += chunk.length;
    },
    told: () => `${length} bytes with the sum ${sum}`,
  };
}

const sumOf = (chunks) => {
  const all = summed();
  for (const chunk of chunks) all.add(chunk);
  return all.told();
};

async function sumOfStream(stream) {
  const all = summed();
  for await (const chunk of stream) all.add(chunk);
  return all.told();
}

const source = (chunks) => new ReadableStream({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(chunk);
    controller.close();
  },
});

for (const format of formats) {
  for (const [name, bytes] of [["zeros", new Uint8Array(4 * MEGABYTE)], ["noise", noise(4 * MEGABYTE)]]) {
    promise_test(async () => {
      const there = source([bytes]).pipeThrough(new CompressionStream(format)).pipeThrough(new DecompressionStream(format));
      assert_equals(await sumOfStream(there), sumOf([bytes]));
    }, `${format}: 4 MiB of ${name} in one chunk`);
  }

  promise_test(async () => {
    const bytes = noise(MEGABYTE);
    const chunks = [];
    for (let at = 0; at < bytes.length; at += 1000) chunks.push(bytes.subarray(at, at + 1000));
    const there = source(chunks).pipeThrough(new CompressionStream(format)).pipeThrough(new DecompressionStream(format));
    assert_equals(await sumOfStream(there), sumOf([bytes]));
  }, `${format}: 1 MiB of noise in small chunks`);

  promise_test(async () => {
    const zeros = new Uint8Array(MEGABYTE);
    const compressed = await new Response(source([zeros, zeros, zeros, zeros]).pipeThrough(new CompressionStream(format))).arrayBuffer();
    assert_less_than(compressed.byteLength, 4 * MEGABYTE / 500);
    const there = source([new Uint8Array(compressed)]).pipeThrough(new DecompressionStream(format));
    assert_equals(await sumOfStream(there), sumOf([zeros, zeros, zeros, zeros]));
  }, `${format}: one small chunk that becomes 4 MiB`);

  promise_test(async () => {
    const compressed = await new Response(source([noise(MEGABYTE)]).pipeThrough(new CompressionStream(format))).arrayBuffer();
    assert_greater_than(compressed.byteLength, MEGABYTE * 0.99);
    assert_less_than(compressed.byteLength, MEGABYTE * 1.01);
  }, `${format}: what can't be compressed hardly grows`);
}

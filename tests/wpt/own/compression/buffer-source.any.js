// Chunks may be any BufferSource: each kind of view is taken as its bytes.
const formats = ["deflate", "deflate-raw", "gzip"];
const views = [
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
];
if (self.Float16Array) views.push(Float16Array);

// 64 bytes, so that a view of any kind fits; numbers among them are never NaN, whose bits may change.
const plain = Uint8Array.from({ length: 64 }, (_, i) => 32 + i);

async function pass(stream, ...chunks) {
  const writer = stream.writable.getWriter();
  const written = Promise.all([...chunks.map((chunk) => writer.write(chunk)), writer.close()]);
  return new Uint8Array((await Promise.all([new Response(stream.readable).arrayBuffer(), written]))[0]);
}

/** A copy of `bytes`, seen as `View`, that starts and ends within its buffer. */
function within(View, bytes) {
  const buffer = new ArrayBuffer(bytes.length + 48);
  new Uint8Array(buffer).fill(0xee).set(bytes, 16);
  return new View(buffer, 16, bytes.length / (View.BYTES_PER_ELEMENT ?? 1));
}

for (const format of formats) {
  promise_test(async () => {
    const compressed = await pass(new CompressionStream(format), plain.slice().buffer);
    assert_array_equals(await pass(new DecompressionStream(format), compressed.slice().buffer), plain);
  }, `${format}: ArrayBuffer`);

  for (const View of views) {
    promise_test(async () => {
      const compressed = await pass(new CompressionStream(format), new View(plain.slice().buffer));
      assert_array_equals(await pass(new DecompressionStream(format), compressed), plain);
    }, `${format}: ${View.name} is compressed as its bytes`);

    promise_test(async () => {
      const compressed = await pass(new CompressionStream(format), within(View, plain));
      assert_array_equals(await pass(new DecompressionStream(format), compressed), plain);
    }, `${format}: only what ${View.name} shows of its buffer is compressed`);

    promise_test(async () => {
      const compressed = await pass(new CompressionStream(format), plain);
      // Whole elements come first, and what is left of the bytes after them.
      const size = View.BYTES_PER_ELEMENT ?? 1;
      const whole = compressed.length - (compressed.length % size);
      const chunks = [within(View, compressed.subarray(0, whole)), compressed.subarray(whole)];
      assert_array_equals(await pass(new DecompressionStream(format), ...chunks), plain);
    }, `${format}: ${View.name} is decompressed as its bytes`);
  }

  promise_test(async () => {
    const mixed = [plain.slice(0, 16).buffer, new DataView(plain.slice(16, 21).buffer), new Uint8Array(0), new Uint16Array(plain.slice(21, 31).buffer), plain.subarray(31)];
    assert_array_equals(await pass(new DecompressionStream(format), await pass(new CompressionStream(format), ...mixed)), plain);
  }, `${format}: chunks of different kinds`);

  promise_test(async () => {
    const stream = new CompressionStream(format);
    const bytes = plain.slice();
    const writer = stream.writable.getWriter();
    const compressed = new Response(stream.readable).arrayBuffer();
    await writer.write(bytes);
    bytes.fill(0);
    await writer.close();
    assert_array_equals(await pass(new DecompressionStream(format), await compressed), plain);
  }, `${format}: a chunk is not looked at again after its write`);

  promise_test(async () => {
    const bytes = plain.slice();
    await pass(new CompressionStream(format), bytes);
    assert_array_equals(bytes, plain);
    assert_equals(bytes.buffer.byteLength, 64);
  }, `${format}: a chunk is neither changed nor transferred`);
}

// What comes out: chunks of bytes, and data that the formats' standards allow.
const formats = ["deflate", "deflate-raw", "gzip"];
const text = new TextEncoder().encode("she sells sea shells on the sea shore, ".repeat(100));

async function chunksOf(stream, inputs) {
  const writer = stream.writable.getWriter();
  const written = Promise.all([...inputs.map((input) => writer.write(input)), writer.close()]);
  const chunks = [];
  for await (const chunk of stream.readable) chunks.push(chunk);
  await written;
  return chunks;
}

const joined = (chunks) => new Uint8Array(chunks.flatMap((chunk) => [...chunk]));

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

function adler32(bytes) {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

function assert_own_chunks(chunks) {
  for (const chunk of chunks) {
    assert_equals(Object.getPrototypeOf(chunk), Uint8Array.prototype);
    assert_equals(Object.getPrototypeOf(chunk.buffer), ArrayBuffer.prototype);
    assert_greater_than(chunk.length, 0, "no chunk is empty");
  }
  assert_equals(new Set(chunks.map((chunk) => chunk.buffer)).size, chunks.length, "each has a buffer of its own");
}

for (const format of formats) {
  for (const [name, inputs] of [["nothing", []], ["an empty chunk", [new Uint8Array(0)]], ["text", [text]], ["a Float64Array", [new Float64Array(8)]], ["100 chunks", new Array(100).fill(text)]]) {
    promise_test(async () => {
      const compressed = await chunksOf(new CompressionStream(format), inputs);
      assert_own_chunks(compressed);
      assert_own_chunks(await chunksOf(new DecompressionStream(format), compressed));
    }, `${format}: chunks made of ${name} are Uint8Arrays that are not empty`);
  }

  promise_test(async () => {
    const compressed = await chunksOf(new CompressionStream(format), [text]);
    const first = joined(compressed).slice();
    for (const chunk of await chunksOf(new CompressionStream(format), [text.map((byte) => byte ^ 1)])) chunk.fill(0);
    assert_array_equals(joined(compressed), first);
  }, `${format}: chunks of one stream are not another's memory`);

  promise_test(async () => {
    const length = joined(await chunksOf(new CompressionStream(format), [text])).length;
    assert_less_than(length, text.length / 10);
  }, `${format}: text that repeats itself becomes short`);

  promise_test(async () => {
    const one = joined(await chunksOf(new CompressionStream(format), [text]));
    const two = joined(await chunksOf(new CompressionStream(format), [text]));
    assert_array_equals(two, one);
  }, `${format}: the same input gives the same output`);

  promise_test(async () => {
    const outputs = await Promise.all(["a", "b", "c"].map(async (letter) => {
      const compressed = await chunksOf(new CompressionStream(format), new Array(50).fill(new TextEncoder().encode(letter)));
      return new TextDecoder().decode(joined(await chunksOf(new DecompressionStream(format), compressed)));
    }));
    assert_array_equals(outputs, ["a".repeat(50), "b".repeat(50), "c".repeat(50)]);
  }, `${format}: streams at the same time don't mix`);
}

for (const [name, bytes] of [["nothing", new Uint8Array(0)], ["text", text], ["zeros", new Uint8Array(100000)]]) {
  promise_test(async () => {
    const out = joined(await chunksOf(new CompressionStream("gzip"), [bytes]));
    assert_array_equals(out.subarray(0, 3), [0x1f, 0x8b, 8], "magic number and method");
    assert_equals(out[3] & 0xe0, 0, "no reserved flags");
    const end = new DataView(out.buffer, out.length - 8);
    assert_equals(end.getUint32(0, true), crc32(bytes), "CRC32");
    assert_equals(end.getUint32(4, true), bytes.length, "ISIZE");
  }, `gzip: header and trailer of ${name}`);

  promise_test(async () => {
    const out = joined(await chunksOf(new CompressionStream("deflate"), [bytes]));
    assert_equals(out[0] & 15, 8, "CM");
    assert_less_than_equal(out[0] >> 4, 7, "CINFO");
    assert_equals((out[0] * 256 + out[1]) % 31, 0, "FCHECK");
    assert_equals(out[1] & 0x20, 0, "FDICT");
    assert_equals(new DataView(out.buffer).getUint32(out.length - 4), adler32(bytes), "ADLER32");
  }, `deflate: header and trailer of ${name}`);

  promise_test(async () => {
    const [raw, zlib, gzip] = await Promise.all(["deflate-raw", "deflate", "gzip"].map(async (format) => joined(await chunksOf(new CompressionStream(format), [bytes]))));
    // What is a raw stream's in one wrapping is so in another.
    const back = async (format, inputs) => joined(await chunksOf(new DecompressionStream(format), inputs));
    assert_equals((await back("deflate-raw", [zlib.subarray(2, -4)])).length, bytes.length);
    assert_equals(gzip[3], 0, "no fields in the header");
    assert_equals((await back("deflate-raw", [gzip.subarray(10, -8)])).length, bytes.length);
    assert_equals((await back("deflate", [zlib.subarray(0, 2), raw, zlib.subarray(-4)])).length, bytes.length);
    assert_equals((await back("gzip", [gzip.subarray(0, 10), raw, gzip.subarray(-8)])).length, bytes.length);
  }, `the three formats of ${name} are wrappings of the same kind of data`);
}

promise_test(async () => {
  assert_equals(joined(await chunksOf(new CompressionStream("deflate-raw"), []))[0] & 1, 1, "BFINAL");
}, "deflate-raw: nothing is one final block");

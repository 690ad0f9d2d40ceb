// Compressed data of known content, of each kind of block (RFC 1951) in each wrapping (RFC 1950 and RFC 1952).
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const shells = "she sells sea shells on the sea shore; the shells that she sells are sea shells, she is sure. ".repeat(3);
const fox = "The quick brown fox jumps over the lazy dog.".repeat(2);

// [what it is, the text, deflate data, Adler-32, CRC-32]
const vectors = [
  ["an empty block of fixed codes", "", "0300", "00000001", "00000000"],
  ["an empty stored block", "", "010000ffff", "00000001", "00000000"],
  ["a stored block", "stored", "010600f9ff73746f726564", "093c0292", "5643f90b"],
  ["a block of fixed codes", "hello hello hello", "cb48cdc9c957c8409000", "3a2e067d", "e5f98880"],
  ["a block of dynamic codes", shells, "2bce4855284ecdc9290692890ac51960667e9e4209581c24925f946a0de142244b32124b406ca8b6c4a25424ad3a60994ca069a545a97a48ca869ee900", "838163e2", "7b735f38"],
  ["dynamic codes without a match", fox, "05c1810140201440c155de044d6381e453c257546a7a77931752092e32676d17ab7eece5bc1fb44ae6f5c2614767d1cd4c5e4825b8c89cb55dacfab197f37ed02a99d70b871d9d4537f303", "9929200f", "77f135f3"],
  ["a run of one byte", "a".repeat(1000), "4b4c1c05a360140c770000", "f9d87af8", "9a38da03"],
  ["blocks with flushes between", "one two three", "cacf4b5500000000ffff2a29cf5700000000ffff2bc9284a4d0500", "226d04f5", "7825d3d7"],
];

const turned = (hex) => hex.match(/../g).reverse().join("");
const length = (text) => turned(text.length.toString(16).padStart(8, "0"));
const wrapped = {
  "deflate-raw": (data) => data,
  "deflate": (data, adler) => "789c" + data + adler,
  "gzip": (data, adler, crc, text) => "1f8b08000000000000ff" + data + turned(crc) + length(text),
};

async function decompress(format, chunks) {
  const stream = new DecompressionStream(format);
  const writer = stream.writable.getWriter();
  const written = Promise.all([...chunks.map((chunk) => writer.write(chunk)), writer.close()]);
  return (await Promise.all([new Response(stream.readable).text(), written]))[0];
}

for (const [format, wrap] of Object.entries(wrapped)) {
  for (const [name, text, data, adler, crc] of vectors) {
    const bytes = fromHex(wrap(data, adler, crc, text));
    promise_test(async () => {
      assert_equals(await decompress(format, [bytes]), text);
    }, `${format}: ${name}`);
    promise_test(async () => {
      assert_equals(await decompress(format, [...bytes].map((byte) => new Uint8Array([byte]))), text);
    }, `${format}: ${name}, byte by byte`);
    promise_test(async () => {
      for (let at = 0; at <= bytes.length; at++) {
        assert_equals(await decompress(format, [bytes.subarray(0, at), bytes.subarray(at)]), text, `cut at ${at}`);
      }
    }, `${format}: ${name}, cut in two anywhere`);
  }
}

// CINFO says how large the window is, FLEVEL how much work went into it: neither changes what comes out.
for (const [name, hex, text] of [
  ["the fastest level", "7801cb48cdc9c957c84090003a2e067d", "hello hello hello"],
  ["a fast level", "785ecb48cdc9c957c84090003a2e067d", "hello hello hello"],
  ["the default level", "789ccb48cdc9c957c84090003a2e067d", "hello hello hello"],
  ["the slowest level", "78dacb48cdc9c957c84090003a2e067d", "hello hello hello"],
  ["no compression", "7801011100eeff68656c6c6f2068656c6c6f2068656c6c6f3a2e067d", "hello hello hello"],
  ["a window of 512 bytes", "18d32bce4dccc95128cfcc4bc92f07001f0504d2", "small window"],
]) {
  promise_test(async () => {
    assert_equals(await decompress("deflate", [fromHex(hex)]), text);
  }, `deflate: a header that tells of ${name}`);
}

// What is no valid data of a format is an error, of both sides (https://compression.spec.whatwg.org/#supported-formats).
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

// "hello hello hello", each time.
const good = {
  "deflate": "789c cb48cdc9c957c8409000 3a2e067d",
  "deflate-raw": "cb48cdc9c957c8409000",
  "gzip": "1f8b0800000000000003 cb48cdc9c957c8409000 8088f9e5 11000000",
};

const corrupt = {
  "deflate": [
    ["CM is not 8", "779c cb48cdc9c957c8409000 3a2e067d"],
    ["CM is 9, the check being right", "7905 cb48cdc9c957c8409000 3a2e067d"],
    ["CINFO is too large", "881c cb48cdc9c957c8409000 3a2e067d"],
    ["FCHECK is wrong", "789d cb48cdc9c957c8409000 3a2e067d"],
    ["FDICT is set", "78bb 14e103cb cb48cdc9c957c8409000 3a2e067d"],
    ["data that needs a dictionary", "78f9 16c00437 4b81b314caf38b528a01 376a0686"],
    ["ADLER32 is wrong in the first byte", "789c cb48cdc9c957c8409000 3b2e067d"],
    ["ADLER32 is wrong in the last byte", "789c cb48cdc9c957c8409000 3a2e067c"],
    ["ADLER32 is zero", "789c cb48cdc9c957c8409000 00000000"],
    ["ADLER32 in the other byte order", "789c cb48cdc9c957c8409000 7d062e3a"],
    ["ADLER32 of nothing is 1, not 0", "789c 0300 00000000"],
    ["the data is of a type that is reserved", "789c 07 00000001"],
    ["another byte in the data", "789c cb48cdc9c857c8409000 3a2e067d"],
  ],
  "deflate-raw": [
    ["a block of the reserved type", "07"],
    ["a block of the reserved type after a good one", "4a 04 06"],
    ["a stored block whose lengths disagree", "010600f8ff73746f726564"],
    ["a stored block whose lengths are equal", "010600060073746f726564"],
    ["a distance to before the start", "4b 04 12 00"],
    ["too many lengths of codes", "fdffffff"],
    ["a repeated length without one before", "05 00 02 00 00 00 00"],
    ["code lengths that are oversubscribed", "0520249224499224 4992244992244992"],
    ["a distance of the unused symbol 30", "4b 04 3e 00"],
    ["a length of the unused symbol 286", "1b 03 00"],
  ],
  "gzip": [
    ["ID1 is wrong", "1e8b0800000000000003 cb48cdc9c957c8409000 8088f9e5 11000000"],
    ["ID2 is wrong", "1f8c0800000000000003 cb48cdc9c957c8409000 8088f9e5 11000000"],
    ["CM is not 8", "1f8b0700000000000003 cb48cdc9c957c8409000 8088f9e5 11000000"],
    ["CM is 0", "1f8b0000000000000003 cb48cdc9c957c8409000 8088f9e5 11000000"],
    ["CRC32 is wrong in the first byte", "1f8b0800000000000003 cb48cdc9c957c8409000 8188f9e5 11000000"],
    ["CRC32 is wrong in the last byte", "1f8b0800000000000003 cb48cdc9c957c8409000 8088f965 11000000"],
    ["CRC32 in the other byte order", "1f8b0800000000000003 cb48cdc9c957c8409000 e5f98880 11000000"],
    ["ISIZE is too small", "1f8b0800000000000003 cb48cdc9c957c8409000 8088f9e5 10000000"],
    ["ISIZE is too large", "1f8b0800000000000003 cb48cdc9c957c8409000 8088f9e5 12000000"],
    ["ISIZE is wrong in the last byte", "1f8b0800000000000003 cb48cdc9c957c8409000 8088f9e5 11000001"],
    ["ISIZE is wrong, of nothing", "1f8b0800000000000003 0300 00000000 01000000"],
    ["a block of the reserved type", "1f8b0800000000000003 07 00000000 00000000"],
    ["another byte in the data", "1f8b0800000000000003 cb48cdc9c857c8409000 8088f9e5 11000000"],
    ["a zlib trailer", "1f8b0800000000000003 cb48cdc9c957c8409000 3a2e067d 00000000"],
  ],
};

// Whatever a format is, these are another's, or none's.
const others = [
  ...Object.entries(good).map(([format, hex]) => [`${format} data`, hex, format]),
  ["text", "5468697320697320746578742e20546869732069732074657874"],
  ["zeros", "00".repeat(32)],
  ["bytes with all bits set", "ff".repeat(32)],
  ["a Zip archive", "504b0304140000000800000021005643f90b0600000006000000"],
  ["a Zstandard frame", "28b52ffd0058410000hi".replace("hi", "6869") + "0a0a0a0a"],
  ["a compress(1) header", "1f9d9073e8d0f9264e000000000000"],
];

/** How each part of a decompression ended. */
async function attempt(format, chunks) {
  const { readable, writable } = new DecompressionStream(format);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  const write = Promise.all([...chunks.map((chunk) => writer.write(chunk)), writer.close()]);
  const read = (async () => { while (!(await reader.read()).done); })();
  const [written, got, writerClosed, readerClosed] = await Promise.allSettled([write, read, writer.closed, reader.closed]);
  return { written, got, writerClosed, readerClosed };
}

function assert_failed(ends) {
  for (const [part, { status, reason }] of Object.entries(ends)) {
    assert_equals(status, "rejected", part);
    assert_equals(reason.constructor, TypeError, `${part}: ${reason}`);
  }
}

for (const format of Object.keys(good)) {
  const cases = corrupt[format].map(([name, hex]) => [`${format}: ${name}`, hex]);
  for (const [name, hex, own] of others) if (own !== format) cases.push([`${format}: ${name}`, hex]);
  for (const [name, hex] of cases) {
    const bytes = fromHex(hex.replaceAll(" ", ""));
    promise_test(async () => assert_failed(await attempt(format, [bytes])), name);
    promise_test(async () => assert_failed(await attempt(format, Array.from(bytes, (byte) => new Uint8Array([byte])))), `${name}, byte by byte`);
  }

  promise_test(async () => {
    const ends = await attempt(format, [new Uint8Array(16).fill(0xff)]);
    for (const [part, { reason }] of Object.entries(ends)) assert_equals(reason, ends.got.reason, part);
  }, `${format}: both sides have the same error`);

  promise_test(async () => {
    const bytes = fromHex(good[format].replaceAll(" ", ""));
    const ends = await attempt(format, [bytes]);
    for (const [part, { status, reason }] of Object.entries(ends)) assert_equals(status, "fulfilled", `${part}: ${reason}`);
  }, `${format}: the data that the others are made from is good`);
}

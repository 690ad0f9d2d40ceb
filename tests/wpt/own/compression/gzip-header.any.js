// The header's optional fields are skipped, whatever is in them (RFC 1952, section 2.3).
const TEXT = 1, HCRC = 2, EXTRA = 4, NAME = 8, COMMENT = 16;
const data = [0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x90, 0x00];
const trailer = [0x80, 0x88, 0xf9, 0xe5, 17, 0, 0, 0];
const ascii = (text) => [...text].map((character) => character.charCodeAt(0));

/** The low half of the CRC-32 of the header. */
function crc16(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  crc = ~crc;
  return [crc & 0xff, (crc >>> 8) & 0xff];
}

function gzip(flags, fields, { mtime = [0, 0, 0, 0], xfl = 0, os = 255, change = (sum) => sum } = {}) {
  const header = [0x1f, 0x8b, 8, flags, ...mtime, xfl, os, ...fields];
  if (flags & HCRC) header.push(...change(crc16(header)));
  return new Uint8Array([...header, ...data, ...trailer]);
}

async function decompress(bytes, size = bytes.length) {
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const written = [];
  for (let at = 0; at < bytes.length; at += size) written.push(writer.write(bytes.subarray(at, at + size)));
  written.push(writer.close());
  return (await Promise.all([new Response(stream.readable).text(), ...written]))[0];
}

const extra = (bytes) => [bytes.length & 0xff, bytes.length >> 8, ...bytes];
const valid = [
  ["no fields", 0, []],
  ["FTEXT", TEXT, []],
  ["FEXTRA", EXTRA, extra(ascii("AP\x02\0hi"))],
  ["FEXTRA of no bytes", EXTRA, extra([])],
  ["FEXTRA that is no list of subfields", EXTRA, extra([1, 2, 3])],
  ["FEXTRA of 65535 bytes", EXTRA, extra(new Array(65535).fill(0x1f))],
  ["FNAME", NAME, ascii("name.txt\0")],
  ["FNAME of no bytes", NAME, [0]],
  ["FNAME that is not Latin-1 text", NAME, [0xff, 0xfe, 0x80, 0x07, 0]],
  ["a long FNAME", NAME, [...new Array(5000).fill(0x61), 0]],
  ["FCOMMENT", COMMENT, ascii("a comment\nof two lines\0")],
  ["FCOMMENT of no bytes", COMMENT, [0]],
  ["FNAME and FCOMMENT", NAME | COMMENT, ascii("name\0comment\0")],
  ["FHCRC", HCRC, []],
  ["FHCRC after FNAME", HCRC | NAME, ascii("n\0")],
  ["every field", TEXT | HCRC | EXTRA | NAME | COMMENT, [...extra([7, 7, 0, 0]), ...ascii("n\0c\0")]],
];

for (const [name, flags, fields] of valid) {
  const bytes = gzip(flags, fields);
  promise_test(async () => {
    assert_equals(await decompress(bytes), "hello hello hello");
  }, name);
  promise_test(async () => {
    assert_equals(await decompress(bytes, bytes.length > 1000 ? 1000 : 1), "hello hello hello");
  }, `${name}, in pieces`);
}

for (const [name, told] of [
  ["MTIME", { mtime: [0xff, 0xff, 0xff, 0xff] }],
  ["XFL of the slowest algorithm", { xfl: 2 }],
  ["XFL that means nothing", { xfl: 0xff }],
  ["OS of FAT", { os: 0 }],
  ["OS that is not known", { os: 200 }],
]) {
  promise_test(async () => {
    assert_equals(await decompress(gzip(0, [], told)), "hello hello hello");
  }, `${name} is ignored`);
}

for (const [name, flags, fields, told] of [
  ["FHCRC that is wrong by a bit", HCRC, [], { change: ([low, high]) => [low ^ 1, high] }],
  ["FHCRC in the other byte order", HCRC, [], { change: ([low, high]) => [high, low] }],
  ["FHCRC that is wrong, after FNAME", HCRC | NAME, ascii("n\0"), { change: ([low, high]) => [low, high ^ 0x80] }],
  ["FEXTRA that is longer than the stream", EXTRA, [0xff, 0xff]],
  ["FNAME without its end", NAME, []],
  ["the reserved flag 0x20", 0x20, []],
  ["the reserved flag 0x40", 0x40, []],
  ["the reserved flag 0x80", 0x80, []],
]) {
  promise_test(async (t) => {
    let bytes = gzip(flags, fields, told);
    // A name would otherwise end with the first zero of what follows.
    if (flags === NAME) bytes = bytes.map((byte, at) => (at >= 10 && byte === 0 ? 1 : byte));
    await promise_rejects_js(t, TypeError, decompress(bytes));
  }, `${name} is an error`);
}

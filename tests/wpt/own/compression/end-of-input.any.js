// Data that ends early, or goes on after its end.
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const data = {
  "deflate": fromHex("789ccb48cdc9c957c84090003a2e067d"),
  "deflate-raw": fromHex("cb48cdc9c957c8409000"),
  "gzip": fromHex("1f8b0800000000000003cb48cdc9c957c84090008088f9e511000000"),
};

/** The text that came before the end or the error, and the error's class. */
async function decompress(format, chunks) {
  const { readable, writable } = new DecompressionStream(format);
  const writer = writable.getWriter();
  const written = Promise.allSettled([...chunks.map((chunk) => writer.write(chunk)), writer.close()]);
  const got = [];
  let error = null;
  try {
    for await (const chunk of readable) got.push(...chunk);
  } catch (caught) {
    error = caught.constructor;
  }
  const ends = await written;
  return { text: String.fromCharCode(...got), error, closed: ends.at(-1).status === "fulfilled" };
}

for (const [format, bytes] of Object.entries(data)) {
  promise_test(async () => {
    for (let length = 0; length < bytes.length; length++) {
      const { error, closed } = await decompress(format, [bytes.subarray(0, length)]);
      assert_equals(error, TypeError, `after ${length} bytes`);
      assert_false(closed, `after ${length} bytes`);
    }
  }, `${format}: data cut short anywhere is an error`);

  promise_test(async () => {
    const { error, closed } = await decompress(format, []);
    assert_equals(error, TypeError);
    assert_false(closed);
  }, `${format}: no data at all is an error`);

  for (const [name, chunks] of [["one empty chunk", [0]], ["many empty chunks", [0, 0, 0]]]) {
    promise_test(async () => {
      const { error, closed } = await decompress(format, chunks.map((size) => new Uint8Array(size)));
      assert_equals(error, TypeError);
      assert_false(closed);
    }, `${format}: ${name} is an error`);
  }

  promise_test(async () => {
    const { text, error } = await decompress(format, [bytes.subarray(0, -1)]);
    assert_equals(error, TypeError);
    assert_true("hello hello hello".startsWith(text));
  }, `${format}: nothing wrong comes out of data that lacks its last byte`);

  promise_test(async () => {
    const { readable, writable } = new DecompressionStream(format);
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const wrote = writer.write(bytes);
    const got = [];
    while (got.length < 17) got.push(...(await reader.read()).value);
    assert_equals(String.fromCharCode(...got), "hello hello hello");
    await wrote;
    const end = reader.read();
    await writer.close();
    assert_true((await end).done);
  }, `${format}: what is complete is there before the end is told`);

  for (const [name, trailing] of [
    ["a zero byte", [0]],
    ["many zero bytes", new Array(512).fill(0)],
    ["another byte", [0x61]],
    ["a line feed", [0x0a]],
    ["the same again", [...bytes]],
    ["the start of the same again", [...bytes.subarray(0, 4)]],
  ]) {
    promise_test(async () => {
      const { error, closed } = await decompress(format, [new Uint8Array([...bytes, ...trailing])]);
      assert_equals(error, TypeError);
      assert_false(closed);
    }, `${format}: ${name} after the end is an error`);
    promise_test(async () => {
      const { error, closed } = await decompress(format, [bytes, new Uint8Array(trailing)]);
      assert_equals(error, TypeError);
      assert_false(closed);
    }, `${format}: ${name} after the end is an error, in a chunk of its own`);
  }

  promise_test(async () => {
    const { text, error, closed } = await decompress(format, [bytes, new Uint8Array(0), new Uint8Array(0)]);
    assert_equals(error, null);
    assert_true(closed);
    assert_equals(text, "hello hello hello");
  }, `${format}: empty chunks after the end are nothing`);

  promise_test(async () => {
    const { readable, writable } = new DecompressionStream(format);
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const wrote = writer.write(new Uint8Array([...bytes, 0]));
    const first = await reader.read().then(({ value }) => String.fromCharCode(...value), (error) => error.constructor);
    assert_in_array(first, ["hello hello hello", TypeError]);
    const [written] = await Promise.allSettled([wrote]);
    assert_equals(written.reason?.constructor, TypeError, "the write that had the byte fails");
  }, `${format}: the write with bytes after the end rejects`);
}

// Buffers that are resizable, detached, or changed while they wait.
const formats = ["deflate", "deflate-raw", "gzip"];

async function pass(stream, ...chunks) {
  const writer = stream.writable.getWriter();
  const written = Promise.all([...chunks.map((chunk) => writer.write(chunk)), writer.close()]);
  return new Uint8Array((await Promise.all([new Response(stream.readable).arrayBuffer(), written]))[0]);
}

function detached(View) {
  const view = View === ArrayBuffer ? new ArrayBuffer(8) : new View(new ArrayBuffer(8));
  structuredClone(null, { transfer: [view.buffer ?? view] });
  return view;
}

for (const format of formats) {
  for (const View of [ArrayBuffer, Uint8Array, Float64Array, DataView]) {
    promise_test(async () => {
      const bytes = new TextEncoder().encode("attached");
      const compressed = await pass(new CompressionStream(format), detached(View), bytes, detached(View));
      const back = await pass(new DecompressionStream(format), compressed.subarray(0, 3), detached(View), compressed.subarray(3));
      assert_array_equals(back, bytes);
    }, `${format}: a detached ${View.name} has no bytes`);
  }

  promise_test(async () => {
    const stream = new CompressionStream(format);
    const writer = stream.writable.getWriter();
    const bytes = new Uint8Array(8).fill(65);
    // Nobody reads yet: the chunk waits.
    const wrote = writer.write(bytes);
    structuredClone(null, { transfer: [bytes.buffer] });
    assert_equals(bytes.byteLength, 0);
    const closed = writer.close();
    const compressed = new Uint8Array(await new Response(stream.readable).arrayBuffer());
    await Promise.all([wrote, closed]);
    assert_equals((await pass(new DecompressionStream(format), compressed)).length, 0);
  }, `${format}: a chunk that is detached before its turn has no bytes`);

  promise_test(async () => {
    const stream = new CompressionStream(format);
    const writer = stream.writable.getWriter();
    const [one, two] = [new Uint8Array(8).fill(65), new Uint8Array(8).fill(66)];
    const wrote = Promise.all([writer.write(one), writer.write(two), writer.close()]);
    two.fill(67);
    const compressed = new Uint8Array(await new Response(stream.readable).arrayBuffer());
    await wrote;
    const text = new TextDecoder().decode(await pass(new DecompressionStream(format), compressed));
    assert_equals(text, "A".repeat(8) + "C".repeat(8));
  }, `${format}: a chunk is looked at when its turn comes`);
}

for (const Interface of [CompressionStream, DecompressionStream]) {
  for (const [name, make] of [
    ["a resizable ArrayBuffer", (buffer) => buffer],
    ["a view of a resizable ArrayBuffer", (buffer) => new Uint8Array(buffer)],
    ["a DataView of a resizable ArrayBuffer", (buffer) => new DataView(buffer)],
  ]) {
    promise_test(async (t) => {
      const { readable, writable } = new Interface("gzip");
      const writer = writable.getWriter();
      const reads = promise_rejects_js(t, TypeError, readable.getReader().read());
      await promise_rejects_js(t, TypeError, writer.write(make(new ArrayBuffer(0, { maxByteLength: 16 }))));
      await reads;
    }, `${Interface.name}: ${name} is no BufferSource that may be given`);
  }
}

// Backpressure, abort() and cancel(), as of any transform stream.
const formats = ["deflate", "deflate-raw", "gzip"];
const both = [CompressionStream, DecompressionStream];
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

const compressed = (format, bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream(format))).arrayBuffer();

for (const Interface of both) {
  for (const format of formats) {
    const name = `${Interface.name}, ${format}`;

    promise_test(async () => {
      const { readable, writable } = new Interface(format);
      const writer = writable.getWriter();
      const reason = new Error("aborted");
      const reader = readable.getReader();
      const read = reader.read();
      await writer.abort(reason);
      for (const [part, promise] of [["read()", read], ["reader.closed", reader.closed], ["writer.closed", writer.closed], ["write()", writer.write(new Uint8Array(1))]]) {
        const caught = await promise.then(() => "no error", (error) => error);
        assert_equals(caught, reason, part);
      }
    }, `${name}: abort() errors both sides with its reason`);

    promise_test(async () => {
      const { readable, writable } = new Interface(format);
      const writer = writable.getWriter();
      const reason = new Error("cancelled");
      await readable.cancel(reason);
      const caught = await writer.closed.then(() => "no error", (error) => error);
      assert_equals(caught, reason);
      await writer.write(new Uint8Array(1)).then(() => assert_unreached("write() resolved"), (error) => assert_equals(error, reason));
    }, `${name}: cancel() errors the writable side with its reason`);

    promise_test(async () => {
      const { readable, writable } = new Interface(format);
      const reader = readable.getReader();
      const read = reader.read();
      await reader.cancel();
      assert_true((await read).done);
      await reader.closed;
      await writable.getWriter().closed.then(() => assert_unreached("resolved"), (error) => assert_equals(error, undefined));
    }, `${name}: a read that waits ends with cancel()`);

    promise_test(async (t) => {
      const { readable, writable } = new Interface(format);
      const reason = new Error("of the source");
      const source = new ReadableStream({ pull() { throw reason; } });
      await Promise.all([promise_rejects_exactly(t, reason, source.pipeTo(writable)), promise_rejects_exactly(t, reason, readable.getReader().read())]);
    }, `${name}: an error of the source comes out`);

    promise_test(async (t) => {
      const stream = new Interface(format);
      const reason = new Error("of the sink");
      let cancelled;
      const source = new ReadableStream({ cancel(reason) { cancelled = reason; } });
      const sink = new WritableStream({ start: (controller) => controller.error(reason) });
      const pipes = [source.pipeTo(stream.writable), stream.readable.pipeTo(sink)];
      await Promise.all(pipes.map((pipe) => promise_rejects_exactly(t, reason, pipe)));
      assert_equals(cancelled, reason);
    }, `${name}: an error of the sink cancels the source`);

    promise_test(async () => {
      const { readable, writable } = new Interface(format);
      const writer = writable.getWriter();
      assert_equals(writer.desiredSize, 1);
      const reader = readable.getReader();
      const read = reader.read();
      await writer.ready;
      assert_equals(writer.desiredSize, 1);
      read.catch(() => {});
      await writer.abort();
      assert_equals(writer.desiredSize, null);
    }, `${name}: desiredSize`);

    test(() => {
      const { readable, writable } = new Interface(format);
      const [one, two] = [readable.getReader(), writable.getWriter()];
      assert_true(readable.locked);
      assert_true(writable.locked);
      assert_throws_js(TypeError, () => readable.getReader());
      assert_throws_js(TypeError, () => writable.getWriter());
      one.releaseLock();
      two.releaseLock();
      assert_false(readable.locked);
      assert_false(writable.locked);
    }, `${name}: both sides can be locked once`);
  }
}

for (const format of formats) {
  promise_test(async () => {
    const { readable, writable } = new CompressionStream(format);
    const writer = writable.getWriter();
    let written = false;
    const wrote = writer.write(new Uint8Array(1)).then(() => { written = true; });
    await turn();
    assert_false(written, "nobody reads");
    const read = new Response(readable).arrayBuffer();
    await wrote;
    await writer.close();
    await read;
  }, `${format}: a write waits for a reader`);

  promise_test(async () => {
    const bytes = await compressed(format, new Uint8Array(1 << 22));
    const { readable, writable } = new DecompressionStream(format);
    const writer = writable.getWriter();
    const wrote = writer.write(bytes);
    const closed = writer.close();
    const reader = readable.getReader();
    let length = 0;
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) length += value.length;
    await Promise.all([wrote, closed]);
    assert_equals(length, 1 << 22);
  }, `${format}: output that is much larger than its input comes as it is read`);

  promise_test(async () => {
    const bytes = await compressed(format, new Uint8Array(1 << 22));
    const { readable, writable } = new DecompressionStream(format);
    const writer = writable.getWriter();
    const wrote = writer.write(bytes).catch(() => {});
    const closed = writer.close().catch(() => {});
    const reader = readable.getReader();
    assert_greater_than((await reader.read()).value.length, 0);
    await reader.cancel("enough");
    await Promise.all([wrote, closed]);
    assert_true((await reader.read()).done);
  }, `${format}: cancel() in the middle of the output`);

  promise_test(async () => {
    const { readable, writable } = new CompressionStream(format);
    const [one, two] = readable.tee();
    const writer = writable.getWriter();
    const written = [writer.write(new TextEncoder().encode("both")), writer.close()];
    const texts = await Promise.all([one, two].map((branch) => new Response(branch.pipeThrough(new DecompressionStream(format))).text()));
    await Promise.all(written);
    assert_array_equals(texts, ["both", "both"]);
  }, `${format}: the output can be teed`);
}

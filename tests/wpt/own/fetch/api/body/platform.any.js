// Where the platform's bodies differ from the standard, and mean to: the chunks of a stream may be any BufferSource.
for (const [name, chunk, expected] of [
  ["an ArrayBuffer", new Uint8Array([1, 2]).buffer, [1, 2]],
  ["a Uint16Array", new Uint16Array(new Uint8Array([1, 2, 3, 4]).buffer), [1, 2, 3, 4]],
  ["a DataView", new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2), [2, 3]],
]) {
  promise_test(async () => {
    const body = () => new ReadableStream({
      start(controller) {
        controller.enqueue(chunk);
        controller.close();
      },
    });
    assert_array_equals(await new Response(body()).bytes(), expected);
    assert_array_equals(new Uint8Array(await new Response(body()).arrayBuffer()), expected);
    assert_array_equals(new Uint8Array(await new Request("https://example.com", { method: "POST", body: body() }).arrayBuffer()), expected);
  }, `${name} as a chunk`);
}

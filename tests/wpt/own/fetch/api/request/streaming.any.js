// Streams as the bodies of requests that are sent (https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).
const METHOD = "/fetch/api/resources/method.py";
const encode = (text) => new TextEncoder().encode(text);
const send = (body, init) => fetch(METHOD, { method: "POST", body, duplex: "half", ...init });

function source(chunks, delay) {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (delay !== undefined) await new Promise((resolve) => setTimeout(resolve, delay));
      if (at === chunks.length) controller.close();
      else controller.enqueue(encode(chunks[at++]));
    },
  });
}

for (const [name, chunks, delay] of [
  ["one chunk", ["text"]],
  ["chunks", ["a", "b", "c"]],
  ["chunks that take their time", ["a", "b", "c"], 20],
  ["no chunks", []],
  ["no chunks, after a time", [], 20],
  ["empty chunks", ["", "a", "", "b", ""]],
  ["many chunks", new Array(500).fill("0123456789")],
  ["a large chunk", ["x".repeat(1 << 20)]],
]) {
  promise_test(async () => {
    const response = await send(source(chunks, delay));
    assert_equals(response.status, 200);
    assert_equals(response.headers.get("x-request-method"), "POST");
    assert_equals(response.headers.get("x-request-content-type"), "NO");
    assert_true((await response.text()) === chunks.join(""), "what came back");
  }, `a stream of ${name}`);
}

for (const method of ["PUT", "PATCH", "DELETE"]) {
  promise_test(async () => {
    const response = await send(source(["text"]), { method, headers: { "Content-Type": "a/b" } });
    assert_equals(response.headers.get("x-request-method"), method);
    assert_equals(response.headers.get("x-request-content-type"), "a/b");
    assert_equals(await response.text(), "text");
  }, `a stream with ${method}`);
}

promise_test(async () => {
  const stream = source(["text"]);
  const request = new Request(new URL(METHOD, location.href), { method: "POST", body: stream, duplex: "half" });
  const response = await fetch(request);
  assert_true(request.bodyUsed);
  assert_equals(await response.text(), "text");
}, "a stream of a Request");

promise_test(async () => {
  const request = new Request(new URL(METHOD, location.href), { method: "POST", body: source(["text"], 5), duplex: "half" });
  const clone = request.clone();
  const texts = await Promise.all([request, clone].map(async (one) => (await fetch(one)).text()));
  assert_array_equals(texts, ["text", "text"]);
}, "a stream of a Request and its clone");

promise_test(async () => {
  const first = await send(source(["a", "b"]));
  const second = await send(first.body);
  assert_equals(await second.text(), "ab");
}, "a response's body as a request's");

promise_test(async () => {
  const { readable, writable } = new TransformStream();
  const fetched = send(readable);
  const writer = writable.getWriter();
  await writer.write(encode("written "));
  await writer.write(encode("late"));
  await writer.close();
  assert_equals(await (await fetched).text(), "written late");
}, "a TransformStream that is written while the request is sent");

promise_test(async () => {
  const text = "over and over ".repeat(1000);
  const body = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  const response = await send(body);
  assert_equals(response.status, 200);
  assert_equals(await new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).text(), text);
}, "a stream that is compressed on the way");

promise_test(async () => {
  const error = new Error("of the source");
  const body = new ReadableStream({
    start(controller) { controller.enqueue(encode("a")); },
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      controller.error(error);
    },
  });
  const caught = await send(body).then(() => assert_unreached("it resolved"), (reason) => reason);
  assert_true(caught instanceof Error);
}, "a stream that fails fails the fetch");

promise_test(async () => {
  const body = new ReadableStream({ start(controller) { controller.enqueue("text"); controller.close(); } });
  const caught = await send(body).then(() => assert_unreached("it resolved"), (reason) => reason);
  assert_true(caught instanceof Error);
}, "a stream with a string in it fails the fetch");

promise_test(async (t) => {
  const locked = source(["text"]);
  locked.getReader();
  await promise_rejects_js(t, TypeError, send(locked));
  const used = source(["text", "more"]);
  const reader = used.getReader();
  await reader.read();
  reader.releaseLock();
  await promise_rejects_js(t, TypeError, send(used));
}, "a stream that is locked or was read from");

promise_test(async () => {
  const controller = new AbortController();
  let cancelled;
  const reason = new Promise((resolve) => { cancelled = resolve; });
  const body = new ReadableStream({
    async pull(sink) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      sink.enqueue(encode("more "));
    },
    cancel: cancelled,
  });
  const fetched = send(body, { signal: controller.signal }).then(() => assert_unreached("it resolved"), (error) => error);
  setTimeout(() => controller.abort("enough"), 50);
  assert_equals(await fetched, "enough");
  assert_equals(await reason, "enough");
}, "abort() cancels the stream that is sent");

promise_test(async () => {
  const stream = source(["text"]);
  const fetched = send(stream);
  assert_true(stream.locked);
  await (await fetched).text();
}, "the stream is locked as soon as fetch() is called");

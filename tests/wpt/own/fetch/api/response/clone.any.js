// Response.clone() (https://fetch.spec.whatwg.org/#dom-response-clone).
promise_test(async () => {
  const response = new Response("text", { status: 404, statusText: "Nothing", headers: { a: "1" } });
  const clone = response.clone();
  assert_not_equals(clone, response);
  for (const name of ["status", "statusText", "ok", "type", "url", "redirected"]) assert_equals(clone[name], response[name], name);
  assert_equals(JSON.stringify([...clone.headers]), JSON.stringify([...response.headers]));
  assert_equals(await clone.text(), "text");
  assert_false(response.bodyUsed);
  assert_equals(await response.text(), "text");
}, "a clone is the same, and is read by itself");

promise_test(async () => {
  const response = new Response(new Uint8Array([1, 2, 3]));
  const clones = [response.clone(), response.clone()];
  clones.push(clones[1].clone());
  const read = await Promise.all([response, ...clones].map((one) => one.arrayBuffer()));
  for (const buffer of read) assert_array_equals(new Uint8Array(buffer), [1, 2, 3]);
  assert_equals(new Set(read).size, 4);
}, "clones of clones");

promise_test(async (t) => {
  const response = new Response("text");
  await response.text();
  assert_throws_js(TypeError, () => response.clone());
}, "a used response can't be cloned");

test(() => {
  const response = new Response("text");
  const reader = response.body.getReader();
  assert_throws_js(TypeError, () => response.clone());
  reader.releaseLock();
  response.clone();
}, "a locked response can't be cloned");

promise_test(async () => {
  const response = new Response("text");
  const reader = response.body.getReader();
  await reader.read();
  reader.releaseLock();
  assert_true(response.bodyUsed);
  assert_throws_js(TypeError, () => response.clone());
}, "a response that was read from can't be cloned");

test(() => {
  const clone = new Response(null, { status: 204 }).clone();
  assert_equals(clone.body, null);
  assert_equals(clone.status, 204);
  assert_throws_js(TypeError, () => Response.prototype.clone.call({}));
}, "a clone without a body");

promise_test(async () => {
  let pulls = 0;
  const response = new Response(new ReadableStream({
    pull(controller) {
      controller.enqueue(new TextEncoder().encode(`${++pulls};`));
      if (pulls === 3) controller.close();
    },
  }, { highWaterMark: 0 }));
  const clone = response.clone();
  assert_equals(await clone.text(), "1;2;3;");
  assert_equals(await response.text(), "1;2;3;");
  assert_equals(pulls, 3, "the source is read once");
}, "a clone of a stream");

promise_test(async () => {
  const response = new Response(new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array([1, 2]));
      controller.close();
    },
  }));
  const clone = response.clone();
  const [{ value: one }, { value: two }] = await Promise.all([response.body.getReader().read(), clone.body.getReader().read()]);
  one[0] = 9;
  assert_array_equals(two, [1, 2]);
}, "the chunks of a clone are copies");

promise_test(async (t) => {
  const error = new Error("of the source");
  const response = new Response(new ReadableStream({ start(controller) { controller.error(error); } }));
  const clone = response.clone();
  await Promise.all([promise_rejects_exactly(t, error, response.text()), promise_rejects_exactly(t, error, clone.text())]);
}, "an error comes to both");

promise_test(async () => {
  let reason;
  const response = new Response(new ReadableStream({ cancel(given) { reason = given; } }));
  const clone = response.clone();
  const cancelled = Promise.all([response.body.cancel("one"), clone.body.cancel("two")]);
  await cancelled;
  assert_array_equals(reason, ["one", "two"]);
}, "the source is cancelled when both are");

promise_test(async () => {
  const response = new Response("text");
  const before = response.body;
  const clone = response.clone();
  assert_true(before.locked || before === response.body);
  assert_false(response.body.locked);
  assert_not_equals(clone.body, response.body);
  assert_equals(await new Response(response.body).text() + await new Response(clone.body).text(), "texttext");
}, "the streams of both");

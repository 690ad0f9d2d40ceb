// Bodies are read once (https://fetch.spec.whatwg.org/#concept-body-consume-body).
const methods = ["arrayBuffer", "blob", "bytes", "json", "text"];
const owners = {
  Request: (body) => new Request("https://example.com", { method: "POST", body, duplex: "half" }),
  Response: (body) => new Response(body),
};

for (const [owner, make] of Object.entries(owners)) {
  for (const first of methods) {
    promise_test(async (t) => {
      const one = make('"text"');
      assert_false(one.bodyUsed);
      const reading = one[first]();
      assert_true(one.bodyUsed);
      for (const second of [...methods, "formData"]) await promise_rejects_js(t, TypeError, one[second](), second);
      await reading;
      assert_true(one.bodyUsed);
      for (const second of methods) await promise_rejects_js(t, TypeError, one[second](), second);
    }, `${owner}: nothing more after ${first}()`);
  }

  promise_test(async (t) => {
    const one = make("");
    await one.text();
    assert_true(one.bodyUsed);
    await promise_rejects_js(t, TypeError, one.text());
  }, `${owner}: an empty body is a body`);

  promise_test(async () => {
    const one = make(null);
    for (let i = 0; i < 2; i++) {
      assert_equals(await one.text(), "");
      assert_false(one.bodyUsed);
    }
  }, `${owner}: no body is never used`);

  promise_test(async (t) => {
    const one = make("text");
    await promise_rejects_js(t, SyntaxError, one.json());
    assert_true(one.bodyUsed);
    await promise_rejects_js(t, TypeError, one.text());
  }, `${owner}: a body that is no JSON is used`);

  promise_test(async (t) => {
    const one = make("text");
    await promise_rejects_js(t, TypeError, one.formData());
    await promise_rejects_js(t, TypeError, one.text());
  }, `${owner}: a body that is no form is used`);

  promise_test(async (t) => {
    const one = make("text");
    const reader = one.body.getReader();
    assert_false(one.bodyUsed, "locked is not used");
    for (const name of methods) await promise_rejects_js(t, TypeError, one[name](), name);
    reader.releaseLock();
    assert_equals(await one.text(), "text");
  }, `${owner}: a locked body`);

  promise_test(async (t) => {
    const one = make("text");
    const reader = one.body.getReader();
    const { value } = await reader.read();
    assert_equals(new TextDecoder().decode(value), "text");
    assert_true(one.bodyUsed);
    reader.releaseLock();
    assert_true(one.bodyUsed);
    await promise_rejects_js(t, TypeError, one.text());
  }, `${owner}: a body that was read as a stream`);

  promise_test(async (t) => {
    const one = make("text");
    await one.body.cancel();
    assert_true(one.bodyUsed);
    await promise_rejects_js(t, TypeError, one.text());
  }, `${owner}: a body that was cancelled`);

  promise_test(async () => {
    const one = make("text");
    const { body } = one;
    const reading = one.text();
    assert_true(body.locked);
    assert_throws_js(TypeError, () => body.getReader());
    assert_equals(await reading, "text");
    assert_equals(one.body, body, "it is still there");
  }, `${owner}: the stream is locked while it is read`);

  promise_test(async () => {
    const [left, right] = make("text").body.tee();
    assert_equals(await new Response(left).text(), "text");
    assert_equals(await new Response(right).text(), "text");
  }, `${owner}: tee() of the body`);

  promise_test(async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const one = make(bytes);
    bytes.fill(9);
    const got = await one.bytes();
    assert_array_equals(got, [1, 2, 3]);
    assert_not_equals(got.buffer, bytes.buffer);
  }, `${owner}: bytes are copied when they are given`);

  promise_test(async () => {
    const params = new URLSearchParams("a=1");
    const one = make(params);
    params.append("b", "2");
    assert_equals(await one.text(), "a=1");
    const form = new FormData();
    form.append("a", "1");
    const other = make(form);
    form.append("b", "2");
    const got = await other.formData();
    assert_true(got.has("a"));
    assert_false(got.has("b"));
  }, `${owner}: parameters and forms are written when they are given`);
}

promise_test(async () => {
  const response = new Response("text");
  const reading = [response.text()];
  assert_true(reading[0] instanceof Promise);
  assert_equals(await reading[0], "text");
}, "reading gives a promise");

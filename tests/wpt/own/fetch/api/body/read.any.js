// The methods that read bodies, of each kind of body (https://fetch.spec.whatwg.org/#body-mixin).
const encode = (text) => new TextEncoder().encode(text);
const stream = (...chunks) => new ReadableStream({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(chunk);
    controller.close();
  },
});

const owners = {
  Request: (body, headers) => new Request("https://example.com", { method: "POST", body, headers, duplex: "half" }),
  Response: (body, headers) => new Response(body, { headers }),
};

// [what it is, the body, its bytes as text, its Content-Type]
const bodies = [
  ["a string", () => "caf\u00e9", "caf\u00e9", "text/plain;charset=UTF-8"],
  ["the empty string", () => "", "", "text/plain;charset=UTF-8"],
  ["a string with a lone surrogate", () => "a\ud800b", "a\ufffdb", "text/plain;charset=UTF-8"],
  ["a String object", () => Object("text"), "text", "text/plain;charset=UTF-8"],
  ["a number", () => 5, "5", "text/plain;charset=UTF-8"],
  ["true", () => true, "true", "text/plain;charset=UTF-8"],
  ["an object", () => ({}), "[object Object]", "text/plain;charset=UTF-8"],
  ["an object with toString()", () => ({ toString: () => "made" }), "made", "text/plain;charset=UTF-8"],
  ["an ArrayBuffer", () => encode("bytes").buffer, "bytes", null],
  ["a Uint8Array", () => encode("bytes"), "bytes", null],
  ["a part of a buffer", () => encode("a part b").subarray(2, 6), "part", null],
  ["a DataView", () => new DataView(encode("a part b").buffer, 2, 4), "part", null],
  ["a Uint16Array", () => new Uint16Array(encode("ab").buffer), "ab", null],
  ["an empty Uint8Array", () => new Uint8Array(0), "", null],
  ["a Blob", () => new Blob(["bl", "ob"]), "blob", null],
  ["a Blob with a type", () => new Blob(["blob"], { type: "Text/X;A=b" }), "blob", "text/x;a=b"],
  ["a File", () => new File(["file"], "name.txt", { type: "text/html" }), "file", "text/html"],
  ["URLSearchParams", () => new URLSearchParams("a=1&b=%20 \u00e9"), "a=1&b=++%C3%A9", "application/x-www-form-urlencoded;charset=UTF-8"],
  ["a stream", () => stream(encode("str"), new Uint8Array(0), encode("eam")), "stream", null],
  ["an empty stream", () => stream(), "", null],
];

for (const [owner, make] of Object.entries(owners)) {
  for (const [name, body, text, type] of bodies) {
    promise_test(async () => {
      const one = make(body());
      assert_equals(one.headers.get("content-type"), type, "Content-Type");
      assert_true(one.body instanceof ReadableStream, "body");
      assert_equals(await make(body()).text(), text, "text()");
      assert_array_equals(new Uint8Array(await make(body()).arrayBuffer()), encode(text), "arrayBuffer()");
      assert_array_equals(await make(body()).bytes(), encode(text), "bytes()");
      const blob = await make(body()).blob();
      assert_equals(await blob.text(), text, "blob()");
      assert_equals(blob.type.toLowerCase(), (type ?? "").toLowerCase(), "the type of blob()");
      assert_equals(make(body(), { "Content-Type": "text/own" }).headers.get("content-type"), "text/own", "one that is given stays");
    }, `${owner}: ${name}`);
  }

  promise_test(async () => {
    const none = make(null);
    assert_equals(none.body, null);
    assert_equals(none.headers.get("content-type"), null);
    assert_equals(await none.text(), "");
    assert_equals((await none.arrayBuffer()).byteLength, 0);
    assert_equals((await none.bytes()).length, 0);
    assert_equals((await none.blob()).size, 0);
    assert_equals((await none.blob()).type, "");
    assert_equals(await make(null, { "content-type": "text/x" }).blob().then(({ type }) => type), "text/x");
    assert_false(none.bodyUsed);
  }, `${owner}: no body`);

  promise_test(async (t) => {
    await promise_rejects_js(t, SyntaxError, make(null).json());
    await promise_rejects_js(t, TypeError, make(null).formData());
  }, `${owner}: no body is neither JSON nor a form`);

  // [text, value]
  for (const [text, value] of [['{"a":[1,null]}', { a: [1, null] }], [' "a" ', "a"], ["1e3", 1000], ["null", null], ['"\u00e9"', "\u00e9"], ['\ufeff{"a":1}', { a: 1 }]]) {
    promise_test(async () => {
      assert_equals(JSON.stringify(await make(text).json()), JSON.stringify(value));
      assert_equals(JSON.stringify(await make(stream(encode(text).subarray(0, 2), encode(text).subarray(2))).json()), JSON.stringify(value));
    }, `${owner}: json() of ${format_value(text)}`);
  }
  for (const text of ["", " ", "{", "{a:1}", "'a'", "[1,]", "NaN", "undefined", "1 2", '"\n"']) {
    promise_test(async (t) => {
      await promise_rejects_js(t, SyntaxError, make(text).json());
    }, `${owner}: json() of ${format_value(text)} fails`);
  }

  // [bytes, text]
  for (const [bytes, text] of [
    [[0xef, 0xbb, 0xbf, 0x61], "a"],
    [[0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
    [[0x61, 0xff, 0x62], "a\ufffdb"],
    [[0xc3], "\ufffd"],
    [[0xf0, 0x9f, 0x98], "\ufffd"],
    [[0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
    [[0xff, 0xfe, 0x61, 0x00], "\ufffd\ufffda\0"],
    [[0xc0, 0x80], "\ufffd\ufffd"],
    [[0x0d, 0x0a, 0x00], "\r\n\0"],
  ]) {
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    promise_test(async () => {
      assert_equals(await make(new Uint8Array(bytes)).text(), text);
      assert_equals(await make(new Uint8Array(bytes), { "content-type": "text/plain;charset=utf-16" }).text(), text, "whatever the Content-Type says");
      assert_equals(await make(stream(...bytes.map((byte) => new Uint8Array([byte])))).text(), text, "byte by byte");
      assert_array_equals(await make(new Uint8Array(bytes)).bytes(), bytes);
    }, `${owner}: text() of ${hex}`);
  }

  test(() => {
    for (const name of ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]) {
      const { value, enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(Body.prototype, name);
      assert_equals(value.name, name);
      assert_equals(value.length, 0, name);
      assert_true(enumerable && writable && configurable, name);
    }
  }, `${owner}: the methods`);

  promise_test(async (t) => {
    for (const name of ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]) {
      await promise_rejects_js(t, TypeError, self[owner].prototype[name].call({}), name);
    }
  }, `${owner}: the methods reject for another this`);

  test(() => {
    assert_throws_js(TypeError, () => make(Symbol("s")));
    const error = new Error("from toString");
    assert_throws_exactly(error, () => make({ toString() { throw error; } }));
  }, `${owner}: what can't be made a string`);
}

// new Response(body, init) (https://fetch.spec.whatwg.org/#dom-response).
test(() => {
  for (const response of [new Response(), new Response(undefined), new Response(null), new Response(null, {}), new Response(undefined, undefined)]) {
    assert_equals(response.status, 200);
    assert_true(response.ok);
    assert_equals(response.type, "default");
    assert_equals(response.url, "");
    assert_false(response.redirected);
    assert_equals(response.body, null);
    assert_false(response.bodyUsed);
    assert_array_equals([...response.headers], []);
  }
}, "defaults");

for (const [given, status] of [[200, 200], [201, 201], [299, 299], [300, 300], [404, 404], [599, 599], ["200", 200], [200.9, 200], [65536 + 200, 200], [-65536 + 404, 404], [{ valueOf: () => 404 }, 404]]) {
  test(() => {
    const response = new Response(null, { status: given });
    assert_equals(response.status, status);
    assert_equals(response.ok, status < 300);
  }, `status ${typeof given === "object" ? "of an object" : format_value(given)}`);
}

for (const status of [0, 1, 100, 102, 199, 600, 999, 1000, -1, 65535, NaN, Infinity, "a", null, {}]) {
  test(() => {
    assert_throws_js(RangeError, () => new Response(null, { status }));
  }, `status ${typeof status === "object" ? JSON.stringify(status) : format_value(status)} is refused`);
}

for (const status of [204, 205, 304]) {
  test(() => {
    assert_equals(new Response(null, { status }).status, status);
    assert_equals(new Response(undefined, { status }).body, null);
    for (const body of ["text", new Uint8Array(1), new Blob(["a"]), new ReadableStream(), new URLSearchParams("a=b")]) {
      assert_throws_js(TypeError, () => new Response(body, { status }));
    }
  }, `status ${status} has no body`);
}

for (const statusText of ["", "OK", "Not OK", "a\tb", " ", "caf\u00e9", "\u00ff", "!~"]) {
  test(() => {
    const response = new Response(null, { status: 299, statusText });
    assert_equals(response.statusText, statusText);
    assert_equals(response.clone().statusText, statusText);
  }, `statusText ${format_value(statusText)}`);
}

for (const statusText of ["\n", "a\nb", "a\rb", "\0", "a\x01", "\x7f"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Response(null, { statusText }));
  }, `statusText ${format_value(statusText)} is refused`);
}

test(() => {
  assert_equals(new Response(null, { statusText: 5 }).statusText, "5");
  assert_equals(new Response(null, { statusText: null }).statusText, "null");
  assert_throws_js(TypeError, () => new Response(null, { statusText: Symbol("s") }));
}, "the status text is made a string");

for (const [name, make] of [
  ["new Response()", () => new Response()],
  ["a status of 200", () => new Response("text", { status: 200 })],
  ["a status of 404", () => new Response(null, { status: 404 })],
  ["a status of 299", () => new Response(null, { status: 299 })],
  ["Response.json()", () => Response.json({})],
  ["Response.redirect()", () => Response.redirect("https://example.com/")],
]) {
  test(() => {
    assert_equals(make().statusText, "");
    assert_equals(make().clone().statusText, "");
  }, `the status text of ${name} is empty`);
}

for (const [name, headers, value] of [
  ["an object", { a: "1" }, "1"],
  ["pairs", [["a", "1"], ["A", "2"]], "1, 2"],
  ["Headers", new Headers({ a: "1" }), "1"],
  ["undefined", undefined, null],
]) {
  test(() => {
    assert_equals(new Response(null, { headers }).headers.get("a"), value);
  }, `headers of ${name}`);
}

for (const [name, headers] of [["null", null], ["a string", "a"], ["a bad name", { "a b": "1" }], ["a bad value", { a: "\n1\n2" }], ["a short pair", [["a"]]]]) {
  test(() => {
    assert_throws_js(TypeError, () => new Response(null, { headers }));
  }, `headers of ${name} are refused`);
}

for (const init of ["a", 1, true]) {
  test(() => {
    assert_throws_js(TypeError, () => new Response(null, init));
  }, `the init ${format_value(init)} is refused`);
}

test(() => {
  assert_equals(new Response(null, null).status, 200);
  assert_equals(new Response(null, []).status, 200);
  assert_equals(new Response(null, () => {}).status, 200);
}, "other objects are inits without members");

test(() => {
  const error = new Error("from the getter");
  for (const name of ["status", "statusText", "headers"]) {
    assert_throws_exactly(error, () => new Response(null, { get [name]() { throw error; } }), name);
  }
  assert_throws_exactly(error, () => new Response({ toString() { throw error; } }));
}, "what getters and conversions throw passes through");

test(() => {
  const from = new Response("text", { status: 404, statusText: "Nothing", headers: { a: "1" } });
  const made = new Response("other", from);
  assert_equals(made.status, 404);
  assert_equals(made.statusText, "Nothing");
  assert_equals(made.headers.get("a"), "1");
  assert_false(from.bodyUsed);
  made.headers.set("a", "2");
  assert_equals(from.headers.get("a"), "1");
}, "another response as the init");

for (const name of ["type", "url", "redirected", "status", "ok", "statusText", "headers", "body", "bodyUsed"]) {
  test(() => {
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(name.startsWith("body") ? Body.prototype : Response.prototype, name);
    assert_equals(typeof get, "function");
    assert_equals(set, undefined);
    assert_true(enumerable && configurable);
    assert_throws_js(TypeError, () => Response.prototype[name]);
    const response = new Response();
    const before = response[name];
    assert_throws_js(TypeError, () => { "use strict"; response[name] = "changed"; });
    assert_equals(response[name], before);
  }, `${name} is a read-only attribute`);
}

test(() => {
  assert_equals(Response.name, "Response");
  assert_equals(Response.length, 0);
  assert_throws_js(TypeError, () => Response());
  assert_equals(Object.prototype.toString.call(new Response()), "[object Response]");
  class Derived extends Response {}
  assert_true(new Derived("a", { status: 201 }) instanceof Derived);
  assert_equals(new Derived("a", { status: 201 }).status, 201);
}, "the class");

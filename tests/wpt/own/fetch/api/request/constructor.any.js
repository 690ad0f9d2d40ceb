// new Request(input, init) (https://fetch.spec.whatwg.org/#dom-request).
const URL_ = "https://example.com/a?b";

// [input, url]
for (const [input, url] of [
  ["https://example.com", "https://example.com/"],
  ["https://example.com/a?b", "https://example.com/a?b"],
  ["https://example.com/a#b", "https://example.com/a#b"],
  ["HTTPS://EXAMPLE.com:443/../a b", "https://example.com/a%20b"],
  [" https://example.com\n", "https://example.com/"],
  ["https://caf\u00e9.example/\u00e9?\u00e9#\u00e9", "https://xn--caf-dma.example/%C3%A9?%C3%A9#%C3%A9"],
  ["data:,a", "data:,a"],
  ["foo:bar", "foo:bar"],
  [new URL("https://example.com/url"), "https://example.com/url"],
  [{ toString: () => "https://example.com/object" }, "https://example.com/object"],
  [["https://example.com/array"], "https://example.com/array"],
  ["https://example.com/\ud800", "https://example.com/%EF%BF%BD"],
]) {
  test(() => {
    assert_equals(new Request(input).url, url);
  }, `the URL ${format_value(String(input))}`);
}

for (const input of ["https://", "https://exa<mple.com", "https://example.com:65536", "http://[::1"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(input));
  }, `the URL ${format_value(input)} is refused`);
}

test(() => {
  assert_throws_js(TypeError, () => new Request());
  assert_throws_js(TypeError, () => Request(URL_));
  assert_throws_js(TypeError, () => new Request(Symbol("s")));
  const error = new Error("from toString");
  assert_throws_exactly(error, () => new Request({ toString() { throw error; } }));
}, "the input is required, and made a string");

test(() => {
  for (const init of [undefined, null, {}, [], () => {}]) {
    const request = new Request(URL_, init);
    assert_equals(request.method, "GET");
    assert_equals(request.url, URL_);
    assert_equals(request.redirect, "follow");
    assert_equals(request.integrity, "");
    assert_equals(request.keepalive, false);
    assert_equals(request.body, null);
    assert_false(request.bodyUsed);
    assert_array_equals([...request.headers], []);
    assert_true(request.signal instanceof AbortSignal);
    assert_false(request.signal.aborted);
  }
}, "defaults");

for (const init of ["a", 1, true]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(URL_, init));
  }, `the init ${format_value(init)} is refused`);
}

for (const [given, method] of [
  ["GET", "GET"], ["get", "GET"], ["gEt", "GET"], ["HEAD", "HEAD"], ["head", "HEAD"], ["POST", "POST"], ["post", "POST"], ["PUT", "PUT"], ["put", "PUT"],
  ["DELETE", "DELETE"], ["delete", "DELETE"], ["OPTIONS", "OPTIONS"], ["options", "OPTIONS"], ["PATCH", "PATCH"], ["PROPFIND", "PROPFIND"],
]) {
  test(() => {
    assert_equals(new Request(URL_, { method: given }).method, method);
  }, `the method ${format_value(given)}`);
}

for (const method of ["", " ", "GET ", " GET", "G ET", "GET\n", "G\u00cbT", "(GET)", "GET,POST", "CONNECT", "connect", {}]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(URL_, { method }));
  }, `the method ${typeof method === "string" ? format_value(method) : "of an object"} is refused`);
}

for (const redirect of ["follow", "manual"]) {
  test(() => {
    assert_equals(new Request(URL_, { redirect }).redirect, redirect);
    assert_equals(new Request(new Request(URL_, { redirect })).redirect, redirect);
    assert_equals(new Request(URL_, { redirect }).clone().redirect, redirect);
  }, `redirect ${redirect}`);
}

for (const redirect of ["", "Follow", "never", "nofollow", null, 0]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(URL_, { redirect }));
  }, `redirect ${format_value(redirect)} is refused`);
}

test(() => {
  const order = [];
  const init = {};
  for (const name of ["body", "headers", "method", "redirect", "signal", "integrity"]) {
    Object.defineProperty(init, name, { get() { order.push(name); return undefined; } });
  }
  new Request(URL_, init);
  assert_array_equals([...order].sort(), ["body", "headers", "integrity", "method", "redirect", "signal"]);
  const error = new Error("from the getter");
  assert_throws_exactly(error, () => new Request(URL_, { get method() { throw error; } }));
}, "each member of the init is read once");

test(() => {
  assert_throws_js(TypeError, () => new Request(URL_, { headers: { "a b": "1" } }));
  assert_throws_js(TypeError, () => new Request(URL_, { headers: [["a"]] }));
  assert_throws_js(TypeError, () => new Request(URL_, { headers: "a" }));
  assert_equals(new Request(URL_, { headers: [["a", "1"], ["a", "2"]] }).headers.get("a"), "1, 2");
  assert_equals(new Request(URL_, { headers: { a: "1" } }).headers.get("a"), "1");
  assert_equals(new Request(URL_, { headers: undefined }).headers.get("a"), null);
}, "the headers of the init");

test(() => {
  const controller = new AbortController();
  const request = new Request(URL_, { signal: controller.signal });
  assert_false(request.signal.aborted);
  controller.abort("reason");
  assert_true(request.signal.aborted);
  assert_equals(request.signal.reason, "reason");
  assert_true(new Request(URL_, { signal: AbortSignal.abort() }).signal.aborted);
  assert_false(new Request(URL_, { signal: null }).signal.aborted);
  for (const signal of ["a", 1, {}, controller, true]) assert_throws_js(TypeError, () => new Request(URL_, { signal }), String(signal));
}, "the signal of the init");

for (const name of ["method", "url", "headers", "redirect", "signal", "integrity", "keepalive", "body", "bodyUsed"]) {
  test(() => {
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(name.startsWith("body") ? Body.prototype : Request.prototype, name);
    assert_equals(typeof get, "function");
    assert_equals(set, undefined);
    assert_true(enumerable && configurable);
    assert_throws_js(TypeError, () => Request.prototype[name]);
    const request = new Request(URL_);
    const before = request[name];
    assert_throws_js(TypeError, () => { "use strict"; request[name] = "changed"; });
    assert_equals(request[name], before);
  }, `${name} is a read-only attribute`);
}

test(() => {
  assert_equals(Request.name, "Request");
  assert_equals(Request.length, 1);
  assert_equals(Object.prototype.toString.call(new Request(URL_)), "[object Request]");
  class Derived extends Request {}
  assert_true(new Derived(URL_) instanceof Derived);
  assert_equals(new Derived(URL_).url, URL_);
}, "the class");

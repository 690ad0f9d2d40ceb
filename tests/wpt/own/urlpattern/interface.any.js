// The interface's shape (https://urlpattern.spec.whatwg.org/#urlpattern-class).
const NAMES = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];

test(() => {
  assert_equals(typeof URLPattern, "function");
  assert_equals(URLPattern.name, "URLPattern");
  assert_equals(URLPattern.length, 0);
  const described = Object.getOwnPropertyDescriptor(self, "URLPattern");
  assert_true(described.writable);
  assert_true(described.configurable);
  assert_false(described.enumerable);
  assert_throws_js(TypeError, () => URLPattern("https://example.com"));
}, "URLPattern is a class of the global object");

test(() => {
  assert_equals(Object.prototype.toString.call(new URLPattern()), "[object URLPattern]");
  assert_equals(URLPattern.prototype.constructor, URLPattern);
  assert_equals(Object.getPrototypeOf(URLPattern.prototype), Object.prototype);
  assert_array_equals(Object.keys(new URLPattern()), []);
}, "its instances");

for (const name of [...NAMES, "hasRegExpGroups"]) {
  test(() => {
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(URLPattern.prototype, name);
    assert_equals(get.name, `get ${name}`);
    assert_equals(set, undefined);
    assert_true(enumerable);
    assert_true(configurable);
    assert_throws_js(TypeError, () => URLPattern.prototype[name]);
    assert_throws_js(TypeError, () => get.call({}));
    const pattern = new URLPattern();
    assert_throws_js(TypeError, () => { "use strict"; pattern[name] = "a"; });
    assert_equals(pattern[name], name === "hasRegExpGroups" ? false : "*");
  }, `${name} is a read-only attribute`);
}

for (const name of ["test", "exec"]) {
  test(() => {
    const { value, enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(URLPattern.prototype, name);
    assert_equals(value.name, name);
    assert_equals(value.length, 0);
    assert_true(enumerable && writable && configurable);
    assert_throws_js(TypeError, () => value.call({}, "https://example.com"));
    assert_throws_js(TypeError, () => value.call(undefined));
  }, `${name}() is a method`);
}

test(() => {
  const order = [];
  const init = new Proxy({}, { get(_, key) { order.push(key); return undefined; }, has: () => true });
  new URLPattern(init);
  assert_array_equals(order.filter((key) => typeof key === "string"), ["baseURL", "hash", "hostname", "password", "pathname", "port", "protocol", "search", "username"]);
}, "the members of a dictionary are read in order of their names");

test(() => {
  const pattern = new URLPattern({ pathname: { toString: () => "/a" }, port: 8080, search: null, hash: ["h"] });
  assert_equals(pattern.pathname, "/a");
  assert_equals(pattern.port, "8080");
  assert_equals(pattern.search, "null");
  assert_equals(pattern.hash, "h");
}, "the members of a dictionary are made strings");

test(() => {
  assert_equals(new URLPattern({ pathname: "/\ud800" }).pathname, "/%EF%BF%BD");
  assert_true(new URLPattern({ pathname: "/\ufffd" }).test("https://example.com/\udc00"));
}, "lone surrogates are replaced");

test(() => {
  const described = new URL("https://example.com:81/a?b");
  const pattern = new URLPattern(described);
  // A URL is an object that has the dictionary's members.
  assert_equals(pattern.hostname, "example.com");
  assert_equals(pattern.protocol, "https");
  assert_equals(pattern.port, "81");
  assert_equals(pattern.pathname, "/a");
  assert_equals(pattern.search, "b");
  assert_equals(pattern.username, "");
}, "a URL is taken as a dictionary");

test(() => {
  const one = new URLPattern("https://example.com/:a/*?x=(\\d)#:h");
  const two = new URLPattern(one);
  for (const name of NAMES) assert_equals(two[name], one[name], name);
  assert_true(two.hasRegExpGroups);
}, "a pattern can be made of a pattern");

test(() => {
  class Routes extends URLPattern {
    constructor(path) { super({ pathname: path }); }
  }
  const routes = new Routes("/:a");
  assert_true(routes instanceof URLPattern);
  assert_equals(routes.exec("https://example.com/b").pathname.groups.a, "b");
}, "it can be extended");

test(() => {
  for (const input of [undefined, null, {}, []]) {
    const pattern = new URLPattern(input);
    for (const name of NAMES) assert_equals(pattern[name], "*", name);
  }
}, "no input is an empty dictionary");

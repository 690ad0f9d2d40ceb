// What exec() returns (https://urlpattern.spec.whatwg.org/#dictdef-urlpatternresult).
const NAMES = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const everything = () => new URLPattern();

test(() => {
  const url = "https://user:pass@sub.example.com:8080/a/b?q=1#h";
  const result = everything().exec(url);
  const values = ["https", "user", "pass", "sub.example.com", "8080", "/a/b", "q=1", "h"];
  assert_array_equals(Object.keys(result).sort(), ["inputs", ...NAMES].sort());
  NAMES.forEach((name, at) => {
    assert_equals(result[name].input, values[at], `${name}'s input`);
    assert_array_equals(Object.keys(result[name].groups), ["0"], `${name}'s groups`);
    assert_equals(result[name].groups[0], values[at], `${name}'s group`);
  });
  assert_array_equals(result.inputs, [url]);
}, "all components of a URL");

test(() => {
  const result = everything().exec("data:text");
  assert_equals(result.hostname.input, "");
  assert_equals(result.port.input, "");
  assert_equals(result.pathname.input, "text");
  assert_equals(result.search.groups[0], "");
}, "components that a URL lacks are empty");

test(() => {
  const pattern = new URLPattern("/a/:id", "https://example.com/");
  const result = pattern.exec("b", "https://example.com/a/");
  assert_equals(result.pathname.groups.id, "b");
  assert_array_equals(result.inputs, ["b", "https://example.com/a/"]);
}, "the inputs are the URL and the base URL, as given");

test(() => {
  const result = everything().exec("HTTPS://EXAMPLE.com:443/a/../b c");
  assert_array_equals(result.inputs, ["HTTPS://EXAMPLE.com:443/a/../b c"]);
  assert_equals(result.protocol.input, "https");
  assert_equals(result.hostname.input, "example.com");
  assert_equals(result.port.input, "");
  assert_equals(result.pathname.input, "/b%20c");
}, "a component's input is what was parsed");

test(() => {
  const result = everything().exec({ pathname: "/a", search: "?q", hash: "#h", protocol: "http:" });
  assert_equals(result.inputs.length, 1);
  assert_array_equals(Object.keys(result.inputs[0]).sort(), ["hash", "pathname", "protocol", "search"]);
  assert_equals(result.inputs[0].pathname, "/a");
  assert_equals(result.inputs[0].search, "?q");
  assert_equals(result.search.input, "q");
  assert_equals(result.hash.input, "h");
  assert_equals(result.protocol.input, "http");
  assert_equals(result.hostname.input, "");
}, "the input may be a dictionary, of which a copy is given");

test(() => {
  const given = { pathname: "/a", other: 1 };
  const { inputs } = everything().exec(given);
  assert_not_equals(inputs[0], given);
  assert_false("other" in inputs[0]);
  inputs[0].pathname = "/b";
  assert_equals(given.pathname, "/a");
}, "the copy is the caller's own");

test(() => {
  for (const result of [everything().exec(), everything().exec(undefined), everything().exec({})]) {
    assert_equals(result.inputs.length, 1);
    assert_array_equals(Object.keys(result.inputs[0]), []);
    for (const name of NAMES) assert_equals(result[name].input, "", name);
  }
}, "without an input, it is an empty dictionary");

test(() => {
  const { groups } = new URLPattern({ pathname: "/:a?/:b(x)?/*/(y)?/*" }).exec("https://example.com/1//").pathname;
  assert_equals(groups.a, "1");
  assert_equals(groups.b, undefined);
  assert_true("b" in groups, "is there, as undefined");
  assert_array_equals(Object.keys(groups).sort(), ["0", "1", "2", "a", "b"]);
}, "groups that matched nothing are undefined");

test(() => {
  const { groups } = new URLPattern({ pathname: "/:z/:a/*/(\\d)" }).exec({ pathname: "/1/2/3/4" }).pathname;
  assert_array_equals(Object.values(groups).sort(), ["1", "2", "3", "4"]);
  assert_equals(groups[0], "3");
  assert_equals(groups[1], "4");
}, "groups without a name are numbered from zero");

test(() => {
  const { hostname, pathname } = new URLPattern("https://:a.*/:a/*").exec("https://x.y/z/w");
  assert_equals(hostname.groups.a, "x");
  assert_equals(pathname.groups.a, "z");
  assert_equals(hostname.groups[0], "y");
  assert_equals(pathname.groups[0], "w");
}, "each component has its own names and numbers");

test(() => {
  const result = new URLPattern("https://example.com/").exec("https://example.com/");
  assert_array_equals(Object.keys(result.pathname.groups), []);
  assert_array_equals(Object.keys(result.protocol.groups), []);
  assert_equals(result.search.groups[0], "");
}, "fixed text has no groups");

test(() => {
  const result = everything().exec("https://example.com/");
  assert_equals(Object.getPrototypeOf(result), Object.prototype);
  assert_equals(Object.getPrototypeOf(result.pathname), Object.prototype);
  assert_equals(Object.getPrototypeOf(result.pathname.groups), Object.prototype);
  assert_true(Array.isArray(result.inputs));
  assert_array_equals(Object.keys(result.pathname).sort(), ["groups", "input"]);
}, "results are plain objects");

test(() => {
  const { groups } = new URLPattern({ pathname: "/:__proto__/:hasOwnProperty" }).exec({ pathname: "/a/b" }).pathname;
  assert_equals(Object.getOwnPropertyDescriptor(groups, "__proto__")?.value, "a");
  assert_equals(Object.getOwnPropertyDescriptor(groups, "hasOwnProperty").value, "b");
}, "a group may be called __proto__");

test(() => {
  const pattern = new URLPattern({ pathname: "/a/*" });
  const first = pattern.exec("https://example.com/a/1");
  const second = pattern.exec("https://example.com/a/2");
  assert_equals(first.pathname.groups[0], "1");
  assert_equals(second.pathname.groups[0], "2");
  assert_not_equals(first.pathname.groups, second.pathname.groups);
  for (let i = 0; i < 3; i++) assert_true(pattern.test("https://example.com/a/3"));
}, "a pattern has no state between calls");

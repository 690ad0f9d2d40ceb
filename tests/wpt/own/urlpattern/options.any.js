// ignoreCase, and hasRegExpGroups.
// [dictionary, input, matches with regard to case, matches without]
const cases = [
  [{ pathname: "/Foo" }, "https://example.com/foo", false, true],
  [{ pathname: "/foo" }, "https://example.com/FOO", false, true],
  [{ pathname: "/:a(b+)" }, "https://example.com/BbB", false, true],
  [{ pathname: "/caf\u00e9" }, "https://example.com/caf%c3%a9", false, true],
  [{ search: "Q=1" }, "https://example.com/?q=1", false, true],
  [{ search: "q=(a|b)" }, "https://example.com/?q=A", false, true],
  [{ hash: "Top" }, "https://example.com/#top", false, true],
  [{ username: "User" }, "https://user@example.com/", false, false],
  [{ password: "Pass" }, "https://u:pass@example.com/", false, false],
  [{ hostname: "EXAMPLE.com" }, "https://example.COM/", true, true],
  [{ hostname: "(EXAMPLE).com" }, "https://example.com/", false, false],
  [{ protocol: "HTTPS" }, "https://example.com/", true, true],
  [{ protocol: "(HTTPS)" }, "https://example.com/", false, false],
];

for (const [init, input, sensitive, insensitive] of cases) {
  test(() => {
    for (const options of [undefined, {}, { ignoreCase: false }, { ignoreCase: undefined }, { ignoreCase: 0 }, null]) {
      assert_equals(new URLPattern(init, options).test(input), sensitive, JSON.stringify(options));
    }
    for (const options of [{ ignoreCase: true }, { ignoreCase: 1 }, { ignoreCase: "false" }]) {
      assert_equals(new URLPattern(init, options).test(input), insensitive, JSON.stringify(options));
    }
  }, `${JSON.stringify(init)} on ${input}`);
}

test(() => {
  const pattern = new URLPattern({ pathname: "/Foo/:Bar", hash: "H" }, { ignoreCase: true });
  assert_equals(pattern.pathname, "/Foo/:Bar");
  assert_equals(pattern.hash, "H");
  const { input, groups } = pattern.exec("https://example.com/fOO/BAZ#h").pathname;
  assert_equals(input, "/fOO/BAZ");
  assert_equals(groups.Bar, "BAZ");
}, "ignoreCase changes neither patterns nor results");

test(() => {
  assert_true(new URLPattern("https://example.com/Foo", { ignoreCase: true }).test("https://example.com/foo"));
  assert_false(new URLPattern("https://example.com/Foo", {}).test("https://example.com/foo"));
  assert_true(new URLPattern("/Foo", "https://example.com", { ignoreCase: true }).test("https://example.com/foo"));
  assert_false(new URLPattern("/Foo", "https://example.com", {}).test("https://example.com/foo"));
  assert_false(new URLPattern("/Foo", "https://example.com").test("https://example.com/foo"));
  assert_true(new URLPattern(undefined, { ignoreCase: true }).test("https://example.com/foo"));
}, "where the options may be given");

test(() => {
  for (const options of [1, true, Symbol("s")]) assert_throws_js(TypeError, () => new URLPattern("/a", "https://example.com", options), String(options));
}, "the options are a dictionary");

test(() => {
  const error = new Error("from the getter");
  assert_throws_exactly(error, () => new URLPattern({}, { get ignoreCase() { throw error; } }));
}, "what the getter throws passes through");

// [dictionary, hasRegExpGroups]
const groups = [
  [{}, false],
  [{ pathname: "/" }, false],
  [{ pathname: "*" }, false],
  [{ pathname: "/:a" }, false],
  [{ pathname: "/:a?/:b*/:c+" }, false],
  [{ pathname: "/{a}?" }, false],
  [{ pathname: "/(.*)" }, false],
  [{ pathname: "/:a(.*)" }, false],
  [{ pathname: "/:a([^\\/]+?)" }, false],
  [{ pathname: "/([^\\/]+?)" }, false],
  [{ hostname: ":a([^\\.]+?)" }, false],
  [{ pathname: "/\\(a\\)" }, false],
  [{ pathname: "/(a)" }, true],
  [{ pathname: "/:a(b)" }, true],
  [{ pathname: "/(a)?" }, true],
  [{ pathname: "/{a(b)c}*" }, true],
  [{ pathname: "/(.*?)" }, true],
  [{ pathname: "/([^\\.]+?)" }, true],
  ...["protocol", "username", "password", "hostname", "port", "search", "hash"].flatMap((name) => [[{ [name]: "*" }, false], [{ [name]: "(1|2)" }, true]]),
];
for (const [init, has] of groups) {
  test(() => {
    assert_equals(new URLPattern(init).hasRegExpGroups, has);
  }, `hasRegExpGroups of ${JSON.stringify(init)}`);
}

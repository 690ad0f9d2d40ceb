// What is no pattern throws a TypeError.
const invalid = {
  protocol: ["caf\u00e9", "http;", "1http", "http s", "a_b", "(", "{", "{}{", ":1", "(\u00e9)", "http/"],
  username: ["(", "{", "\\", ":", "a{b", "a}b", "?", "+a", "(?a)", "(a", "({})"],
  password: ["(", "{", "\\", ":", "()", "*(?)"],
  hostname: ["a b", "a<b", "a^b", "a|b", "a%b", "%00", "[\\:\\:g]", "a[b", "(", "{", ":", "\\", "{[:::1]}", "[::1]", "xn--\u00fc", "a@b"],
  port: ["http", "65536", "-1", "99999999999", "(", ":", "a"],
  pathname: ["/(", "/{", "/}", "/:", "/:1", "/: a", "/\\", "/()", "/(a", "/{{a}}", "/{a", "/a}", "/?", "/?a", "/+", "/a+", "/a?", "/a/?", "/a/+b", "/:a:a", "/:a/:a", "/*(*)", "/(*)", "/(+)", "/(?a)", "/((a))", "/(a(b))", "/({)", "/(\\)", "/([)", "/(a\\", "/(\u00e9)", "/{:a:b}", "/{*:a}", "/{a:b*}", "/:a??", "/(a{3,2})", "/([b-a])", "/(?=a)", "/([a&&&b])", "/([(])"],
  search: ["(", "{", "\\", ":", "a?b", "a+b", "(a"],
  hash: ["(", "{", "\\", ":", "a?b", "a+b", "(a", "#:"],
};

for (const [component, patterns] of Object.entries(invalid)) {
  for (const pattern of patterns) {
    test(() => {
      assert_throws_js(TypeError, () => new URLPattern({ [component]: pattern }));
    }, `${component} ${format_value(pattern)}`);
  }
}

for (const [string, base] of [
  [""], ["/a"], ["a"], ["?q"], ["#h"], ["*"], ["{https://}example.com"], ["example.com"], ["data:text"], ["https:example.com/a"], ["(https)"], [":scheme"],
  ["https://["], ["https://(/"], ["https://example.com/("], ["https://example.com/:"], ["https://example.com/?("], ["https://user{:}pass@example.com/"],
  ["https://[::1]/"], ["https://example.com/a?b?c"], ["https://example.com/?a+b"], ["ht tp://a"], ["https://a b/"],
  ["/a", ""], ["/a", "/b"], ["/a", "b"], ["/a", "https://"], ["https://example.com/", ""], ["https://example.com/", "b"], ["/(", "https://example.com"], ["/a", "*://b"],
]) {
  test(() => {
    assert_throws_js(TypeError, () => (base === undefined ? new URLPattern(string) : new URLPattern(string, base)));
  }, `${format_value(string)}${base === undefined ? "" : ` with the base URL ${format_value(base)}`}`);
}

test(() => {
  assert_throws_js(TypeError, () => new URLPattern({ pathname: "/a" }, "https://example.com"));
  assert_throws_js(TypeError, () => new URLPattern({}, "https://example.com", {}));
  assert_throws_js(TypeError, () => new URLPattern(undefined, "https://example.com"));
}, "a dictionary and a base URL");

test(() => {
  for (const value of [1, true, Symbol("s"), 1n]) assert_throws_js(TypeError, () => new URLPattern(value), String(value));
  for (const value of [1, true]) assert_throws_js(TypeError, () => new URLPattern("https://example.com", {}, {}), String(value));
}, "values that are neither");

// What test() and exec() take (https://urlpattern.spec.whatwg.org/#url-pattern-match).
const example = new URLPattern("https://*.example.com/:a/*");
const any = new URLPattern();

// [pattern, what it is asked, the answer]
const cases = [
  [example, ["https://www.example.com/a/b"], true],
  [example, ["http://www.example.com/a/b"], false],
  [example, ["https://www.example.com:444/a/b"], false],
  [example, ["https://www.example.com/a/b?q#h"], true],
  [example, ["https://u:p@www.example.com/a/b"], true],
  [example, ["/a/b", "https://www.example.com"], true],
  [example, ["b", "https://www.example.com/a/"], true],
  [example, ["../a/b", "https://www.example.com/x/y"], true],
  [example, ["//www.example.com/a/b", "https://other.example"], true],
  [example, ["https://www.example.com/a/b", "data:text"], true],
  [example, ["/a/b", "https://example.com"], false],
  [example, ["", "https://www.example.com/a/b"], true],
  [example, ["?q", "https://www.example.com/a/b"], true],
  [example, [new URL("https://www.example.com/a/b")], true],
  [example, [{ protocol: "https", hostname: "www.example.com", pathname: "/a/b" }], true],
  [example, [{ protocol: "https:", hostname: "WWW.example.com", pathname: "/x/../a/b" }], true],
  [example, [{ pathname: "/a/b", baseURL: "https://www.example.com" }], true],
  [example, [{ pathname: "b", baseURL: "https://www.example.com/a/c" }], true],
  [example, [{ baseURL: "https://www.example.com/a/b?q#h" }], true],
  [example, [{ pathname: "/a/b" }], false],
  [example, [{}], false],
  [example, [], false],
  // No URLs.
  [any, [""], false],
  [any, ["/a"], false],
  [any, ["example.com"], false],
  [any, ["https://"], false],
  [any, ["https://exa mple.com"], false],
  [any, ["https://example.com:65536/"], false],
  [any, ["/a", ""], false],
  [any, ["/a", "/b"], false],
  [any, ["/a", "data:text"], false],
  [any, ["https://example.com/", "b"], false],
  [any, ["null"], false],
  [any, [5], false],
  // URLs.
  [any, ["https://example.com"], true],
  [any, ["data:text"], true],
  [any, ["file:///a"], true],
  [any, ["foo://[::1]:1/a?b#c"], true],
  [any, [" https://example.com\n"], true],
  [any, ["\u{1f600}", "https://example.com"], true],
  // Dictionaries that mean no URL.
  [any, [{ protocol: "caf\u00e9" }], false],
  [any, [{ protocol: "1" }], false],
  [any, [{ hostname: "a b" }], false],
  [any, [{ hostname: "[::g]" }], false],
  [any, [{ port: "http" }], false],
  [any, [{ port: "65536" }], false],
  [any, [{ baseURL: "b" }], false],
  [any, [{ baseURL: "" }], false],
  // And those that do.
  [any, [], true],
  [any, [undefined], true],
  [any, [null], true],
  [any, [{}], true],
  [any, [{ pathname: "a b" }], true],
  [any, [{ port: "" }], true],
  [any, [{ username: "\u00e9", password: "@" }], true],
  [any, [{ hostname: "[::1]" }], true],
  [any, [{ pathname: undefined }], true],
  // What is compared is canonical.
  [new URLPattern({ port: "" }), [{ protocol: "https", port: "443" }], true],
  [new URLPattern({ port: "443" }), [{ port: "443" }], true],
  [new URLPattern({ port: "443" }), ["https://example.com:443/"], false],
  [new URLPattern({ pathname: "/b" }), [{ pathname: "/a/../b" }], true],
  [new URLPattern({ pathname: "/a%20b" }), [{ pathname: "/a b" }], true],
  [new URLPattern({ pathname: "a" }), [{ pathname: "a" }], true],
  [new URLPattern({ search: "q" }), [{ search: "?q" }], true],
  [new URLPattern({ hash: "h" }), [{ hash: "#h" }], true],
  [new URLPattern({ hostname: "xn--caf-dma.example" }), [{ hostname: "CAF\u00c9.example" }], true],
  [new URLPattern({ protocol: "data", pathname: "a/../b" }), [{ protocol: "data", pathname: "a/../b" }], true],
  [new URLPattern({ pathname: "/a+b".replace("+", "\\+") }), [{ baseURL: "https://example.com/a+b" }], true],
];

for (const [at, [pattern, args, matches]] of cases.entries()) {
  const what = args.map((arg) => (typeof arg === "string" ? format_value(arg) : arg instanceof URL ? "a URL" : JSON.stringify(arg) ?? String(arg))).join(", ");
  test(() => {
    assert_equals(pattern.test(...args), matches, "test()");
    assert_equals(pattern.exec(...args) !== null, matches, "exec()");
  }, `${at + 1}: ${pattern === example ? "the example" : pattern === any ? "any" : `${pattern.protocol}:${pattern.hostname}:${pattern.port}${pattern.pathname}?${pattern.search}#${pattern.hash}`} on (${what})`);
}

for (const method of ["test", "exec"]) {
  test(() => {
    assert_throws_js(TypeError, () => any[method]({}, "https://example.com"));
    assert_throws_js(TypeError, () => any[method]({ pathname: "/a" }, ""));
    assert_throws_js(TypeError, () => any[method](undefined, "https://example.com"));
    assert_throws_js(TypeError, () => any[method](null, "https://example.com"));
  }, `${method}() takes no base URL with a dictionary`);

  test(() => {
    assert_throws_js(TypeError, () => any[method](Symbol("s")));
    assert_throws_js(TypeError, () => any[method]("a", Symbol("s")));
    const error = new Error("from toString");
    assert_throws_exactly(error, () => any[method]({ get pathname() { throw error; } }));
    assert_throws_exactly(error, () => any[method]({ pathname: { toString() { throw error; } } }));
  }, `${method}() passes on what conversions throw`);
}

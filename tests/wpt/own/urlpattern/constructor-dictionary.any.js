// Dictionaries, and what they have of a base URL (https://urlpattern.spec.whatwg.org/#process-a-urlpatterninit).
const NAMES = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
const base = "https://user:pass@example.com:8080/a/b?c#d";

// [dictionary, protocol, username, password, hostname, port, pathname, search, hash]
const cases = [
  [{}, "*", "*", "*", "*", "*", "*", "*", "*"],
  [{ protocol: "https" }, "https", "*", "*", "*", "*", "*", "*", "*"],
  [{ protocol: "https:" }, "https", "*", "*", "*", "*", "*", "*", "*"],
  [{ protocol: "http{s}?:" }, "http{s}?", "*", "*", "*", "*", "*", "*", "*"],
  [{ protocol: "" }, "", "*", "*", "*", "*", "*", "*", "*"],
  [{ username: "u" }, "*", "u", "*", "*", "*", "*", "*", "*"],
  [{ password: "p" }, "*", "*", "p", "*", "*", "*", "*", "*"],
  [{ hostname: "h" }, "*", "*", "*", "h", "*", "*", "*", "*"],
  [{ port: "1" }, "*", "*", "*", "*", "1", "*", "*", "*"],
  [{ port: "" }, "*", "*", "*", "*", "", "*", "*", "*"],
  [{ pathname: "/p" }, "*", "*", "*", "*", "*", "/p", "*", "*"],
  [{ pathname: "p" }, "*", "*", "*", "*", "*", "p", "*", "*"],
  [{ pathname: "" }, "*", "*", "*", "*", "*", "", "*", "*"],
  [{ search: "s" }, "*", "*", "*", "*", "*", "*", "s", "*"],
  [{ search: "?s" }, "*", "*", "*", "*", "*", "*", "s", "*"],
  [{ search: "?\\?s" }, "*", "*", "*", "*", "*", "*", "\\?s", "*"],
  [{ search: "" }, "*", "*", "*", "*", "*", "*", "", "*"],
  [{ hash: "h" }, "*", "*", "*", "*", "*", "*", "*", "h"],
  [{ hash: "#h" }, "*", "*", "*", "*", "*", "*", "*", "h"],
  [{ hash: "##h" }, "*", "*", "*", "*", "*", "*", "*", "#h"],
  [{ hash: "" }, "*", "*", "*", "*", "*", "*", "*", ""],
  [{ protocol: "https", port: "443" }, "https", "*", "*", "*", "", "*", "*", "*"],
  [{ protocol: "http", port: "80" }, "http", "*", "*", "*", "", "*", "*", "*"],
  [{ protocol: "http", port: "443" }, "http", "*", "*", "*", "443", "*", "*", "*"],
  [{ protocol: "ws", port: "80" }, "ws", "*", "*", "*", "", "*", "*", "*"],
  [{ protocol: "wss", port: "443" }, "wss", "*", "*", "*", "", "*", "*", "*"],
  [{ protocol: "ftp", port: "21" }, "ftp", "*", "*", "*", "", "*", "*", "*"],
  [{ protocol: "foo", port: "80" }, "foo", "*", "*", "*", "80", "*", "*", "*"],
  [{ protocol: "http{s}?", port: "443" }, "http{s}?", "*", "*", "*", "443", "*", "*", "*"],
  [{ port: "443" }, "*", "*", "*", "*", "443", "*", "*", "*"],
  [{ unknown: "x", origin: "https://y" }, "*", "*", "*", "*", "*", "*", "*", "*"],
  [{ pathname: undefined, hash: undefined }, "*", "*", "*", "*", "*", "*", "*", "*"],
  // A component has the base URL's value where no component before it is given.
  [{ baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/b", "c", "d"],
  [{ baseURL: "https://example.com" }, "https", "*", "*", "example.com", "", "/", "", ""],
  [{ hash: "h", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/b", "c", "h"],
  [{ search: "s", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/b", "s", "*"],
  [{ pathname: "/p", baseURL: base }, "https", "*", "*", "example.com", "8080", "/p", "*", "*"],
  [{ port: "1", baseURL: base }, "https", "*", "*", "example.com", "1", "*", "*", "*"],
  [{ hostname: "h", baseURL: base }, "https", "*", "*", "h", "*", "*", "*", "*"],
  [{ protocol: "http", baseURL: base }, "http", "*", "*", "*", "*", "*", "*", "*"],
  [{ username: "u", baseURL: base }, "https", "u", "*", "example.com", "8080", "/a/b", "c", "d"],
  [{ password: "p", baseURL: base }, "https", "*", "p", "example.com", "8080", "/a/b", "c", "d"],
  [{ pathname: "", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/", "*", "*"],
  [{ search: "", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/b", "", "*"],
  // A path that is relative is one to the base URL's.
  [{ pathname: "p", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/p", "*", "*"],
  [{ pathname: "./p", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/p", "*", "*"],
  [{ pathname: "../p", baseURL: base }, "https", "*", "*", "example.com", "8080", "/p", "*", "*"],
  [{ pathname: "*", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/*", "*", "*"],
  [{ pathname: ":id", baseURL: base }, "https", "*", "*", "example.com", "8080", "/a/:id", "*", "*"],
  [{ pathname: "\\/p", baseURL: base }, "https", "*", "*", "example.com", "8080", "/p", "*", "*"],
  [{ pathname: "{/p}?", baseURL: base }, "https", "*", "*", "example.com", "8080", "{/p}?", "*", "*"],
  [{ pathname: "p", baseURL: "https://example.com" }, "https", "*", "*", "example.com", "", "/p", "*", "*"],
  [{ pathname: "p", baseURL: "data:text" }, "data", "*", "*", "", "", "p", "*", "*"],
  // What is pattern syntax in a base URL is text.
  [{ baseURL: "https://example.com/(a)/:b/*" }, "https", "*", "*", "example.com", "", "/\\(a\\)/\\:b/\\*", "", ""],
  [{ baseURL: "https://example.com/?a{b}+#c*" }, "https", "*", "*", "example.com", "", "/", "a\\{b\\}\\+", "c\\*"],
  [{ pathname: "p*", baseURL: "https://example.com/a+b/c" }, "https", "*", "*", "example.com", "", "/a\\+b/p*", "*", "*"],
  [{ baseURL: "https://[::1]/" }, "https", "*", "*", "[\\:\\:1]", "", "/", "", ""],
  [{ baseURL: "https://xn--caf-dma.example" }, "https", "*", "*", "xn--caf-dma.example", "", "/", "", ""],
  [{ baseURL: "HTTPS://EXAMPLE.com:443/A b" }, "https", "*", "*", "example.com", "", "/A%20b", "", ""],
  [{ baseURL: "data:text#x" }, "data", "*", "*", "", "", "text", "", "x"],
];

for (const [init, ...expected] of cases) {
  test(() => {
    const pattern = new URLPattern(init);
    assert_array_equals(NAMES.map((name) => pattern[name]), expected);
  }, format_value(JSON.stringify(init, (_, value) => (value === undefined ? "(undefined)" : value))));
}

for (const init of [{ baseURL: "" }, { baseURL: "/a" }, { baseURL: "example.com" }, { baseURL: "https://" }, { baseURL: "https://a b" }, { pathname: "/a", baseURL: "*" }]) {
  test(() => {
    assert_throws_js(TypeError, () => new URLPattern(init));
  }, `${JSON.stringify(init)}: no base URL`);
}

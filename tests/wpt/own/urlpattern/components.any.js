// Matching of the components other than the path.
// [component, pattern, value, groups or null for no match]
const cases = [
  ["protocol", "https", "https", {}],
  ["protocol", "https", "http", null],
  ["protocol", "HTTPS", "https", {}],
  ["protocol", "http{s}?", "http", {}],
  ["protocol", "http{s}?", "https", {}],
  ["protocol", "http{s}?", "httpss", null],
  ["protocol", "(http|ftp)", "ftp", { 0: "ftp" }],
  ["protocol", ":p", "wss", { p: "wss" }],
  ["protocol", "*", "foo", { 0: "foo" }],
  ["username", "u", "u", {}],
  ["username", "u", "v", null],
  ["username", "U", "u", null],
  ["username", ":name", "a.b/c", { name: "a.b%2Fc" }],
  ["username", ":name", "a.b", { name: "a.b" }],
  ["username", "", "u", null],
  ["username", "", "", {}],
  ["username", "a b", "a b", {}],
  ["password", "p*", "pass", { 0: "ass" }],
  ["password", "p@ss", "p@ss", {}],
  ["password", "(\\d+)", "12", { 0: "12" }],
  ["hostname", "example.com", "example.com", {}],
  ["hostname", "example.com", "EXAMPLE.com", {}],
  ["hostname", "example.com", "example.org", null],
  ["hostname", "example.com", "examplexcom", null],
  ["hostname", "*.example.com", "a.b.example.com", { 0: "a.b" }],
  ["hostname", "*.example.com", "example.com", null],
  ["hostname", "{*.}?example.com", "example.com", { 0: undefined }],
  ["hostname", "{*.}?example.com", "a.b.example.com", { 0: "a.b" }],
  ["hostname", ":sub.example.com", "a.example.com", { sub: "a" }],
  ["hostname", ":sub.example.com", "a.b.example.com", null],
  ["hostname", "{:sub.}+com", "a.b.com", { sub: "a.b" }],
  ["hostname", "{:sub.}*com", "com", { sub: undefined }],
  ["hostname", ":a.:b.:c", "x.y.z", { a: "x", b: "y", c: "z" }],
  ["hostname", "(www|api).example.com", "api.example.com", { 0: "api" }],
  ["hostname", "127.0.0.1", "127.0.0.1", {}],
  ["hostname", "\\[\\:\\:1\\]", "[::1]", {}],
  ["hostname", "{[\\:\\::n]}", "[::2]", { n: "2" }],
  ["hostname", "[\\:\\:AB]", "[::ab]", {}],
  ["hostname", "", "example.com", null],
  ["port", "8080", "8080", {}],
  ["port", "8080", "80", null],
  ["port", "", "", {}],
  ["port", "", "81", null],
  ["port", "*", "", { 0: "" }],
  ["port", "80*", "8080", { 0: "80" }],
  ["port", "(80|81)", "81", { 0: "81" }],
  ["port", ":port", "99", { port: "99" }],
  ["port", "{8080}?", "", {}],
  ["search", "q=1", "q=1", {}],
  ["search", "q=1", "q=1&r", null],
  ["search", "q=:q", "q=a&b/c", { q: "a&b/c" }],
  ["search", "q=:q&*", "q=a&b", { q: "a", 0: "b" }],
  ["search", "q=*", "q=", { 0: "" }],
  ["search", "*", "", { 0: "" }],
  ["search", "", "", {}],
  ["search", "", "q", null],
  ["search", "(a|b)=1", "b=1", { 0: "b" }],
  ["search", "a/:b", "a/b", { b: "b" }],
  ["search", "a/:b?", "a/", { b: undefined }],
  ["search", "a+b".replace("+", "\\+"), "a+b", {}],
  ["hash", "h", "h", {}],
  ["hash", "h", "H", null],
  ["hash", ":h", "a/b.c", { h: "a/b.c" }],
  ["hash", "a{-b}?", "a-b", {}],
  ["hash", "(\\w+)", "a_1", { 0: "a_1" }],
  ["hash", "", "x", null],
];

/** A URL that has the value as that component, and nothing else that matters. */
function urlWith(component, value) {
  const parts = { protocol: "https", username: "", password: "", hostname: "example.com", port: "", search: "", hash: "", [component]: value };
  // Some only exist together with others.
  if (component === "protocol" && !["http", "https", "ftp", "ws", "wss"].includes(value)) parts.hostname = "";
  const login = parts.username || parts.password ? `${encodeURIComponent(parts.username)}${parts.password ? ":" + encodeURIComponent(parts.password) : ""}@` : "";
  return `${parts.protocol}://${login}${parts.hostname}${parts.port && ":" + parts.port}/${parts.search && "?" + parts.search}${parts.hash && "#" + parts.hash}`;
}

for (const [component, pattern, value, groups] of cases) {
  test(() => {
    const compiled = new URLPattern({ [component]: pattern });
    for (const input of [urlWith(component, value), { [component]: value }]) {
      const how = typeof input === "string" ? input : JSON.stringify(input);
      assert_equals(compiled.test(input), groups !== null, `test() of ${how}`);
      const result = compiled.exec(input);
      if (groups === null) {
        assert_equals(result, null, `exec() of ${how}`);
        continue;
      }
      assert_array_equals(Object.keys(result[component].groups).sort(), Object.keys(groups).sort(), "names");
      for (const [name, got] of Object.entries(groups)) assert_equals(result[component].groups[name], got, `group ${name} of ${how}`);
    }
  }, `${component} ${format_value(pattern)} on ${format_value(value)}`);
}

// Where the platform differs from the standard, and means to: no header is forbidden, values are Unicode, and the only guard is "immutable".
const forbidden = [
  "Accept-Charset", "Accept-Encoding", "Access-Control-Request-Headers", "Connection", "Content-Length", "Cookie", "Date", "Expect", "Host", "Keep-Alive", "Origin",
  "Referer", "Set-Cookie", "TE", "Trailer", "Upgrade", "Via", "Proxy-Authorization", "Sec-Fetch-Mode", "Sec-X", "Proxy-X", "X-HTTP-Method-Override",
];

for (const name of forbidden) {
  test(() => {
    const request = new Request("https://example.com", { headers: { [name]: "TRACE" } });
    assert_equals(request.headers.get(name), "TRACE");
    request.headers.set(name, "2");
    request.headers.append(name, "3");
    assert_equals(request.headers.get(name), "2, 3");
    request.headers.delete(name);
    assert_false(request.headers.has(name));
    const response = new Response(null, { headers: { [name]: "1" } });
    response.headers.append(name, "2");
    assert_equals(response.headers.get(name), "1, 2");
  }, `${name} can be set on a request and on a response`);
}

for (const value of ["\u0100", "\u20ac 5", "\u{1f600}", "\u65e5\u672c"]) {
  test(() => {
    const headers = new Headers({ a: value });
    assert_equals(headers.get("a"), value);
    headers.append("a", value);
    assert_equals(headers.get("a"), `${value}, ${value}`);
  }, `${format_value(value)} may be a value`);
}

test(() => {
  const headers = new Headers([["set-cookie", "a"], ["Set-Cookie", "b"], ["c", "d"]]);
  assert_array_equals(headers.getAll("Set-Cookie"), ["a", "b"]);
  assert_array_equals(headers.getAll("set-cookie"), ["a", "b"]);
  assert_throws_js(TypeError, () => headers.getAll("c"));
}, "getAll() is there for Set-Cookie");

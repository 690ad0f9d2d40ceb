// Text in patterns is encoded as it is in URLs (https://urlpattern.spec.whatwg.org/#canon).
// [component, pattern, as it is written, other components of the dictionary]
const cases = [
  ["protocol", "HTTP", "http"],
  ["protocol", "Http{S}?", "http{s}?"],
  ["protocol", "custom+a-b.c1".replace("+", "\\+"), "custom\\+a-b.c1"],
  ["username", "a b", "a%20b"],
  ["username", "caf\u00e9", "caf%C3%A9"],
  ["username", "a@b/c", "a%40b%2Fc"],
  ["username", "a\\:b", "a%3Ab"],
  ["username", "%41", "%41"],
  ["password", "a b\u{1f600}", "a%20b%F0%9F%98%80"],
  ["password", "a;=b", "a%3B%3Db"],
  ["hostname", "EXAMPLE.Com", "example.com"],
  ["hostname", "caf\u00e9.example", "xn--caf-dma.example"],
  ["hostname", "B\u00fccher.example", "xn--bcher-kva.example"],
  ["hostname", "xn--caf-dma.example", "xn--caf-dma.example"],
  ["hostname", "\u65e5\u672c.example", "xn--wgv71a.example"],
  ["hostname", "*.caf\u00e9.example", "*.xn--caf-dma.example"],
  ["hostname", "a\u00adb.example", "ab.example"],
  ["hostname", "stra\u00dfe.example", "xn--strae-oqa.example"],
  ["hostname", "ex%61mple.com", "example.com"],
  ["hostname", "\uff45xample.com", "example.com"],
  ["hostname", "[\\:\\:AB]", "[\\:\\:ab]"],
  ["hostname", "{[\\:\\:AB]}", "[\\:\\:ab]"],
  ["port", "8080", "8080"],
  ["port", "080", "80"],
  ["port", "0", "0"],
  ["port", "80x8", "80"],
  ["port", "8 0", "8"],
  ["port", "65535", "65535"],
  ["port", "80", "", { protocol: "http" }],
  ["port", "443", "", { protocol: "wss" }],
  ["port", "80", "80", { protocol: "foo" }],
  ["port", "80", "80"],
  ["pathname", "/a b", "/a%20b"],
  ["pathname", "/caf\u00e9", "/caf%C3%A9"],
  ["pathname", "/\u{1f600}", "/%F0%9F%98%80"],
  ["pathname", "/caf%C3%A9", "/caf%C3%A9"],
  ["pathname", "/caf%c3%a9", "/caf%c3%a9"],
  ["pathname", "/%41%2f", "/%41%2f"],
  ["pathname", "/a\"<>`", "/a%22%3C%3E%60"],
  ["pathname", "/a^b", "/a%5Eb"],
  ["pathname", "/a#b", "/a%23b"],
  ["pathname", "/a\\?b", "/a%3Fb"],
  ["pathname", "/a\\{b\\}", "/a%7Bb%7D"],
  ["pathname", "/a/./b/../c", "/a/c"],
  ["pathname", "/a/%2e%2E/b", "/b"],
  ["pathname", "/a//b", "/a//b"],
  ["pathname", "/..", "/"],
  ["pathname", "/a\\\\b", "/a/b", { protocol: "https" }],
  ["pathname", "/a!$&',;=@[]~", "/a!$&',;=@[]~"],
  ["pathname", "/caf\u00e9/:id", "/caf%C3%A9/:id"],
  ["pathname", "/{caf\u00e9}?", "/{caf%C3%A9}?"],
  ["pathname", "/{\u00e9:id\u00fc-\u00fc}", "/{%C3%A9:id\u00fc-%C3%BC}"],
  ["pathname", "/(caf\u00e9)", "TypeError"],
  ["pathname", "/:caf\u00e9", "/:caf\u00e9"],
  // Paths of schemes that are not special are opaque, or not special either.
  ["pathname", "a b", "a b", { protocol: "data" }],
  ["pathname", "caf\u00e9", "caf%C3%A9", { protocol: "data" }],
  ["pathname", "a/../b", "a/../b", { protocol: "data" }],
  ["pathname", "text/plain,a<b>\"", "text/plain,a<b>\"", { protocol: "data" }],
  ["pathname", "a\u0001", "a%01", { protocol: "data" }],
  ["pathname", "/:a?", "/:a?", { protocol: "data" }],
  ["pathname", "{/:a}?", "{/:a}?", { protocol: "data" }],
  ["pathname", "/a/../b", "/b", { protocol: "http{s}?" }],
  ["pathname", "/a/../b", "/b", { protocol: "*" }],
  ["pathname", "/a/../b", "/a/../b", { protocol: "" }],
  ["search", "a b", "a%20b"],
  ["search", "q=caf\u00e9", "q=caf%C3%A9"],
  ["search", "a\"<>#", "a%22%3C%3E%23"],
  ["search", "a'b", "a%27b"],
  ["search", "q=%41%zz", "q=%41%zz"],
  ["search", "a`^|[]", "a`^|[]"],
  ["search", "\\?a", "\\?a"],
  ["hash", "a b", "a%20b"],
  ["hash", "caf\u00e9", "caf%C3%A9"],
  ["hash", "a\"<>`", "a%22%3C%3E%60"],
  ["hash", "a#'^|[]", "a#'^|[]"],
  ["hash", "\\#a", "#a"],
];

for (const [component, pattern, written, others = {}] of cases) {
  const name = Object.entries(others).map(([key, value]) => `, ${key} ${format_value(value)}`).join("");
  test(() => {
    const make = () => new URLPattern({ ...others, [component]: pattern });
    if (written === "TypeError") assert_throws_js(TypeError, make);
    else assert_equals(make()[component], written);
  }, `${component} ${format_value(pattern)}${name}`);
}

// What a pattern's text matches is the URL that has the same text.
for (const [component, pattern, url] of [
  ["pathname", "/caf\u00e9", "https://example.com/caf\u00e9"],
  ["pathname", "/caf\u00e9", "https://example.com/caf%C3%A9"],
  ["pathname", "/a b/:id", "https://example.com/a b/c"],
  ["pathname", "/a^b", "https://example.com/a^b"],
  ["pathname", "/a|b", "https://example.com/a|b"],
  ["pathname", "/\u{1f600}*", "https://example.com/\u{1f600}\u{1f600}"],
  ["search", "q=\u00e9'", "https://example.com/?q=\u00e9'"],
  ["search", "a|^`", "https://example.com/?a|^`"],
  ["hash", "\u00e9`", "https://example.com/#\u00e9`"],
  ["hostname", "caf\u00e9.example", "https://CAF\u00c9.example/"],
  ["hostname", "b\u00fccher.*", "https://b%C3%BCcher.example/"],
  ["username", "\u00e9 '", "https://\u00e9 '@example.com/"],
  ["password", "\u00e9;|", "https://u:\u00e9;|@example.com/"],
  ["port", "0443", "https://example.com:443/"],
]) {
  test(() => {
    assert_equals(new URLPattern({ [component]: pattern }).test(url), component !== "port");
  }, `${component} ${format_value(pattern)} on ${format_value(url)}`);
}

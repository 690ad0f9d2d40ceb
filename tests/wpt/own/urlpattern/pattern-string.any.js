// How a component's pattern is written again (https://urlpattern.spec.whatwg.org/#converting-part-lists-to-pattern-strings).
// [component, pattern, as it is written]
const cases = [
  // What needs no change.
  ...["/", "/a/b", "*", "/*", "/:id", "/:id?", "/:id*", "/:id+", "/:id(\\d+)", "/(a|b)", "/(a)?", "/{a}?", "/{ab}+", "/a{-:id}?", "/a{:id-}", "/*?", "/:a-:b", "/:a.:b", "{/a/:b}?"].map(
    (pattern) => ["pathname", pattern, pattern],
  ),
  // Braces that change nothing.
  ["pathname", "{/a}", "/a"],
  ["pathname", "{/a}{/b}", "/a/b"],
  ["pathname", "/a{b}c", "/abc"],
  ["pathname", "{/:id}", "/:id"],
  ["pathname", "{/:id}?", "/:id?"],
  ["pathname", "{/:id(\\d+)}+", "/:id(\\d+)+"],
  ["pathname", "/{*}", "/{*}"],
  ["pathname", "{/*}", "/*"],
  ["pathname", "/a{*}", "/a*"],
  ["pathname", "/a{/*}?", "/a/*?"],
  ["pathname", "{*}", "*"],
  ["pathname", "/{}a", "/a"],
  ["pathname", "/{}?a", "/a"],
  ["pathname", "/{:id}", "/{:id}"],
  ["pathname", "/{:id}?", "/{:id}?"],
  ["pathname", "/a{:id}", "/a:id"],
  ["pathname", "/a{:id}b", "/a{:id}b"],
  ["pathname", "/a{:id}-", "/a:id-"],
  ["pathname", "/{a:id}?", "/{a:id}?"],
  ["pathname", "/a{/:id/}b", "/a{/:id/}b"],
  // Regular expressions that mean a wildcard.
  ["pathname", "/(.*)", "/*"],
  ["pathname", "(.*)", "*"],
  ["pathname", "/:all(.*)", "/:all(.*)"],
  ["pathname", "/([^\\/]+?)", "/([^\\/]+?)"],
  ["pathname", "/:id([^\\/]+?)", "/:id"],
  ["pathname", "/(.*)?", "/*?"],
  ["pathname", "/a/(.*)+", "/a/*+"],
  ["pathname", "/:id(.*)", "/:id(.*)"],
  ["pathname", "/:a(.*)*", "/:a(.*)*"],
  ["pathname", "/*(.*)", "/*(.*)"],
  ["pathname", "/:a*(.*)", "/:a**"],
  ["hostname", "([^\\.]+?)", "([^\\.]+?)"],
  ["hostname", ":a([^\\.]+?)", ":a"],
  ["search", "(.*)", "*"],
  // Groups that follow one another.
  ["pathname", "/:a:b", "/:a:b"],
  ["pathname", "/:a(x):b(y)", "/:a(x):b(y)"],
  ["pathname", "/:a{:b}", "/:a:b"],
  ["pathname", "/:a(.*)(x)", "/:a(.*)(x)"],
  ["pathname", "/:a{(x)}", "{/:a}(x)"],
  ["pathname", "/:a\\b", "{/:a}b"],
  ["pathname", "/:a{b}", "{/:a}b"],
  ["pathname", "/{:a\\b}", "/{:a\\b}"],
  ["pathname", "/{:ab\\-}", "/{:ab-}"],
  // Escapes: those that are needed stay.
  ["pathname", "/\\a", "/a"],
  ["pathname", "/\\:a", "/\\:a"],
  ["pathname", "/a\\*", "/a\\*"],
  ["pathname", "/a\\+", "/a\\+"],
  ["pathname", "/\\(a\\)", "/\\(a\\)"],
  ["pathname", "/\\/a", "//a"],
  ["pathname", "\\/a", "/a"],
  ["pathname", "/\\.a", "/.a"],
  ["search", "a\\?b", "a\\?b"],
  ["search", "\\{a\\}", "\\{a\\}"],
  ["search", "a\\&b", "a&b"],
  ["hash", "a\\:b", "a\\:b"],
  // Other components have no prefix of their own.
  ["hostname", ":sub.example.com", ":sub.example.com"],
  ["hostname", "{:sub.}?example.com", "{:sub.}?example.com"],
  ["hostname", "{*.}?example.com", "{*.}?example.com"],
  ["hostname", "(foo|bar).com", "(foo|bar).com"],
  ["hostname", "{foo.}bar", "foo.bar"],
  ["protocol", "http{s}?", "http{s}?"],
  ["protocol", "(http|https)", "(http|https)"],
  ["protocol", "{http}", "http"],
  ["protocol", ":a", ":a"],
  ["port", "(80|443)", "(80|443)"],
  ["port", "80*", "80*"],
  ["port", "{8080}?", "{8080}?"],
  ["search", "q=:q", "q=:q"],
  ["search", "q=*", "q=*"],
  ["search", "{q=*}?", "{q=*}?"],
  ["search", "/:a", "/:a"],
  ["search", "/:a?", "/:a?"],
  ["search", "{/:a}?", "{/:a}?"],
  ["hash", ":h", ":h"],
  ["hash", "{a}*", "{a}*"],
  ["username", "{u}", "u"],
  ["password", "p*", "p*"],
];

for (const [component, pattern, written] of cases) {
  test(() => {
    const compiled = new URLPattern({ [component]: pattern });
    assert_equals(compiled[component], written);
    // It means the same when it is read again.
    assert_equals(new URLPattern({ [component]: written })[component], written, "read again");
  }, `${component} ${format_value(pattern)}`);
}

// Matching of paths: wildcards, groups and modifiers (https://urlpattern.spec.whatwg.org/#patterns).
// [pattern, path, groups or null for no match]
const cases = [
  // Fixed text.
  ["/", "/", {}],
  ["/", "/a", null],
  ["", "/", null],
  ["/a/b", "/a/b", {}],
  ["/a/b", "/a/b/", null],
  ["/a/b", "/A/b", null],
  ["/a/b", "/a/b/c", null],
  ["/a.b", "/a.b", {}],
  ["/a.b", "/axb", null],
  ["/a^$[]", "/a%5E$[]", {}],
  // Wildcards.
  ["*", "/", { 0: "/" }],
  ["*", "/a/b", { 0: "/a/b" }],
  ["/*", "/", { 0: "" }],
  ["/*", "/a/b", { 0: "a/b" }],
  ["/a/*", "/a/", { 0: "" }],
  ["/a/*", "/a", null],
  ["/a*", "/a", { 0: "" }],
  ["/a*", "/ab/c", { 0: "b/c" }],
  ["/*/b", "/a/b", { 0: "a" }],
  ["/*/b", "/a/a/b", { 0: "a/a" }],
  ["/*/*", "/a/b/c", { 0: "a/b", 1: "c" }],
  ["/*.png", "/a/b.png", { 0: "a/b" }],
  ["/*.png", "/a/b.jpg", null],
  ["/**", "/a", { 0: "a" }],
  ["/*?", "/", { 0: "" }],
  ["/*?", "/a/b", { 0: "a/b" }],
  ["/*+", "/a/b", { 0: "a/b" }],
  ["/a/*?", "/a", { 0: undefined }],
  ["/a/**", "/a", { 0: undefined }],
  // Named groups take a segment.
  ["/:id", "/a", { id: "a" }],
  ["/:id", "/", null],
  ["/:id", "/a/b", null],
  ["/:id", "/a%2Fb", { id: "a%2Fb" }],
  ["/:id/:other", "/a/b", { id: "a", other: "b" }],
  ["/:id.:ext", "/a.b.c", { id: "a", ext: "b.c" }],
  ["/:id-:more", "/a-b", { id: "a", more: "b" }],
  ["/:a_b1$", "/x", { a_b1$: "x" }],
  ["/:\u00e9t\u00e9", "/x", { "\u00e9t\u00e9": "x" }],
  ["/:constructor/:toString", "/a/b", { constructor: "a", toString: "b" }],
  ["/a:id", "/ab", { id: "b" }],
  ["/:id/edit", "/7/edit", { id: "7" }],
  ["/:id/*", "/7/a/b", { id: "7", 0: "a/b" }],
  [":id", "/", null],
  [":id", "/a", null],
  // With modifiers.
  ["/a/:id?", "/a", { id: undefined }],
  ["/a/:id?", "/a/", null],
  ["/a/:id?", "/a/b", { id: "b" }],
  ["/a/:id?", "/a/b/c", null],
  ["/a/:id+", "/a", null],
  ["/a/:id+", "/a/b", { id: "b" }],
  ["/a/:id+", "/a/b/c", { id: "b/c" }],
  ["/a/:id+", "/a/b//c", null],
  ["/a/:id*", "/a", { id: undefined }],
  ["/a/:id*", "/a/b/c/d", { id: "b/c/d" }],
  ["/a/:id*", "/a/", null],
  ["/:a?/:b?", "/x", { a: "x", b: undefined }],
  ["/:a*/:b*", "/x/y/z", { a: "x/y/z", b: undefined }],
  // Regular expressions.
  ["/(a|b)", "/a", { 0: "a" }],
  ["/(a|b)", "/c", null],
  ["/(\\d+)", "/12", { 0: "12" }],
  ["/(\\d+)", "/1a", null],
  ["/:id(\\d+)", "/12", { id: "12" }],
  ["/:id(\\d+)", "/x", null],
  ["/:id(\\d+)?", "/", null],
  ["/a/:id(\\d+)?", "/a", { id: undefined }],
  ["/a/:id(\\d+)+", "/a/1/2/3", { id: "1/2/3" }],
  ["/a/:id(\\d+)+", "/a/1/x", null],
  ["/a/(x|y)*", "/a/x/y", { 0: "x/y" }],
  ["/a/(x|y)*", "/a", { 0: undefined }],
  ["/(.*)", "/a/b", { 0: "a/b" }],
  ["/:all(.*)", "/a/b", { all: "a/b" }],
  ["/([^\\/]+?)", "/a", { 0: "a" }],
  ["/([^/]+?)", "/a", "TypeError"],
  ["/(a(?:b|c))", "/ac", { 0: "ac" }],
  ["/([a-z]{2,3})", "/abc", { 0: "abc" }],
  ["/([a-z]{2,3})", "/a", null],
  ["/(?:a)", "/a", "TypeError"],
  ["/(\\p{Lu}+)", "/AB", { 0: "AB" }],
  ["/([\\w--\\d]+)", "/ab", { 0: "ab" }],
  ["/([\\w--\\d]+)", "/a1", null],
  ["/(\\(\\))", "/()", { 0: "()" }],
  ["/a)", "/a)", {}],
  ["/(a)**", "/ab", { 0: "a", 1: "b" }],
  ["/(a(?<n>b))", "/ab", { 0: "ab" }],
  ["/(a)(b)", "/ab", { 0: "a", 1: "b" }],
  ["/:x(a):y(b)", "/ab", { x: "a", y: "b" }],
  ["/(a)?(b)?", "/a", { 0: "a", 1: undefined }],
  // Braces.
  ["/a{b}c", "/abc", {}],
  ["/a{b}?c", "/abc", {}],
  ["/a{b}?c", "/ac", {}],
  ["/a{b}*c", "/abbbc", {}],
  ["/a{b}*c", "/ac", {}],
  ["/a{b}+c", "/ac", null],
  ["/a{b}+c", "/abbc", {}],
  ["/a{/b}?", "/a", {}],
  ["/a{/b}*", "/a/b/b", {}],
  ["{/:id}?", "/x", { id: "x" }],
  ["{/:id}?", "/", null],
  ["/a{/:id}*", "/a/b/c", { id: "b/c" }],
  ["/a{-:id}?", "/a", { id: undefined }],
  ["/a{-:id}?", "/a-b", { id: "b" }],
  ["/a{-:id-}+", "/a-b--c-", { id: "b--c" }],
  ["/a{-:id-}+", "/a-b-c-", { id: "b-c" }],
  ["/{:id}.html", "/a.html", { id: "a" }],
  ["/{(a|b)}?c", "/c", { 0: undefined }],
  ["/a{}b", "/ab", {}],
  ["/a{}?b", "/ab", {}],
  ["/{a*}b", "/axb", { 0: "x" }],
  // Escapes.
  ["/a\\:b", "/a:b", {}],
  ["/a\\*", "/a*", {}],
  ["/a\\*", "/ab", null],
  ["/\\(a\\)", "/(a)", {}],
  ["/\\{a\\}", "/%7Ba%7D", {}],
  ["/\\a\\b", "/ab", {}],
  ["/a\\+b", "/a+b", {}],
  ["/:a\\b", "/xb", { a: "x" }],
  ["/:a\\:b", "/x:b", { a: "x" }],
];

for (const [pattern, path, groups] of cases) {
  test(() => {
    if (groups === "TypeError") {
      assert_throws_js(TypeError, () => new URLPattern({ pathname: pattern }));
      return;
    }
    const compiled = new URLPattern({ pathname: pattern });
    const url = "https://example.com" + path;
    assert_equals(compiled.test(url), groups !== null, "test()");
    const result = compiled.exec(url);
    if (groups === null) {
      assert_equals(result, null, "exec()");
      return;
    }
    assert_array_equals(Object.keys(result.pathname.groups).sort(), Object.keys(groups).sort(), "names");
    for (const [name, value] of Object.entries(groups)) assert_equals(result.pathname.groups[name], value, `group ${name}`);
    assert_equals(result.pathname.input, path, "input");
  }, `${format_value(pattern)} on ${path}`);
}

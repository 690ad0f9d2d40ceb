// The type that blob() gives its Blob (https://fetch.spec.whatwg.org/#concept-header-extract-mime-type).
// [values of Content-Type, the type]; the case of parameters' values is not looked at
const cases = [
  [["text/plain"], "text/plain"],
  [["TEXT/Plain"], "text/plain"],
  [[" text/plain "], "text/plain"],
  [["text/plain;charset=utf-8"], "text/plain;charset=utf-8"],
  [["text/plain; charset=utf-8"], "text/plain;charset=utf-8"],
  [["text/plain;CHARSET=utf-8"], "text/plain;charset=utf-8"],
  [["text/plain ; a = b"], "text/plain"],
  [["text/plain;a=b;a=c"], "text/plain;a=b"],
  [["text/plain;;a=b;"], "text/plain;a=b"],
  [["text/plain;a"], "text/plain"],
  [["text/plain;a="], "text/plain"],
  [["text/plain;a=b c"], 'text/plain;a="b c"'],
  [['text/plain;a="b;c"'], 'text/plain;a="b;c"'],
  [['text/plain;a="b\\"c"'], 'text/plain;a="b\\"c"'],
  [['text/plain;a="bc"'], "text/plain;a=bc"],
  [['text/plain;a=""'], 'text/plain;a=""'],
  [['text/plain;a="b'], "text/plain;a=b"],
  [["text/plain;a(=b;c=d"], "text/plain;c=d"],
  [["x-own/y+z"], "x-own/y+z"],
  [["text"], ""],
  [["text/"], ""],
  [["/plain"], ""],
  [["text/pl ain"], ""],
  [["te xt/plain"], ""],
  [[""], ""],
  [[";charset=utf-8"], ""],
  // Several values: the last that is a type counts, and has the charset of one before with the same essence.
  [["text/html, text/plain"], "text/plain"],
  [["text/html", "text/plain"], "text/plain"],
  [["text/html, bogus"], "text/html"],
  [["text/html, */*"], "text/html"],
  [["text/html,,"], "text/html"],
  [["text/html;charset=gbk, text/html"], "text/html;charset=gbk"],
  [["text/html;charset=gbk", "text/html;a=b"], "text/html;a=b;charset=gbk"],
  [["text/html;charset=gbk, text/plain"], "text/plain"],
  [["text/html;charset=gbk, text/plain, text/html"], "text/html"],
  [["text/html;charset=gbk, text/html;charset=big5"], "text/html;charset=big5"],
  [['text/html;a="b, c", text/plain'], "text/plain"],
  [['text/plain;a="b, text/html"'], 'text/plain;a="b, text/html"'],
];

for (const [values, type] of cases) {
  promise_test(async () => {
    const headers = values.map((value) => ["Content-Type", value]);
    assert_equals((await new Response("text", { headers }).blob()).type.toLowerCase(), type, "of a Response");
    const request = new Request("https://example.com", { method: "POST", headers, body: "text" });
    assert_equals((await request.blob()).type.toLowerCase(), type, "of a Request");
    assert_equals((await new Response(null, { headers }).blob()).type.toLowerCase(), type, "without a body");
  }, values.map((value) => format_value(value)).join(" and "));
}

promise_test(async () => {
  const response = new Response("text");
  response.headers.set("Content-Type", "a/b");
  assert_equals((await response.blob()).type, "a/b");
  const without = new Response("text");
  without.headers.delete("Content-Type");
  assert_equals((await without.blob()).type, "");
  const blob = new Response(new Blob(["a"], { type: "x/y" }));
  blob.headers.set("content-type", "a/b");
  assert_equals((await blob.blob()).type, "a/b");
}, "the header counts as it is when the body is read");

// Which names and values headers may have (https://fetch.spec.whatwg.org/#header-name, #header-value).
const tokens = ["a", "A", "1", "x-y", "!", "#", "$", "%", "&", "'", "*", "+", "-", ".", "^", "_", "`", "|", "~", "!#$%&'*+-.^_`|~0aA", "__proto__", "constructor"];
const notTokens = ["", " ", "a b", " a", "a ", "a:", ":a", "a\tb", "a\nb", "a\rb", "a\0", "(a)", "a,b", "a/b", "a;b", "a<b", "a=b", "a>b", "a?b", "a@b", "[a]", "a\\b", "{a}", "a\"b", "a\x7f", "caf\u00e9", "\u0100", "\u{1f600}", "\ud800"];

const calls = {
  "append()": (name) => new Headers().append(name, "v"),
  "set()": (name) => new Headers().set(name, "v"),
  "get()": (name) => new Headers().get(name),
  "has()": (name) => new Headers().has(name),
  "delete()": (name) => new Headers().delete(name),
  "the constructor, of pairs": (name) => new Headers([[name, "v"]]),
  "the constructor, of an object": (name) => new Headers({ [name]: "v" }),
};

for (const name of notTokens) {
  test(() => {
    for (const [what, call] of Object.entries(calls)) assert_throws_js(TypeError, () => call(name), what);
  }, `${format_value(name)} is no name`);
}

for (const name of tokens) {
  test(() => {
    for (const call of Object.values(calls)) if (name !== "__proto__") call(name);
    const headers = new Headers([[name, "v"]]);
    assert_equals(headers.get(name), "v");
    assert_true(headers.has(name));
    assert_array_equals([...headers.keys()], [name.toLowerCase()]);
    headers.delete(name);
    assert_false(headers.has(name));
  }, `${format_value(name)} is a name`);
}

test(() => {
  const headers = new Headers({ "X-Mixed-Case": "1" });
  for (const name of ["x-mixed-case", "X-MIXED-CASE", "x-Mixed-casE"]) {
    assert_equals(headers.get(name), "1");
    assert_true(headers.has(name));
  }
  headers.append("x-mixed-CASE", "2");
  assert_equals(headers.get("X-Mixed-Case"), "1, 2");
  headers.set("X-MIXED-case", "3");
  assert_array_equals([...headers].flat(), ["x-mixed-case", "3"]);
  headers.delete("X-mixed-case");
  assert_array_equals([...headers], []);
}, "the case of names does not matter");

test(() => {
  // Only ASCII letters have a lower case here: KELVIN SIGN would become "k".
  assert_throws_js(TypeError, () => new Headers().get("\u212a"));
}, "names are lower-cased as ASCII");

// [value, what is kept]
const values = [
  ["", ""],
  [" ", ""],
  ["\t\r\n ", ""],
  [" a ", "a"],
  ["\ta\t", "a"],
  ["\na\n", "a"],
  ["\ra\r", "a"],
  ["\r\n a \r\n", "a"],
  ["a  b", "a  b"],
  ["a\tb", "a\tb"],
  ["a,b", "a,b"],
  ["a;b=\"c\"", "a;b=\"c\""],
  ["\x01a\x1f", "\x01a\x1f"],
  ["\x0ba\x0c", "\x0ba\x0c"],
  ["\x7f", "\x7f"],
  ["\u00a0a\u00a0", "\u00a0a\u00a0"],
  ["\u0085", "\u0085"],
  ["caf\u00e9", "caf\u00e9"],
  ["\u00ff", "\u00ff"],
  [1, "1"],
  [null, "null"],
  [undefined, "undefined"],
  [true, "true"],
  [["a", "b"], "a,b"],
  [{ toString: () => "made" }, "made"],
];
for (const [value, kept] of values) {
  test(() => {
    const headers = new Headers();
    headers.append("a", value);
    assert_equals(headers.get("a"), kept, "append()");
    headers.set("b", value);
    assert_equals(headers.get("b"), kept, "set()");
    assert_equals(new Headers([["c", value]]).get("c"), kept, "the constructor, of pairs");
    assert_equals(new Headers({ d: value }).get("d"), kept, "the constructor, of an object");
  }, `${typeof value === "object" && value ? "an object that becomes " + format_value(kept) : format_value(value)} is a value`);
}

for (const value of ["a\0b", "\0", "a\0", "a\nb", "a\rb", "a\r\nb", "a\n b"]) {
  test(() => {
    const headers = new Headers({ a: "before", b: "before" });
    assert_throws_js(TypeError, () => headers.append("a", value), "append()");
    assert_throws_js(TypeError, () => headers.set("b", value), "set()");
    assert_throws_js(TypeError, () => new Headers([["c", value]]), "the constructor, of pairs");
    assert_throws_js(TypeError, () => new Headers({ d: value }), "the constructor, of an object");
    assert_array_equals([...headers].flat(), ["a", "before", "b", "before"]);
  }, `${format_value(value)} is no value`);
}

test(() => {
  for (const call of [(h) => h.append(Symbol("s"), "v"), (h) => h.append("a", Symbol("s")), (h) => h.get(Symbol("s")), (h) => h.set("a", Symbol("s"))]) {
    assert_throws_js(TypeError, () => call(new Headers()));
  }
}, "symbols are neither names nor values");

test(() => {
  const headers = new Headers();
  for (const name of ["Host", "Cookie", "Content-Length", "Connection", "Date", "Origin", "Referer", "Transfer-Encoding", "Sec-Fetch-Mode", "Proxy-Authorization", "Set-Cookie2"]) {
    headers.set(name, "v");
    assert_equals(headers.get(name), "v", name);
  }
}, "a Headers object by itself takes any name");

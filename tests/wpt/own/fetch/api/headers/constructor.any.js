// What a Headers may be made from (https://fetch.spec.whatwg.org/#concept-headers-fill).
const entries = (headers) => [...headers].map((pair) => pair.join(": ")).join("\n");

// [what it is, the init, the entries]
const good = [
  ["undefined", () => undefined, ""],
  ["an empty object", () => ({}), ""],
  ["an empty array", () => [], ""],
  ["an object", () => ({ b: "2", A: "1" }), "a: 1\nb: 2"],
  ["an object with names that differ in case", () => ({ a: "1", A: "2" }), "a: 1, 2"],
  ["an object without a prototype", () => Object.assign(Object.create(null), { a: "1" }), "a: 1"],
  ["an object that inherits", () => Object.create({ inherited: "1" }, { own: { value: "2", enumerable: true }, hidden: { value: "3" } }), "own: 2"],
  ["a class's instance", () => new (class { a = "1"; })(), "a: 1"],
  ["pairs", () => [["a", "1"], ["b", "2"], ["a", "3"]], "a: 1, 3\nb: 2"],
  ["a pair of pairs' iterators", () => new Set([["a", "1"], new Set(["b", "2"])]), "a: 1\nb: 2"],
  ["a Map", () => new Map([["a", "1"], ["b", "2"]]), "a: 1\nb: 2"],
  ["a generator", () => (function* () { yield ["a", "1"]; yield ["b", "2"]; })(), "a: 1\nb: 2"],
  ["URLSearchParams", () => new URLSearchParams("a=1&b=2&a=3"), "a: 1, 3\nb: 2"],
  ["FormData", () => { const form = new FormData(); form.append("a", "1"); return form; }, "a: 1"],
  ["another Headers", () => new Headers([["a", "1"], ["a", "2"], ["b", "3"]]), "a: 1, 2\nb: 3"],
  ["a Headers with cookies", () => new Headers([["set-cookie", "1"], ["set-cookie", "2"]]), "set-cookie: 1\nset-cookie: 2"],
  ["a Proxy of an object", () => new Proxy({ a: "1" }, {}), "a: 1"],
  ["a function", () => Object.assign(() => {}, { a: "1" }), "a: 1"],
  ["a Date", () => new Date(0), ""],
  ["a RegExp", () => /a/, ""],
];
for (const [name, make, expected] of good) {
  test(() => {
    assert_equals(entries(new Headers(make())), expected);
  }, name);
}

for (const [name, make] of [
  ["null", () => null],
  ["a string", () => "a"],
  ["the empty string", () => ""],
  ["a number", () => 1],
  ["true", () => true],
  ["a symbol", () => Symbol("s")],
  ["an array of strings", () => ["a", "b"]],
  ["an array of numbers", () => [1, 2]],
  ["an array of null", () => [null]],
  ["a pair of one", () => [["a"]]],
  ["a pair of three", () => [["a", "b", "c"]]],
  ["a pair of none", () => [[]]],
  ["a good pair and a bad one", () => [["a", "1"], ["b"]]],
  ["an object as a pair", () => [{ 0: "a", 1: "b", length: 2 }]],
  ["a String object", () => Object("ab")],
  ["an object with an enumerable symbol", () => ({ [Symbol("s")]: "1", a: "1" })],
  ["an iterator that is no function", () => ({ [Symbol.iterator]: 1 })],
  ["an iterator that gives no object", () => ({ [Symbol.iterator]: () => 1 })],
  ["a bad name", () => ({ "a b": "1" })],
  ["a bad value", () => ({ a: "1\n2" })],
]) {
  test(() => {
    assert_throws_js(TypeError, () => new Headers(make()));
  }, `${name} is no init`);
}

test(() => {
  const first = new Headers({ a: "1" });
  const second = new Headers(first);
  second.set("a", "2");
  first.append("b", "3");
  assert_equals(first.get("a"), "1");
  assert_false(second.has("b"));
}, "a copy is a copy");

test(() => {
  const order = [];
  const init = {
    get b() { order.push("get b"); return { toString() { order.push("string b"); return "2"; } }; },
    get a() { order.push("get a"); return { toString() { order.push("string a"); return "1"; } }; },
  };
  assert_equals(entries(new Headers(init)), "a: 1\nb: 2");
  assert_array_equals(order, ["get b", "string b", "get a", "string a"]);
}, "an object's members are read in their order");

test(() => {
  const error = new Error("from the getter");
  assert_throws_exactly(error, () => new Headers({ get a() { throw error; } }));
  assert_throws_exactly(error, () => new Headers((function* () { throw error; })()));
  assert_throws_exactly(error, () => new Headers({ a: { toString() { throw error; } } }));
  assert_throws_exactly(error, () => new Headers([["a", { toString() { throw error; } }]]));
}, "what getters, iterators and conversions throw passes through");

test(() => {
  assert_throws_js(TypeError, () => Headers());
  assert_equals(Headers.length, 0);
  assert_equals(Headers.name, "Headers");
  assert_equals(Object.prototype.toString.call(new Headers()), "[object Headers]");
}, "the class");

for (const [name, length] of Object.entries({ append: 2, delete: 1, get: 1, getSetCookie: 0, has: 1, set: 2, entries: 0, keys: 0, values: 0, forEach: 1 })) {
  test(() => {
    const { value, enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(Headers.prototype, name);
    assert_equals(value.name, name);
    assert_equals(value.length, length);
    assert_true(enumerable && writable && configurable);
    assert_throws_js(TypeError, () => value.call({}, "a", "b"));
    for (let count = 0; count < length; count++) {
      assert_throws_js(TypeError, () => new Headers()[name](...new Array(count).fill("a")), `${count} arguments`);
    }
  }, `${name}() is a method of ${length} arguments`);
}

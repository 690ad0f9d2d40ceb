// Values of one name, their order, and iteration (https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine).
test(() => {
  const headers = new Headers();
  headers.append("a", "1");
  headers.append("a", "2");
  headers.append("A", "3");
  assert_equals(headers.get("a"), "1, 2, 3");
  assert_array_equals([...headers].flat(), ["a", "1, 2, 3"]);
}, "append() adds to what is there");

test(() => {
  const headers = new Headers([["a", "1"], ["b", "2"], ["a", "3"]]);
  headers.set("A", "4");
  assert_equals(headers.get("a"), "4");
  assert_array_equals([...headers].flat(), ["a", "4", "b", "2"]);
  headers.set("c", "5");
  assert_equals(headers.get("c"), "5");
}, "set() replaces what is there");

test(() => {
  const headers = new Headers([["a", "1"], ["b", "2"], ["a", "3"]]);
  headers.delete("A");
  assert_false(headers.has("a"));
  assert_equals(headers.get("a"), null);
  assert_array_equals([...headers].flat(), ["b", "2"]);
  headers.delete("a");
}, "delete() removes all of a name");

test(() => {
  const headers = new Headers([["a", ""], ["a", ""], ["b", ""]]);
  assert_equals(headers.get("a"), ", ");
  assert_equals(headers.get("b"), "");
  assert_true(headers.has("b"));
}, "empty values are values");

test(() => {
  const headers = new Headers([["b", "1"], ["A", "2"], ["c", "3"], ["B", "4"], ["a-b", "5"], ["a!", "6"], ["1", "7"], ["_", "8"]]);
  assert_array_equals([...headers.keys()], ["1", "_", "a", "a!", "a-b", "b", "c"]);
  assert_array_equals([...headers.values()], ["7", "8", "2", "6", "5", "1, 4", "3"]);
}, "iteration is in the order of the lower-cased names' bytes");

test(() => {
  const headers = new Headers({ b: "2", a: "1" });
  const expected = [["a", "1"], ["b", "2"]];
  assert_equals(JSON.stringify([...headers]), JSON.stringify(expected));
  assert_equals(JSON.stringify([...headers.entries()]), JSON.stringify(expected));
  assert_equals(headers[Symbol.iterator], headers.entries);
  const seen = [];
  const self = {};
  headers.forEach(function (value, name, object) {
    seen.push([name, value]);
    assert_equals(this, self);
    assert_equals(object, headers);
  }, self);
  assert_equals(JSON.stringify(seen), JSON.stringify(expected));
  assert_equals(headers.forEach(() => 1), undefined);
}, "entries(), the iterator and forEach() agree");

test(() => {
  assert_throws_js(TypeError, () => new Headers().forEach());
  assert_throws_js(TypeError, () => new Headers().forEach({}));
  const error = new Error("from the callback");
  assert_throws_exactly(error, () => new Headers({ a: "1" }).forEach(() => { throw error; }));
}, "forEach() needs a function");

test(() => {
  const iterator = new Headers({ a: "1" }).entries();
  assert_equals(Object.prototype.toString.call(iterator), "[object Headers Iterator]");
  assert_equals(iterator[Symbol.iterator](), iterator);
  const step = iterator.next();
  assert_false(step.done);
  assert_array_equals(step.value, ["a", "1"]);
  for (let i = 0; i < 2; i++) {
    const last = iterator.next();
    assert_true(last.done);
    assert_equals(last.value, undefined);
  }
  const prototype = Object.getPrototypeOf(iterator);
  assert_equals(Object.getPrototypeOf(prototype), Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));
  assert_equals(typeof prototype.next, "function");
  assert_throws_js(TypeError, () => prototype.next.call({}));
}, "the iterator object");

test(() => {
  const entries = [...new Headers({ a: "1", b: "2" })];
  entries[0][1] = "changed";
  assert_array_equals([...new Headers({ a: "1" })][0], ["a", "1"]);
  assert_not_equals(entries[0], entries[1]);
}, "each entry is an array of its own");

// What is changed during iteration is seen, by position in the sorted list.
const during = [
  ["a header that comes later", (headers) => headers.append("d", "4"), ["a", "b", "c", "d"]],
  ["a header that comes earlier", (headers) => headers.append("0", "0"), ["a", "a", "b", "c"]],
  ["a value of a name that is there", (headers) => headers.append("b", "3"), ["a", "b", "c"]],
];
for (const [name, change, seen] of during) {
  test(() => {
    const headers = new Headers({ a: "1", b: "2", c: "3" });
    const names = [];
    for (const [key] of headers) {
      if (names.length === 0) change(headers);
      names.push(key);
    }
    assert_array_equals(names, seen);
  }, `iteration while adding ${name}`);
}

test(() => {
  const headers = new Headers({ a: "1", b: "2", c: "3", d: "4" });
  const names = [];
  for (const name of headers.keys()) {
    names.push(name);
    headers.delete(name);
  }
  assert_array_equals(names, ["a", "c"]);
  assert_array_equals([...headers.keys()], ["b", "d"]);
}, "iteration while deleting what it is at");

test(() => {
  const headers = new Headers({ a: "1", b: "2" });
  const iterator = headers.values();
  iterator.next();
  headers.set("b", "changed");
  assert_equals(iterator.next().value, "changed");
  headers.append("c", "3");
  assert_equals(iterator.next().value, "3");
}, "an iterator looks at the list when it is asked");

test(() => {
  const headers = new Headers({ a: "1", b: "2", c: "3" });
  const seen = [];
  headers.forEach((value, name) => {
    seen.push(name);
    if (name === "a") headers.delete("b");
    if (name === "c") headers.append("d", "4");
  });
  assert_array_equals(seen, ["a", "c", "d"]);
}, "forEach() while the list changes");

// FormData (https://xhr.spec.whatwg.org/#interface-formdata).
const form = (...entries) => {
  const made = new FormData();
  for (const entry of entries) made.append(...entry);
  return made;
};

test(() => {
  const data = form(["a", "1"], ["b", "2"], ["a", "3"]);
  assert_equals(data.get("a"), "1");
  assert_array_equals(data.getAll("a"), ["1", "3"]);
  assert_equals(data.get("c"), null);
  assert_array_equals(data.getAll("c"), []);
  assert_true(data.has("b"));
  assert_false(data.has("B"));
  assert_equals(data.append("d", "4"), undefined);
  assert_equals(data.set("d", "5"), undefined);
  assert_equals(data.delete("d"), undefined);
}, "append(), get(), getAll() and has()");

test(() => {
  const data = form(["a", "1"], ["b", "2"], ["a", "3"]);
  data.set("a", "4");
  assert_equals(JSON.stringify([...data]), '[["a","4"],["b","2"]]');
  data.set("c", "5");
  assert_equals(JSON.stringify([...data]), '[["a","4"],["b","2"],["c","5"]]');
}, "set() replaces the first, and removes the others");

test(() => {
  const data = form(["a", "1"], ["b", "2"], ["a", "3"]);
  data.delete("a");
  data.delete("c");
  assert_equals(JSON.stringify([...data]), '[["b","2"]]');
}, "delete() removes all of a name");

for (const [value, text] of [["", ""], [1, "1"], [null, "null"], [undefined, "undefined"], [{}, "[object Object]"], [["a", "b"], "a,b"], ["\ud800", "\ufffd"], ["a\r\nb", "a\r\nb"]]) {
  test(() => {
    const data = form([value, value]);
    data.set("set", value);
    assert_equals(data.get("set"), text);
    assert_equals([...data.keys()][0], text);
    assert_equals([...data.values()][0], text);
  }, `${typeof value === "object" && value ? "an object that becomes " + format_value(text) : format_value(value)} as name and value`);
}

for (const [what, args, name, type] of [
  ["a Blob", () => [new Blob(["text"], { type: "a/b" })], "blob", "a/b"],
  ["a Blob with a file name", () => [new Blob(["text"], { type: "a/b" }), "n.txt"], "n.txt", "a/b"],
  ["a Blob with an empty file name", () => [new Blob(["text"]), ""], "", ""],
  ["a Blob with undefined as its file name", () => [new Blob(["text"]), undefined], "blob", ""],
  ["a Blob with null as its file name", () => [new Blob(["text"]), null], "null", ""],
  ["a File", () => [new File(["text"], "own", { type: "a/b" })], "own", "a/b"],
  ["a File with another name", () => [new File(["text"], "own"), "n.txt"], "n.txt", ""],
]) {
  promise_test(async () => {
    for (const method of ["append", "set"]) {
      const data = new FormData();
      data[method]("f", ...args());
      const file = data.get("f");
      assert_true(file instanceof File, method);
      assert_equals(file.name, name);
      assert_equals(file.type, type);
      assert_equals(file.size, 4);
      assert_equals(await file.text(), "text");
      assert_equals(data.get("f"), file, "the same object each time");
      assert_equals(data.getAll("f")[0], file);
    }
  }, `${what} becomes a File`);
}

test(() => {
  const file = new File(["text"], "own");
  assert_equals(form(["f", file]).get("f"), file);
  assert_not_equals(form(["f", file, "own"]).get("f"), file);
}, "a File stays itself");

test(() => {
  for (const method of ["append", "set"]) {
    assert_throws_js(TypeError, () => new FormData()[method]());
    assert_throws_js(TypeError, () => new FormData()[method]("a"));
    assert_throws_js(TypeError, () => new FormData()[method](Symbol("s"), "b"));
    assert_throws_js(TypeError, () => new FormData()[method]("a", Symbol("s")));
  }
  for (const method of ["get", "getAll", "has", "delete"]) assert_throws_js(TypeError, () => new FormData()[method]());
}, "what is no entry");

for (const method of ["append", "set"]) {
  test(() => {
    assert_throws_js(TypeError, () => new FormData()[method]("a", "b", "c"));
    assert_throws_js(TypeError, () => new FormData()[method]("a", {}, "c"));
  }, `${method}() takes a file name with a Blob only`);
}

test(() => {
  const data = form(["b", "1"], ["a", "2"], ["b", "3"]);
  assert_array_equals([...data.keys()], ["b", "a", "b"]);
  assert_array_equals([...data.values()], ["1", "2", "3"]);
  assert_equals(data[Symbol.iterator], data.entries);
  const seen = [];
  data.forEach(function (value, name, object) {
    seen.push(name + value);
    assert_equals(object, data);
    assert_equals(this, seen);
  }, seen);
  assert_array_equals(seen, ["b1", "a2", "b3"]);
  assert_equals(Object.prototype.toString.call(data.keys()), "[object FormData Iterator]");
}, "iteration is in the order of the entries");

test(() => {
  const data = form(["a", "1"], ["b", "2"], ["c", "3"]);
  const names = [];
  for (const [name] of data) {
    names.push(name);
    if (name === "a") data.delete("b");
    if (name === "c") data.append("d", "4");
  }
  assert_array_equals(names, ["a", "c", "d"]);
}, "iteration while entries change");

test(() => {
  assert_equals(FormData.name, "FormData");
  assert_equals(FormData.length, 0);
  assert_throws_js(TypeError, () => FormData());
  assert_equals(Object.prototype.toString.call(new FormData()), "[object FormData]");
  for (const [name, length] of Object.entries({ append: 2, delete: 1, get: 1, getAll: 1, has: 1, set: 2, entries: 0, keys: 0, values: 0, forEach: 1 })) {
    assert_equals(FormData.prototype[name].length, length, name);
    assert_throws_js(TypeError, () => FormData.prototype[name].call({}, "a", "b"), name);
  }
}, "the class");

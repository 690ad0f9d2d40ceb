// Set-Cookie is never combined (https://fetch.spec.whatwg.org/#dom-headers-getsetcookie).
const some = () => new Headers([["set-cookie", "a=1"], ["x", "1"], ["Set-Cookie", "b=2, c"], ["a", "2"]]);

test(() => {
  assert_array_equals(some().getSetCookie(), ["a=1", "b=2, c"]);
  assert_array_equals(new Headers().getSetCookie(), []);
  assert_array_equals(new Headers({ "set-cookie2": "a" }).getSetCookie(), []);
  assert_array_equals(new Headers({ "set-cookie": "" }).getSetCookie(), [""]);
}, "getSetCookie() has each value");

test(() => {
  const headers = some();
  const cookies = headers.getSetCookie();
  cookies.push("d=4");
  assert_array_equals(headers.getSetCookie(), ["a=1", "b=2, c"]);
  assert_not_equals(headers.getSetCookie(), headers.getSetCookie());
  assert_true(Array.isArray(cookies));
}, "getSetCookie() gives a new array each time");

test(() => {
  assert_equals(some().get("Set-Cookie"), "a=1, b=2, c");
}, "get() combines them all the same");

test(() => {
  const expected = [["a", "2"], ["set-cookie", "a=1"], ["set-cookie", "b=2, c"], ["x", "1"]];
  assert_equals(JSON.stringify([...some()]), JSON.stringify(expected));
  assert_array_equals([...some().keys()], expected.map(([name]) => name));
  assert_array_equals([...some().values()], expected.map(([, value]) => value));
  const seen = [];
  some().forEach((value, name) => seen.push([name, value]));
  assert_equals(JSON.stringify(seen), JSON.stringify(expected));
}, "iteration has an entry for each, in the order they were added");

test(() => {
  const headers = some();
  headers.set("SET-COOKIE", "c=3");
  assert_array_equals(headers.getSetCookie(), ["c=3"]);
  headers.append("set-cookie", "c=3");
  assert_array_equals(headers.getSetCookie(), ["c=3", "c=3"]);
  headers.delete("set-COOKIE");
  assert_array_equals(headers.getSetCookie(), []);
  assert_false(headers.has("set-cookie"));
}, "set(), append() and delete()");

test(() => {
  assert_array_equals(new Headers(some()).getSetCookie(), ["a=1", "b=2, c"]);
  assert_array_equals(new Headers([...some()]).getSetCookie(), ["a=1", "b=2, c"]);
  assert_array_equals(new Headers(Object.fromEntries(some())).getSetCookie(), ["b=2, c"]);
}, "copies keep them apart");

test(() => {
  const headers = some();
  const iterator = headers.entries();
  iterator.next();
  assert_array_equals(iterator.next().value, ["set-cookie", "a=1"]);
  headers.append("set-cookie", "d=4");
  assert_array_equals(iterator.next().value, ["set-cookie", "b=2, c"]);
  assert_array_equals(iterator.next().value, ["set-cookie", "d=4"]);
  headers.delete("set-cookie");
  assert_true(iterator.next().done);
}, "iteration while they change");

test(() => {
  const headers = new Headers();
  headers.append("set-cookie", "  a=1; Path=/ \t");
  assert_array_equals(headers.getSetCookie(), ["a=1; Path=/"]);
  assert_throws_js(TypeError, () => headers.append("set-cookie", "a\0"));
}, "their values are normalized as others");

test(() => {
  const response = new Response("", { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
  assert_true(response.headers.getSetCookie().length === 2 || response.headers.getSetCookie().length === 0);
  const copy = new Response("", response);
  assert_array_equals(copy.headers.getSetCookie(), response.headers.getSetCookie());
  assert_array_equals(response.clone().headers.getSetCookie(), response.headers.getSetCookie());
}, "a response's copies have the same");

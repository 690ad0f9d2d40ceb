// application/x-www-form-urlencoded bodies as forms (https://url.spec.whatwg.org/#concept-urlencoded-parser).
const type = "application/x-www-form-urlencoded";

// [text, entries]
const cases = [
  ["", []],
  ["a=1", [["a", "1"]]],
  ["a=1&b=2", [["a", "1"], ["b", "2"]]],
  ["a=1&a=2", [["a", "1"], ["a", "2"]]],
  ["a", [["a", ""]]],
  ["a=", [["a", ""]]],
  ["=a", [["", "a"]]],
  ["=", [["", ""]]],
  ["&", []],
  ["&&a=1&&", [["a", "1"]]],
  ["a=b=c", [["a", "b=c"]]],
  ["a+b=c+d", [["a b", "c d"]]],
  ["a%20b=%2B%26%3D", [["a b", "+&="]]],
  ["a=%", [["a", "%"]]],
  ["a=%4", [["a", "%4"]]],
  ["a=%zz%41", [["a", "%zzA"]]],
  ["a=%C3%A9", [["a", "\u00e9"]]],
  ["a=\u00e9", [["a", "\u00e9"]]],
  ["a=%FF", [["a", "\ufffd"]]],
  ["a=%EF%BB%BFb", [["a", "\ufeffb"]]],
  ["\ufeffa=b", [["\ufeffa", "b"]]],
  ["a=%00", [["a", "\0"]]],
  ["a;b=c", [["a;b", "c"]]],
  ["a=1;b=2", [["a", "1;b=2"]]],
  ["a[]=1&a[b]=2", [["a[]", "1"], ["a[b]", "2"]]],
  ["a=%0D%0A\r\n", [["a", "\r\n\r\n"]]],
  ["?a=1#b", [["?a", "1#b"]]],
  ["__proto__=1", [["__proto__", "1"]]],
];

for (const [text, entries] of cases) {
  promise_test(async () => {
    const form = await new Response(text, { headers: { "content-type": type } }).formData();
    assert_true(form instanceof FormData);
    assert_equals(JSON.stringify([...form]), JSON.stringify(entries));
    const asked = await new Request("https://example.com", { method: "POST", body: text, headers: { "content-type": type } }).formData();
    assert_equals(JSON.stringify([...asked]), JSON.stringify(entries));
  }, format_value(text));
}

promise_test(async () => {
  const bytes = new Uint8Array([0x61, 0x3d, 0xff, 0xc3, 0x26, 0xe9, 0x3d]);
  const form = await new Response(bytes, { headers: { "content-type": type } }).formData();
  assert_equals(JSON.stringify([...form]), JSON.stringify([["a", "\ufffd\ufffd"], ["\ufffd", ""]]));
}, "bytes that are no UTF-8");

promise_test(async () => {
  const params = new URLSearchParams([["a b", "1&2"], ["\u00e9", "="], ["a b", ""]]);
  const form = await new Response(params).formData();
  assert_equals(JSON.stringify([...form]), JSON.stringify([...params]));
}, "what URLSearchParams write");

for (const good of [`${type};charset=UTF-8`, `${type}; charset=iso-8859-1`, "APPLICATION/X-WWW-FORM-URLENCODED", ` ${type} `, `${type};`, `${type};a=b;c`, `text/plain, ${type}`]) {
  promise_test(async () => {
    const form = await new Response("a=%C3%A9", { headers: { "content-type": good } }).formData();
    assert_equals(form.get("a"), "\u00e9");
  }, `Content-Type ${format_value(good)}`);
}

for (const bad of ["text/plain", "application/x-www-form-urlencoded2", "application", "multipart/form-data", "application/json", "", "x-www-form-urlencoded", `${type}, text/plain`]) {
  promise_test(async (t) => {
    await promise_rejects_js(t, TypeError, new Response("a=1", { headers: { "content-type": bad } }).formData());
  }, `Content-Type ${format_value(bad)} is none of a form`);
}

promise_test(async (t) => {
  await promise_rejects_js(t, TypeError, new Response("a=1").formData(), "text");
  await promise_rejects_js(t, TypeError, new Response(new Uint8Array([0x61])).formData(), "bytes");
  await promise_rejects_js(t, TypeError, new Response(null).formData(), "nothing");
}, "a body without such a Content-Type");

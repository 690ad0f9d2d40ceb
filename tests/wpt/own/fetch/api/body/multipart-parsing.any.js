// multipart/form-data bodies as forms (RFC 7578, https://fetch.spec.whatwg.org/#dom-body-formdata).
const parse = (text, type = "multipart/form-data; boundary=BOUND") => new Response(text, { headers: { "content-type": type } }).formData();
const lines = (...all) => all.join("\r\n");
const part = (disposition, content, ...headers) => lines("--BOUND", `Content-Disposition: ${disposition}`, ...headers, "", content);
const form = (...parts) => lines(...parts, "--BOUND--", "");

async function told(data) {
  const entries = [];
  for (const [name, value] of data) {
    entries.push(typeof value === "string" ? `${name}=${value}` : `${name}=(${value.name}, ${value.type}, ${await value.text()})`);
  }
  return entries;
}

// [what it is, the body, the entries]
const good = [
  ["a field", form(part('form-data; name="a"', "1")), ["a=1"]],
  ["fields", form(part('form-data; name="a"', "1"), part('form-data; name="b"', "2"), part('form-data; name="a"', "3")), ["a=1", "b=2", "a=3"]],
  ["an empty field", form(part('form-data; name="a"', "")), ["a="]],
  ["an empty name", form(part('form-data; name=""', "1")), ["=1"]],
  ["a field of lines", form(part('form-data; name="a"', "1\r\n\r\n2\r\n")), ["a=1\r\n\r\n2\r\n"]],
  ["a field with dashes", form(part('form-data; name="a"', "--\r\n--BOUN\r\n-BOUND")), ["a=--\r\n--BOUN\r\n-BOUND"]],
  ["the boundary within a line", form(part('form-data; name="a"', "x--BOUND")), ["a=x--BOUND"]],
  ["a field that is not ASCII", form(part('form-data; name="\u00e9"', "\u{1f600}")), ["\u00e9=\u{1f600}"]],
  ["a file", form(part('form-data; name="f"; filename="n.txt"', "text", "Content-Type: text/html")), ["f=(n.txt, text/html, text)"]],
  ["an empty file", form(part('form-data; name="f"; filename="n.txt"', "", "Content-Type: text/html")), ["f=(n.txt, text/html, )"]],
  ["a file without a name", form(part('form-data; name="f"; filename=""', "text", "Content-Type: text/html")), ["f=(, text/html, text)"]],
  ["a file of another type", form(part('form-data; name="f"; filename="n"', "x", "Content-Type: application/octet-stream")), ["f=(n, application/octet-stream, x)"]],
  ["a field with a type", form(part('form-data; name="a"', "1", "Content-Type: text/plain; charset=iso-8859-1")), ["a=1"]],
  ["a header name in lower case", lines("--BOUND", 'content-disposition: form-data; name="a"', "", "1", "--BOUND--"), ["a=1"]],
  ["a header name in upper case", lines("--BOUND", 'CONTENT-DISPOSITION: form-data; name="a"', "", "1", "--BOUND--"), ["a=1"]],
  ["headers that mean nothing", form(part('form-data; name="a"', "1", "X-Other: 1", "Content-Transfer-Encoding: binary")), ["a=1"]],
  ["the type before the disposition", lines("--BOUND", "Content-Type: text/x", 'Content-Disposition: form-data; name="f"; filename="n"', "", "1", "--BOUND--"), ["f=(n, text/x, 1)"]],
  ["a name like a prototype's", form(part('form-data; name="__proto__"', "1")), ["__proto__=1"]],
  ["no parts", "--BOUND--\r\n", []],
  ["no line end after the last boundary", lines(part('form-data; name="a"', "1"), "--BOUND--"), ["a=1"]],
  ["a semicolon in a name", form(part('form-data; name="a;b"; filename="c;d"', "1", "Content-Type: text/x")), ["a;b=(c;d, text/x, 1)"]],
  ["many fields", form(...Array.from({ length: 500 }, (_, i) => part(`form-data; name="${i}"`, `v${i}`))), Array.from({ length: 500 }, (_, i) => `${i}=v${i}`)],
];
for (const [name, body, entries] of good) {
  promise_test(async () => {
    assert_array_equals(await told(await parse(body)), entries);
  }, name);
}

// [what it is, the body]
const bad = [
  ["nothing", ""],
  ["text", "text"],
  ["another boundary", lines("--OTHER", 'Content-Disposition: form-data; name="a"', "", "1", "--OTHER--", "")],
  ["no dashes before the boundary", lines("BOUND", 'Content-Disposition: form-data; name="a"', "", "1", "BOUND--", "")],
  ["no last boundary", part('form-data; name="a"', "1")],
  ["no last boundary after a line end", part('form-data; name="a"', "1\r\n")],
  ["a part that ends within its headers", lines("--BOUND", 'Content-Disposition: form-data; name="a"')],
  ["no Content-Disposition", lines("--BOUND", "Content-Type: text/plain", "", "1", "--BOUND--", "")],
  ["no name", form(part("form-data", "1"))],
  ["no name of a file", form(part('form-data; filename="a"', "1", "Content-Type: text/x"))],
  ["another disposition", form(part('attachment; name="a"', "1"))],
  ["only a boundary", "--BOUND"],
  ["only a boundary's line", "--BOUND\r\n"],
];
for (const [name, body] of bad) {
  promise_test(async (t) => {
    await promise_rejects_js(t, TypeError, parse(body));
  }, `${name} is no form`);
}

for (const type of ["multipart/form-data; boundary=BOUND", "MULTIPART/FORM-DATA; BOUNDARY=BOUND", 'multipart/form-data; boundary="BOUND"', "multipart/form-data;boundary=BOUND", "multipart/form-data; charset=utf-8; boundary=BOUND", "multipart/form-data; boundary=BOUND; boundary=OTHER"]) {
  promise_test(async () => {
    assert_array_equals(await told(await parse(form(part('form-data; name="a"', "1")), type)), ["a=1"]);
  }, `Content-Type ${format_value(type)}`);
}
for (const type of ["multipart/form-data", "multipart/form-data; boundary", "multipart/form-data; boundary=", "multipart/form-data; bound=BOUND", "multipart/mixed; boundary=BOUND", "multipart/form-data; boundary=bound", "form-data; boundary=BOUND"]) {
  promise_test(async (t) => {
    await promise_rejects_js(t, TypeError, parse(form(part('form-data; name="a"', "1")), type));
  }, `Content-Type ${format_value(type)} is no good`);
}

promise_test(async () => {
  const bytes = new Uint8Array(256).map((_, i) => i);
  const head = new TextEncoder().encode(lines("--BOUND", 'Content-Disposition: form-data; name="f"; filename="n"', "Content-Type: x/y", "", ""));
  const data = await parse(new Blob([head, bytes, "\r\n--BOUND--\r\n"]));
  assert_array_equals(new Uint8Array(await data.get("f").arrayBuffer()), bytes);
}, "a file may have any bytes");

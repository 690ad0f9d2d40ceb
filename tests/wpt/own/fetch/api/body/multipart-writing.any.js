// Forms as bodies (https://html.spec.whatwg.org/#multipart-form-data).
async function written(fill) {
  const form = new FormData();
  fill(form);
  const response = new Response(form);
  const [, boundary] = /^multipart\/form-data; ?boundary="?([-0-9A-Za-z'()+_,./:=? ]+)"?$/.exec(response.headers.get("content-type"));
  assert_between_inclusive(boundary.length, 27, 70, "the boundary's length");
  // A line end after the last boundary is up to the implementation.
  return (await response.text()).replaceAll(boundary, "BOUND").replace(/\r\n$/, "");
}

const lines = (...all) => all.join("\r\n");
const field = (name, value) => lines("--BOUND", `Content-Disposition: form-data; name="${name}"`, "", value);
const file = (name, filename, type, content) => lines("--BOUND", `Content-Disposition: form-data; name="${name}"; filename="${filename}"`, `Content-Type: ${type}`, "", content);

// [what it is, how the form is filled, what is written before the last boundary]
const cases = [
  ["a field", (form) => form.append("a", "1"), [field("a", "1")]],
  ["fields in their order", (form) => ["b", "a", "b"].forEach((name, i) => form.append(name, i)), [field("b", "0"), field("a", "1"), field("b", "2")]],
  ["empty names and values", (form) => form.append("", ""), [field("", "")]],
  ["what is not ASCII", (form) => form.append("\u00e9", "\u{1f600}"), [field("\u00e9", "\u{1f600}")]],
  ["lone surrogates", (form) => form.append("\ud800", "\udc00"), [field("\ufffd", "\ufffd")]],
  ["a quote in a name", (form) => form.append('a"b', '"'), [field("a%22b", '"')]],
  ["other signs in a name", (form) => form.append("a%\\;=b", "%"), [field("a%\\;=b", "%")]],
  ["line ends in a name", (form) => form.append("a\rb\nc\r\nd", "1"), [field("a%0D%0Ab%0D%0Ac%0D%0Ad", "1")]],
  ["line ends in a value", (form) => form.append("a", "b\rc\nd\r\ne\n\rf"), [field("a", "b\r\nc\r\nd\r\ne\r\n\r\nf")]],
  ["a file", (form) => form.append("f", new File(["text"], "n.txt", { type: "text/html" })), [file("f", "n.txt", "text/html", "text")]],
  ["a file without a type", (form) => form.append("f", new File(["text"], "n.txt")), [file("f", "n.txt", "application/octet-stream", "text")]],
  ["a Blob", (form) => form.append("f", new Blob(["text"], { type: "a/b" })), [file("f", "blob", "a/b", "text")]],
  ["a Blob with a name", (form) => form.append("f", new Blob(["text"]), "own.txt"), [file("f", "own.txt", "application/octet-stream", "text")]],
  ["a File with another name", (form) => form.append("f", new File(["text"], "n.txt"), "own.txt"), [file("f", "own.txt", "application/octet-stream", "text")]],
  ["an empty file", (form) => form.append("f", new File([], "")), [file("f", "", "application/octet-stream", "")]],
  ["line ends in a file", (form) => form.append("f", new File(["a\nb\rc"], "n")), [file("f", "n", "application/octet-stream", "a\nb\rc")]],
  ["a quote and line ends in a file name", (form) => form.append("f", new File([""], 'a"\r\n\\b')), [file("f", "a%22%0D%0A\\b", "application/octet-stream", "")]],
  ["a file name that is not ASCII", (form) => form.append("f", new File([""], "\u00e9\u{1f600}")), [file("f", "\u00e9\u{1f600}", "application/octet-stream", "")]],
];
for (const [name, fill, parts] of cases) {
  promise_test(async () => {
    assert_equals(await written(fill), lines(...parts, "--BOUND--"));
  }, name);
}

promise_test(async () => {
  assert_equals(await written(() => {}), "--BOUND--");
}, "an empty form");

promise_test(async () => {
  const form = new FormData();
  form.append("a", "1\r\n2");
  form.append("\u00e9", "\u{1f600}");
  form.append("f", new File([new Uint8Array([0, 255, 13, 10, 45, 45])], 'n\u00e9', { type: "x/y" }));
  form.append("a", "");
  for (const owner of [new Response(form), new Request("https://example.com", { method: "POST", body: form })]) {
    const got = await owner.formData();
    assert_array_equals([...got.keys()], ["a", "\u00e9", "f", "a"]);
    assert_array_equals(got.getAll("a"), ["1\r\n2", ""]);
    assert_equals(got.get("\u00e9"), "\u{1f600}");
    const back = got.get("f");
    assert_true(back instanceof File);
    assert_equals(back.name, 'n\u00e9');
    assert_equals(back.type, "x/y");
    assert_array_equals(new Uint8Array(await back.arrayBuffer()), [0, 255, 13, 10, 45, 45]);
  }
}, "a form comes back as it was");

promise_test(async () => {
  const form = new FormData();
  form.append("a", "1");
  const types = [new Response(form), new Response(form)].map((response) => response.headers.get("content-type"));
  assert_not_equals(types[0], types[1]);
}, "each body has a boundary of its own");

promise_test(async (t) => {
  const form = new FormData();
  form.append("a", "1");
  const response = new Response(form, { headers: { "content-type": "text/x" } });
  assert_equals(response.headers.get("content-type"), "text/x");
  await promise_rejects_js(t, TypeError, response.formData());
}, "a Content-Type that is given stays");

promise_test(async () => {
  const form = new FormData();
  form.append("a", "1");
  const clone = new Response(form).clone();
  assert_equals((await clone.formData()).get("a"), "1");
  const request = new Request("https://example.com", { method: "POST", body: form });
  assert_equals((await new Request(request).formData()).get("a"), "1");
}, "clones and copies have the same boundary");

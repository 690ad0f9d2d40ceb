// Integrity metadata (https://fetch.spec.whatwg.org/#concept-request-integrity-metadata). On the platform none can be asked for, which it tells by an error.
const FILE = "/fetch/api/resources/method.py";

test(() => {
  assert_equals(new Request("https://example.com").integrity, "");
  assert_equals(new Request("https://example.com", { integrity: "" }).integrity, "");
  assert_equals(new Request("https://example.com", { integrity: undefined }).integrity, "");
  assert_equals(new Request(new Request("https://example.com", { integrity: "" })).integrity, "");
  assert_equals(new Request("https://example.com").clone().integrity, "");
}, "there is none by default");

promise_test(async () => {
  assert_equals((await fetch(FILE, { integrity: "" })).status, 200);
  assert_equals((await fetch(FILE, { integrity: undefined })).status, 200);
  assert_equals((await fetch("data:,a", { integrity: "" })).status, 200);
}, "an empty one asks for nothing");

for (const integrity of [
  "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha384-x", "sha512-x sha256-y", "md5-x", "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=?a", " ", "-", "a", null, 0,
]) {
  promise_test(async (t) => {
    assert_throws_js(TypeError, () => new Request("https://example.com", { integrity }));
    await promise_rejects_js(t, TypeError, fetch(FILE, { integrity }));
    assert_throws_js(TypeError, () => new Request(new Request("https://example.com"), { integrity }));
  }, `${format_value(integrity)} is refused`);
}

test(() => {
  const error = new Error("from toString");
  assert_throws_exactly(error, () => new Request("https://example.com", { integrity: { toString() { throw error; } } }));
}, "it is made a string");

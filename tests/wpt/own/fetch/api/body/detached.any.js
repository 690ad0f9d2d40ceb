// Buffers that are detached have no bytes (https://webidl.spec.whatwg.org/#dfn-get-buffer-source-copy).
const kinds = { ArrayBuffer, Uint8Array, Uint16Array, Float64Array, BigInt64Array, DataView };

function detached(Kind) {
  const made = Kind === ArrayBuffer ? new ArrayBuffer(16) : new Kind(new ArrayBuffer(16));
  structuredClone(null, { transfer: [made.buffer ?? made] });
  return made;
}

for (const [name, Kind] of Object.entries(kinds)) {
  promise_test(async () => {
    const response = new Response(detached(Kind));
    assert_true(response.body instanceof ReadableStream);
    assert_equals((await response.arrayBuffer()).byteLength, 0);
  }, `${name} as a Response's body`);

  promise_test(async () => {
    const request = new Request("https://example.com", { method: "POST", body: detached(Kind) });
    assert_equals((await request.arrayBuffer()).byteLength, 0);
  }, `${name} as a Request's body`);

  promise_test(async () => {
    const response = await fetch("/fetch/api/resources/method.py", { method: "POST", body: detached(Kind) });
    assert_equals(response.headers.get("x-request-method"), "POST");
    assert_equals(await response.text(), "");
  }, `${name} as a body that is sent`);

  promise_test(async () => {
    const blob = new Blob(["a", detached(Kind), "b"]);
    assert_equals(await blob.text(), "ab");
    const file = new File([detached(Kind)], "name");
    assert_equals(file.size, 0);
  }, `${name} as a part of a Blob`);
}

promise_test(async () => {
  const buffer = new Uint8Array([97, 98]).buffer;
  const response = new Response(buffer);
  structuredClone(null, { transfer: [buffer] });
  assert_equals(await response.text(), "ab");
}, "bytes that are detached after they were given");

// Forgiving base64 decode, by fetching data: URLs (https://infra.spec.whatwg.org/#forgiving-base64-decode).
promise_setup(async () => {
  const cases = await (await fetch("resources/base64.json")).json();
  for (const [input, output] of cases) {
    promise_test(async (t) => {
      const fetched = fetch("data:;base64," + input);
      if (output === null) return promise_rejects_js(t, TypeError, fetched);
      const bytes = new Uint8Array(await (await fetched).arrayBuffer());
      assert_array_equals(bytes, output);
    }, `data: URL base64 handling: ${format_value(input)}`);
  }
});

// Processing of data: URLs (https://fetch.spec.whatwg.org/#data-urls).
promise_setup(async () => {
  const cases = await (await fetch("resources/data-urls.json")).json();
  for (const [input, mimeType, body] of cases) {
    promise_test(async (t) => {
      const fetched = fetch(input);
      if (mimeType === null) return promise_rejects_js(t, TypeError, fetched);
      const response = await fetched;
      assert_equals(response.headers.get("content-type"), mimeType);
      assert_array_equals(new Uint8Array(await response.arrayBuffer()), body);
    }, format_value(input));
  }
});

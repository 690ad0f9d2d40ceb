// Where the platform's Request differs from the standard, and means to.
const URL_ = "https://example.com/a";

for (const name of ["mode", "credentials", "referrer", "referrerPolicy", "destination", "isReloadNavigation", "isHistoryNavigation", "duplex"]) {
  test(() => {
    assert_false(name in Request.prototype);
    // As members of an init they are ignored.
    assert_equals(new Request(URL_, { [name]: "anything" }).url, URL_);
  }, `there is no ${name}`);
}

for (const url of ["https://user@example.com/", "https://user:pass@example.com/", "https://:pass@example.com/"]) {
  test(() => {
    assert_equals(new Request(url).url, url);
  }, `the credentials of ${url} are kept`);
}

test(() => {
  assert_throws_js(TypeError, () => new Request("/relative"));
  assert_throws_js(TypeError, () => new Request(""));
  assert_throws_js(TypeError, () => new Request("#a"));
}, "there is no base URL");

for (const [given, method] of [["patch", "PATCH"], ["propfind", "PROPFIND"], ["Purge", "PURGE"]]) {
  test(() => {
    assert_equals(new Request(URL_, { method: given }).method, method);
  }, `the method ${given} becomes upper case`);
}

for (const method of ["chicken", "FOO", "GET1", "X-Y"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(URL_, { method }));
  }, `the method ${method} is not known`);
}

for (const method of ["TRACE", "trace"]) {
  test(() => {
    assert_equals(new Request(URL_, { method }).method, "TRACE");
  }, `the method ${method} is allowed`);
}

test(() => {
  const request = new Request(URL_, { cf: { cacheTtl: 5, image: { width: 1 } } });
  assert_equals(request.cf.cacheTtl, 5);
  assert_equals(request.cf.image.width, 1);
  assert_equals(new Request(request).cf.cacheTtl, 5);
  assert_equals(request.clone().cf.cacheTtl, 5);
  assert_equals(new Request(request, { cf: { a: 1 } }).cf.cacheTtl, undefined);
  assert_equals(new Request(URL_).cf, undefined);
  assert_throws_js(TypeError, () => new Request(URL_, { cf: 1 }));
}, "cf goes along");

promise_test(async () => {
  const first = new Request(URL_, { method: "POST", headers: { a: "1" }, body: "text" });
  const second = new Request("https://other.example/", first);
  assert_equals(second.url, "https://other.example/");
  assert_equals(second.method, "POST");
  assert_equals(second.headers.get("a"), "1");
  assert_equals(await second.text(), "text");
}, "a Request as the init");

for (const cache of ["no-store", "no-cache"]) {
  test(() => {
    assert_equals(new Request(URL_, { cache }).cache, cache);
  }, `cache ${cache}`);
}
for (const cache of ["default", "reload", "force-cache", "only-if-cached", "", "No-Store"]) {
  test(() => {
    assert_throws_js(TypeError, () => new Request(URL_, { cache }));
  }, `cache ${format_value(cache)} is not supported`);
}

promise_test(async () => {
  const stream = new ReadableStream({ start(controller) { controller.enqueue(new TextEncoder().encode("text")); controller.close(); } });
  assert_equals(await new Request(URL_, { method: "POST", body: stream }).text(), "text");
}, "a stream as the body needs no duplex");

// Where the platform's Response differs from the standard, and means to.
test(() => {
  assert_throws_js(TypeError, () => Response.redirect("/relative"));
  assert_throws_js(TypeError, () => Response.redirect(""));
}, "redirect() has no base URL");

for (const status of [204, 205, 304]) {
  test(() => {
    assert_equals(new Response("", { status }).body, null);
  }, `status ${status} takes an empty string as no body`);
}

test(() => {
  assert_equals(new Response(null, { cf: { a: { b: 1 } } }).cf.a.b, 1);
  assert_equals(new Response().cf, undefined);
  assert_throws_js(TypeError, () => new Response(null, { cf: 1 }));
}, "cf");

test(() => {
  assert_equals(new Response().webSocket, null);
  assert_throws_js(RangeError, () => new Response(null, { status: 101 }));
  const [client, server] = Object.values(new WebSocketPair());
  assert_throws_js(RangeError, () => new Response(null, { webSocket: client }));
  const response = new Response(null, { status: 101, webSocket: client });
  assert_equals(response.status, 101);
  assert_equals(response.webSocket, client);
  assert_throws_js(TypeError, () => response.clone());
  server.accept();
  server.close();
}, "webSocket");

for (const encodeBody of ["automatic", "manual"]) {
  test(() => {
    assert_equals(new Response("text", { encodeBody }).status, 200);
  }, `encodeBody ${encodeBody}`);
}
test(() => {
  assert_throws_js(TypeError, () => new Response("text", { encodeBody: "auto" }));
}, "encodeBody must be one of them");

test(() => {
  const response = new Response(null, { headers: { a: "\u{1f600}" } });
  assert_equals(response.headers.get("a"), "\u{1f600}");
}, "header values are Unicode");

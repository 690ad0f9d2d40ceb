// Response.error(), Response.redirect() and Response.json().
test(() => {
  const response = Response.error();
  assert_true(response instanceof Response);
  assert_equals(response.type, "error");
  assert_equals(response.status, 0);
  assert_equals(response.statusText, "");
  assert_equals(response.url, "");
  assert_false(response.ok);
  assert_false(response.redirected);
  assert_equals(response.body, null);
  assert_array_equals([...response.headers], []);
  assert_not_equals(Response.error(), Response.error());
  assert_equals(response.clone().type, "error");
}, "error()");

for (const status of [301, 302, 303, 307, 308]) {
  test(() => {
    const response = Response.redirect("https://example.com/a", status);
    assert_equals(response.status, status);
    assert_equals(response.headers.get("location"), "https://example.com/a");
    assert_equals(response.type, "default");
    assert_false(response.ok);
    assert_false(response.redirected);
    assert_equals(response.url, "");
    assert_equals(response.body, null);
  }, `redirect() with ${status}`);
}

test(() => {
  assert_equals(Response.redirect("https://example.com/").status, 302);
  assert_equals(Response.redirect("https://example.com/", undefined).status, 302);
  assert_equals(Response.redirect("https://example.com/", "303").status, 303);
}, "redirect()'s status is 302 by default");

for (const status of [200, 300, 304, 305, 306, 309, 400, 0, 999, null, NaN, "a"]) {
  test(() => {
    assert_throws_js(RangeError, () => Response.redirect("https://example.com/", status));
  }, `redirect() with ${format_value(status)} is refused`);
}

for (const [url, location] of [
  ["https://example.com", "https://example.com/"],
  ["HTTPS://EXAMPLE.com:443/a/../b c", "https://example.com/b%20c"],
  ["https://caf\u00e9.example/\u00e9#h", "https://xn--caf-dma.example/%C3%A9#h"],
  [new URL("https://example.com/url"), "https://example.com/url"],
  ["data:,a", "data:,a"],
]) {
  test(() => {
    assert_equals(Response.redirect(url).headers.get("location"), location);
  }, `redirect() to ${format_value(String(url))}`);
}

test(() => {
  for (const url of ["https://", "https://[", "http://exa<mple.com"]) assert_throws_js(TypeError, () => Response.redirect(url), url);
  assert_throws_js(TypeError, () => Response.redirect());
  assert_throws_js(TypeError, () => Response.redirect("https://", 200), "the URL is looked at first");
}, "redirect() needs a URL");

// [value, text]
for (const [value, text] of [
  [{ a: 1 }, '{"a":1}'], [[1, null, "\u00e9"], '[1,null,"\u00e9"]'], ["text", '"text"'], ["", '""'], [1, "1"], [null, "null"], [false, "false"], [[NaN], "[null]"],
  [{ toJSON: () => "made" }, '"made"'], [{ a: undefined }, "{}"], [new Date(0), '"1970-01-01T00:00:00.000Z"'], ["\ud800", '"\\ud800"'],
]) {
  promise_test(async () => {
    const response = Response.json(value);
    assert_equals(response.status, 200);
    assert_equals(response.type, "default");
    assert_equals(response.headers.get("content-type"), "application/json");
    assert_equals(await response.text(), text);
  }, `json() of ${format_value(text)}`);
}

test(() => {
  for (const value of [undefined, () => {}, Symbol("s"), { toJSON: () => undefined }]) assert_throws_js(TypeError, () => Response.json(value));
  assert_throws_js(TypeError, () => Response.json(1n));
  assert_throws_js(TypeError, () => Response.json());
  const circular = {};
  circular.self = circular;
  assert_throws_js(TypeError, () => Response.json(circular));
  const error = new Error("from toJSON");
  assert_throws_exactly(error, () => Response.json({ toJSON() { throw error; } }));
}, "json() of what is no JSON");

test(() => {
  const response = Response.json({}, { status: 201, statusText: "Made", headers: { a: "1" } });
  assert_equals(response.status, 201);
  assert_equals(response.statusText, "Made");
  assert_equals(response.headers.get("a"), "1");
  assert_equals(response.headers.get("content-type"), "application/json");
  assert_equals(Response.json({}, { headers: { "Content-Type": "text/x" } }).headers.get("content-type"), "text/x");
  for (const status of [204, 205, 304]) assert_throws_js(TypeError, () => Response.json({}, { status }), String(status));
  for (const status of [0, 100, 600]) assert_throws_js(RangeError, () => Response.json({}, { status }), String(status));
  assert_throws_js(TypeError, () => Response.json({}, "init"));
}, "json() with an init");

for (const [name, length] of [["error", 0], ["redirect", 1], ["json", 1]]) {
  test(() => {
    const { value, enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(Response, name);
    assert_equals(value.name, name);
    assert_equals(value.length, length);
    assert_true(enumerable && writable && configurable);
  }, `${name}() is a static method of ${length} arguments`);
}

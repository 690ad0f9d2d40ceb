// Whose headers can be changed (https://fetch.spec.whatwg.org/#concept-headers-guard).
function assert_immutable(headers) {
  const before = JSON.stringify([...headers]);
  for (const name of ["content-type", "location", "x"]) {
    assert_throws_js(TypeError, () => headers.set(name, "1"), `set("${name}")`);
    assert_throws_js(TypeError, () => headers.append(name, "1"), `append("${name}")`);
    assert_throws_js(TypeError, () => headers.delete(name), `delete("${name}")`);
  }
  assert_equals(JSON.stringify([...headers]), before);
}

function assert_mutable(headers) {
  headers.set("x", "1");
  headers.append("x", "2");
  assert_equals(headers.get("x"), "1, 2");
  headers.delete("x");
  assert_false(headers.has("x"));
}

test(() => assert_immutable(Response.error().headers), "an error response's are immutable");
test(() => assert_immutable(Response.redirect("https://example.com/").headers), "a redirect's are immutable");
test(() => assert_immutable(Response.redirect("https://example.com/").clone().headers), "those of a redirect's clone are immutable");
test(() => assert_mutable(new Response().headers), "a new response's can be changed");
test(() => assert_mutable(Response.json({}).headers), "those of Response.json() can be changed");
test(() => assert_mutable(new Response().clone().headers), "a clone's can be changed");
test(() => assert_mutable(new Request("https://example.com").headers), "a new request's can be changed");
test(() => assert_mutable(new Request("https://example.com").clone().headers), "those of a request's clone can be changed");
test(() => assert_mutable(new Headers(Response.redirect("https://example.com/").headers)), "a copy of immutable headers can be changed");
test(() => assert_mutable(new Response(null, { headers: Response.redirect("https://example.com/").headers }).headers), "a response made with immutable headers has its own");

promise_test(async () => assert_immutable((await fetch("data:,a")).headers), "those of a data: URL's response are immutable");
promise_test(async () => assert_immutable((await fetch("/resources/testharness.js")).headers), "a fetched response's are immutable");
promise_test(async () => assert_immutable((await fetch("/resources/testharness.js")).clone().headers), "those of a fetched response's clone are immutable");
promise_test(async () => {
  const response = await fetch("/resources/testharness.js");
  const copy = new Response(response.body, response);
  assert_mutable(copy.headers);
  assert_equals(copy.headers.get("content-type"), response.headers.get("content-type"));
}, "a response made from a fetched one has its own");

test(() => {
  const given = new Headers({ x: "1" });
  const request = new Request("https://example.com", { headers: given });
  const response = new Response(null, { headers: given });
  given.set("x", "2");
  request.headers.append("x", "3");
  response.headers.append("x", "4");
  assert_equals(given.get("x"), "2");
  assert_equals(request.headers.get("x"), "1, 3");
  assert_equals(response.headers.get("x"), "1, 4");
}, "the headers of an init are copied");

test(() => {
  const request = new Request("https://example.com", { headers: { x: "1" } });
  const response = new Response(null, { headers: { x: "1" } });
  for (const one of [request, response]) {
    assert_equals(one.headers, one.headers, "the same object each time");
    const clone = one.clone();
    clone.headers.set("x", "2");
    assert_equals(one.headers.get("x"), "1");
  }
}, "a clone has headers of its own");

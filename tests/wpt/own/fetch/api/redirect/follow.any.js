// Redirects that are followed (https://fetch.spec.whatwg.org/#http-redirect-fetch).
const RESOURCES = "/fetch/api/resources/";
const target = (query = "") => new URL(`${RESOURCES}method.py${query}`, location.href).href;
const redirect = (status, to, init) => fetch(`${RESOURCES}redirect.py?redirect_status=${status}${to === undefined ? "" : `&location=${encodeURIComponent(to)}`}`, init);

for (const status of [301, 302, 303, 307, 308]) {
  promise_test(async () => {
    const response = await redirect(status, target("?a=1"));
    assert_equals(response.status, 200);
    assert_true(response.ok);
    assert_true(response.redirected);
    assert_equals(response.url, target("?a=1"));
    assert_equals(response.headers.get("x-request-method"), "GET");
    assert_false(response.headers.has("location"));
    assert_equals(await response.text(), "");
  }, `${status} is followed`);

  promise_test(async () => {
    const response = await redirect(status, target(), { method: "HEAD" });
    assert_equals(response.headers.get("x-request-method"), "HEAD");
    assert_true(response.redirected);
    assert_equals(await response.text(), "");
  }, `HEAD stays HEAD after ${status}`);

  promise_test(async () => {
    const response = await redirect(status);
    assert_equals(response.status, status);
    assert_false(response.redirected);
    assert_equals(await response.text(), "redirected");
  }, `${status} without a Location is a response`);

  promise_test(async (t) => {
    for (const to of ["https://", "http://[", "http://a b/", "data:,a", "foo:bar", "about:blank", "javascript:1", "mailto:a@b"]) {
      await promise_rejects_js(t, TypeError, redirect(status, to), to);
    }
  }, `${status} to what is no HTTP URL fails`);
}

for (const status of [200, 201, 300, 305, 306, 400, 404, 500]) {
  promise_test(async () => {
    const response = await redirect(status, target());
    assert_equals(response.status, status);
    assert_false(response.redirected);
    assert_equals(new URL(response.url).pathname, `${RESOURCES}redirect.py`);
    assert_equals(response.headers.get("location"), target());
  }, `${status} with a Location is a response`);
}

// [Location, the URL it leads to, without its origin]
for (const [to, url] of [
  ["method.py", `${RESOURCES}method.py`],
  ["./method.py", `${RESOURCES}method.py`],
  ["../resources/method.py?a", `${RESOURCES}method.py?a`],
  [`${RESOURCES}method.py`, `${RESOURCES}method.py`],
  [`//${location.host}${RESOURCES}method.py`, `${RESOURCES}method.py`],
  ["method.py?a=b&c#d", `${RESOURCES}method.py?a=b&c`],
  ["method.py?a b", `${RESOURCES}method.py?a%20b`],
  ["method.py?%41%zz", `${RESOURCES}method.py?%41%zz`],
  ["\\fetch\\api\\resources\\method.py", `${RESOURCES}method.py`],
]) {
  promise_test(async () => {
    const response = await redirect(302, to);
    assert_equals(response.url, new URL(url, location.href).href);
    assert_equals(response.headers.get("x-request-method"), "GET");
  }, `Location ${format_value(to.replace(location.host, "HOST"))}`);
}

/** A redirect that is followed by others, `count` in all. */
function chain(count) {
  let url = target();
  for (let i = 0; i < count; i++) url = `${RESOURCES}redirect.py?location=${encodeURIComponent(url)}`;
  return fetch(url);
}

for (const count of [2, 5]) {
  promise_test(async () => {
    const response = await chain(count);
    assert_equals(response.url, target());
    assert_true(response.redirected);
  }, `${count} redirects`);
}

promise_test(async () => {
  const counted = (left) => `${RESOURCES}redirect.py?count=${left}`;
  const response = await fetch(counted(20));
  assert_equals(response.status, 200);
  assert_true(response.redirected);
}, "20 redirects are followed");

promise_test(async (t) => {
  await promise_rejects_js(t, TypeError, fetch(`${RESOURCES}redirect.py?count=21`));
}, "21 redirects are too many");

promise_test(async (t) => {
  await promise_rejects_js(t, TypeError, fetch(`${RESOURCES}redirect.py?count=loop`));
}, "a redirect to itself fails");

promise_test(async () => {
  const response = await redirect(302, target());
  assert_true(response.clone().redirected);
  assert_equals(response.clone().url, target());
  const made = new Response(response.body, response);
  assert_false(made.redirected);
  assert_equals(made.url, "");
}, "a clone is redirected too, a copy is not");

promise_test(async () => {
  const request = new Request(new URL(`${RESOURCES}redirect.py?location=method.py`, location.href));
  const response = await fetch(request);
  assert_true(response.redirected);
  assert_equals(new URL(request.url).pathname, `${RESOURCES}redirect.py`);
}, "a Request is not changed by it");

promise_test(async () => {
  const response = await fetch(target());
  assert_false(response.redirected);
  assert_equals(response.url, target());
  assert_equals((await fetch(target("?a") + "#fragment")).url, target("?a"));
}, "a response that was not redirected");

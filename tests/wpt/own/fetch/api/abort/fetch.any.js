// fetch() with a signal (https://fetch.spec.whatwg.org/#fetch-method).
const SLOW = "/fetch/api/resources/trickle.py?ms=1000&count=3";
const FAST = "/fetch/api/resources/method.py";
const never = () => assert_unreached("the fetch resolved");

/** How a promise rejects. */
const reasonOf = (promise) => promise.then(never, (reason) => reason);

promise_test(async (t) => {
  const controller = new AbortController();
  controller.abort();
  await promise_rejects_dom(t, "AbortError", fetch(FAST, { signal: controller.signal }));
  assert_equals(await reasonOf(fetch(FAST, { signal: controller.signal })), controller.signal.reason);
}, "a signal that is aborted already");

for (const reason of ["text", 0, null, false, new Error("own"), { own: true }]) {
  promise_test(async () => {
    assert_equals(await reasonOf(fetch(FAST, { signal: AbortSignal.abort(reason) })), reason, "before");
    const controller = new AbortController();
    const fetched = reasonOf(fetch(SLOW, { signal: controller.signal }));
    controller.abort(reason);
    assert_equals(await fetched, reason, "at once");
  }, `the reason ${reason instanceof Error ? "of an Error" : JSON.stringify(reason)}`);
}

promise_test(async (t) => {
  const controller = new AbortController();
  const fetched = fetch(SLOW, { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await promise_rejects_dom(t, "AbortError", fetched);
}, "abort() while the response is awaited");

promise_test(async () => {
  const controller = new AbortController();
  const order = [];
  const fetched = fetch(SLOW, { signal: controller.signal }).then(never, () => order.push("rejected"));
  controller.signal.onabort = () => order.push("event");
  controller.abort();
  order.push("after abort()");
  await fetched;
  assert_array_equals(order, ["event", "after abort()", "rejected"]);
}, "the promise rejects after abort() has returned");

promise_test(async (t) => {
  const controller = new AbortController();
  const request = new Request(new URL(FAST, location.href), { signal: controller.signal });
  controller.abort();
  await promise_rejects_dom(t, "AbortError", fetch(request));
  await promise_rejects_dom(t, "AbortError", fetch(new Request(request)));
  await promise_rejects_dom(t, "AbortError", fetch(request.clone()));
}, "the signal of a Request");

promise_test(async () => {
  const request = new Request(new URL(FAST, location.href), { signal: AbortSignal.abort() });
  assert_equals((await fetch(request, { signal: null })).status, 200);
  assert_equals((await fetch(request, { signal: new AbortController().signal })).status, 200);
}, "an init's signal replaces it");

promise_test(async (t) => {
  const request = new Request(new URL(FAST, location.href), { signal: new AbortController().signal });
  await promise_rejects_dom(t, "AbortError", fetch(request, { signal: AbortSignal.abort() }));
}, "an init's signal that is aborted");

promise_test(async (t) => {
  await promise_rejects_dom(t, "TimeoutError", fetch(SLOW, { signal: AbortSignal.timeout(20) }).then((response) => response.text()));
}, "AbortSignal.timeout()");

promise_test(async () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const fetched = reasonOf(fetch(SLOW, { signal: AbortSignal.any([one.signal, two.signal]) }));
  two.abort("two");
  one.abort("one");
  assert_equals(await fetched, "two");
}, "AbortSignal.any()");

promise_test(async () => {
  const controller = new AbortController();
  const all = [FAST, SLOW, SLOW].map((url) => reasonOf(fetch(url, { signal: controller.signal }).then((response) => response.text()).then(never)));
  controller.abort("all");
  assert_array_equals(await Promise.all(all), ["all", "all", "all"]);
}, "one signal for many fetches");

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(FAST, { method: "POST", body: "text", signal: controller.signal });
  assert_equals(await response.text(), "text");
  controller.abort();
  assert_equals(response.status, 200);
  assert_equals((await fetch(FAST)).status, 200);
}, "abort() when everything is done");

promise_test(async (t) => {
  const aborted = AbortSignal.abort("aborted");
  await promise_rejects_exactly(t, "aborted", fetch("data:,a", { signal: aborted }));
  await promise_rejects_js(t, TypeError, fetch("http://[", { signal: aborted }), "what is no request is told first");
  await promise_rejects_js(t, TypeError, fetch(FAST, { signal: aborted, method: "a b" }));
}, "a signal that is aborted, with other things");

promise_test(async (t) => {
  for (const signal of ["a", 1, {}, new AbortController(), new EventTarget()]) await promise_rejects_js(t, TypeError, fetch(FAST, { signal }));
}, "what is no signal");

promise_test(async () => {
  const request = new Request(new URL(FAST, location.href), { method: "POST", body: "text", signal: AbortSignal.abort("why") });
  assert_equals(await reasonOf(fetch(request)), "why");
  assert_true(request.bodyUsed);
}, "the body of a Request that is aborted is used");

promise_test(async () => {
  const request = new Request(new URL(FAST, location.href), { method: "POST", body: "text", signal: AbortSignal.abort() });
  assert_equals(await request.text(), "text");
}, "the body of a Request with an aborted signal can be read");

// MessageChannel and MessagePort (https://html.spec.whatwg.org/#message-channels).
const message = (port) => new Promise((resolve) => { port.onmessage = resolve; });

promise_test(async () => {
  const { port1, port2 } = new MessageChannel();
  const got = message(port2);
  port1.postMessage({ a: [1, new Date(5)] });
  const event = await got;
  assert_equals(event.data.a[1].getTime(), 5);
  assert_true(event.isTrusted);
  assert_equals(event.target, port2);
  assert_array_equals(event.ports, []);
}, "a message is a clone");

promise_test(async () => {
  const { port1, port2 } = new MessageChannel();
  for (let i = 0; i < 3; i++) port1.postMessage(i);
  const order = [];
  await new Promise((resolve) => {
    port2.addEventListener("message", ({ data }) => {
      order.push(data);
      if (data === 2) resolve();
    });
    order.push("not started");
    port2.start();
  });
  assert_array_equals(order, ["not started", 0, 1, 2]);
}, "messages wait for start(), and come in their order");

promise_test(async () => {
  const one = new MessageChannel();
  const two = new MessageChannel();
  const got = message(one.port2);
  two.port1.postMessage("sent before the port travelled");
  one.port1.postMessage("a port", [two.port2]);
  const { ports } = await got;
  assert_equals(ports.length, 1);
  assert_true(ports[0] instanceof MessagePort);
  assert_not_equals(ports[0], two.port2);
  assert_equals((await message(ports[0])).data, "sent before the port travelled");
  const back = message(two.port1);
  ports[0].postMessage("back");
  assert_equals((await back).data, "back");
}, "a port that is transferred takes its channel along");

test(() => {
  const { port1, port2 } = new MessageChannel();
  assert_throws_dom("DataCloneError", () => port1.postMessage(null, [port1]));
  assert_throws_dom("DataCloneError", () => port1.postMessage(port2));
  assert_throws_dom("DataCloneError", () => port1.postMessage(() => {}));
  assert_throws_js(TypeError, () => port1.postMessage());
  assert_throws_js(TypeError, () => new MessagePort());
  structuredClone(port2, { transfer: [port2] });
  assert_throws_dom("DataCloneError", () => structuredClone(port2, { transfer: [port2] }));
}, "what can't be sent throws");

promise_test(async () => {
  const { port1, port2 } = new MessageChannel();
  let came = 0;
  port2.onmessage = () => came++;
  port1.close();
  port1.postMessage("into the void");
  port2.postMessage("into the void");
  const other = new MessageChannel();
  const got = message(other.port2);
  other.port1.postMessage("later");
  await got;
  assert_equals(came, 0);
}, "a closed channel takes nothing");

promise_test(async () => {
  const { port1, port2 } = new MessageChannel();
  const got = message(port2);
  const buffer = new ArrayBuffer(8);
  port1.postMessage({ buffer }, { transfer: [buffer] });
  assert_equals(buffer.byteLength, 0);
  assert_equals((await got).data.buffer.byteLength, 8);
}, "buffers are transferred");

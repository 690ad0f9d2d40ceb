// Questions about cloudflare:sockets, to servers that the test brings: an echo that says goodbye to "bye", one that greets and leaves, and a closed
// port. What workerd says to them is answers.json.

import { connect } from "cloudflare:sockets";

const failure = (error) => (error instanceof Error ? `${error.name}: ${error.message}` : `no error: ${error}`);
const attempt = (run) => {
  try {
    return run();
  } catch (error) {
    return failure(error);
  }
};
const settled = (promise) => Promise.race([
  promise.then((value) => ["fulfilled", value === undefined ? "undefined" : value], (error) => ["rejected", failure(error)]),
  new Promise((resolve) => setTimeout(() => resolve(["pending"]), 200)),
]);
const bytes = (text) => new TextEncoder().encode(text);
const text = async (readable) => {
  let all = "";
  for await (const chunk of readable.pipeThrough(new TextDecoderStream())) all += chunk;
  return all;
};
async function say(socket, message) {
  const writer = socket.writable.getWriter();
  await writer.write(bytes(message));
  writer.releaseLock();
}

const cases = {
  async shape({ echo }) {
    const socket = connect(echo);
    const shape = [
      String(socket), typeof socket.close, typeof socket.startTls, socket.upgraded, socket.secureTransport, socket.readable instanceof ReadableStream,
      socket.writable instanceof WritableStream, socket.opened instanceof Promise, socket.closed instanceof Promise, socket.opened === socket.opened,
      socket.readable === socket.readable,
    ];
    const info = await socket.opened;
    const kinds = [Object.keys(info).sort(), typeof info.remoteAddress, typeof info.localAddress];
    await socket.close();
    return [shape, kinds, await settled(socket.closed)];
  },
  async echo({ echo }) {
    const [hostname, port] = echo.split(":");
    const socket = connect({ hostname, port: Number(port) });
    await say(socket, "hello ");
    await say(socket, "bye");
    return [await text(socket.readable), await settled(socket.closed)];
  },
  async greeting({ greeter }) {
    const socket = connect(greeter);
    const heard = await text(socket.readable);
    const closed = await settled(socket.closed);
    const writer = socket.writable.getWriter();
    return [heard, closed, await settled(writer.write(bytes("x")))];
  },
  async halfOpen({ greeter }) {
    const socket = connect(greeter, { allowHalfOpen: true });
    const heard = await text(socket.readable);
    const writer = socket.writable.getWriter();
    const written = await settled(writer.write(bytes("x")));
    return [heard, written];
  },
  async closing({ echo }) {
    const socket = connect(echo);
    await socket.opened;
    const reader = socket.readable.getReader();
    const read = reader.read();
    const closed = await settled(socket.close());
    const again = await settled(socket.close());
    const writer = socket.writable.getWriter();
    return [closed, again, await settled(read), await settled(socket.closed), await settled(writer.write(bytes("x")))];
  },
  async refused({ nobody }) {
    const socket = connect(nobody);
    const opened = await settled(socket.opened);
    const closed = await settled(socket.closed);
    const read = await settled(socket.readable.getReader().read());
    return [opened, closed, read[0]];
  },
  wrong: () => [
    attempt(() => connect("")), attempt(() => connect("nope")), attempt(() => connect("a b:1")), attempt(() => connect("http://a:1")),
    attempt(() => connect("localhost:99999")), attempt(() => connect({ hostname: "localhost" })), attempt(() => connect(5)),
    attempt(() => connect("localhost:1", { secureTransport: "yes" })), attempt(() => connect("localhost:1", 5)),
    attempt(() => connect({ hostname: "a/b", port: 1 })), attempt(() => connect({ hostname: "a".repeat(300), port: 1 })),
  ],
  async noTls({ echo }) {
    const off = connect(echo, { secureTransport: "off" });
    const on = connect(echo, { secureTransport: "on" });
    on.opened.catch(() => {});
    on.closed.catch(() => {});
    const start = connect(echo, { secureTransport: "starttls" });
    const answers = [off.secureTransport, on.secureTransport, start.secureTransport, attempt(() => off.startTls()), attempt(() => on.startTls())];
    await Promise.all([off.close(), start.close(), on.close().catch(() => {})]);
    return answers;
  },
  async chunks({ echo }) {
    const socket = connect(echo);
    const writer = socket.writable.getWriter();
    const wrong = await settled(writer.write("a string"));
    return wrong;
  },
  async large({ echo }) {
    const socket = connect(echo);
    const big = new Uint8Array(1 << 20).fill(97);
    const writing = (async () => {
      const writer = socket.writable.getWriter();
      for (let i = 0; i < 4; i++) await writer.write(big);
      await writer.write(bytes("bye"));
    })();
    let count = 0;
    for await (const chunk of socket.readable) count += chunk.length;
    await writing;
    return count;
  },
};

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const name = pathname.slice(1);
    if (name === "") return Response.json(Object.keys(cases));
    try {
      return Response.json(await cases[name](Object.fromEntries(searchParams)) ?? null);
    } catch (error) {
      return Response.json(`uncaught ${failure(error)}`);
    }
  },
};

// `ws`, as a client of an echo: what the Autobahn test suite asks for in its families 9 (large messages, fragments, many messages), 10 (fragments of
// a client's own), 12 and 13 (compressed messages of many sizes under many terms). Prints the cases that failed, and how many there were.
import { createRequire } from "node:module";

const WebSocket = createRequire(process.argv[3])("ws");
const [, , address] = process.argv;
const KIB = 1024;

/** The first `size` bytes of a text that compresses as texts do. */
function textOf(size) {
  let text = "";
  for (let i = 0; text.length < size; i++) text += `{"id":${i},"name":"n${(i * 7919) % 1000}","tags":["a","b"]},`;
  return text.slice(0, size);
}

/** Sends each message, as one frame or as fragments of `fragment` bytes, and hears them all back, in order. */
function echo(messages, { deflate = false, fragment = 0, path = "/" } = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address + path, { perMessageDeflate: deflate, maxPayload: 64 * KIB * KIB });
    let next = 0;
    socket.on("open", () => {
      if (deflate !== false && !socket.extensions.startsWith("permessage-deflate")) reject(new Error("not compressed"));
      for (const message of messages) {
        if (fragment === 0) {
          socket.send(message);
          continue;
        }
        const binary = typeof message !== "string";
        for (let at = 0; at < message.length; at += fragment) {
          socket.send(message.slice(at, at + fragment), { fin: at + fragment >= message.length, binary });
        }
      }
    });
    socket.on("message", (data, isBinary) => {
      const wanted = messages[next++];
      if (isBinary !== (typeof wanted !== "string") || Buffer.compare(data, Buffer.from(wanted)) !== 0) {
        socket.terminate();
        return reject(new Error(`message ${next} of ${messages.length} came back otherwise: ${data.length} bytes`));
      }
      if (next === messages.length) socket.close(1000);
    });
    socket.on("close", (code, reason) => (next === messages.length && code === 1000 ? resolve() : reject(new Error(`closed ${code} ${reason} after ${next}`))));
    socket.on("error", reject);
  });
}

const cases = [];
const add = (name, run) => cases.push([name, run]);
for (const size of [64, 256, 1024, 4096, 8192, 16384]) {
  add(`9.1: a text of ${size} KiB`, () => echo([textOf(size * KIB)]));
  add(`9.2: ${size} KiB of bytes`, () => echo([Buffer.alloc(size * KIB, 0xfe)]));
}
for (const fragment of [64, 1024, 65536, 1 << 20]) {
  const size = fragment === 64 ? 256 * KIB : 4096 * KIB;
  add(`9.3: a text in fragments of ${fragment}`, () => echo([textOf(size)], { fragment }));
  add(`9.4: bytes in fragments of ${fragment}`, () => echo([Buffer.alloc(size, 0xfe)], { fragment }));
}
for (const size of [0, 16, 64, 256, 1024, 4096, 16384, 65536]) {
  add(`9.7: 500 texts of ${size}`, () => echo(Array(500).fill(textOf(size))));
  add(`9.8: 500 times ${size} bytes`, () => echo(Array(500).fill(Buffer.alloc(size, 0xfe))));
}
add("10.1: a text of 65536 in fragments of 1300", () => echo([textOf(65536)], { fragment: 1300 }));

const TERMS = {
  "12.1": {},
  "13.1 no context of the client's": { clientNoContextTakeover: true },
  "13.2 no context of the server's": { serverNoContextTakeover: true },
  "13.3 a client's window of 9 bits": { clientMaxWindowBits: 9 },
  "13.4 a server's window of 9 bits": { serverMaxWindowBits: 9 },
  "13.5 both windows 9 bits, no context": { clientMaxWindowBits: 9, serverMaxWindowBits: 9, clientNoContextTakeover: true, serverNoContextTakeover: true },
  "13.6 both windows 15 bits": { clientMaxWindowBits: 15, serverMaxWindowBits: 15 },
};
for (const [terms, deflate] of Object.entries(TERMS)) {
  for (const size of [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072]) {
    const messages = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? textOf(size) : Buffer.from(textOf(size))));
    add(`${terms}: ${size}`, () => echo(messages, { deflate: { threshold: 0, ...deflate } }));
  }
  add(`${terms}: 131072 in fragments`, () => echo(Array(20).fill(textOf(131072)), { deflate: { threshold: 0, ...deflate }, fragment: 1000 }));
}

const failed = [];
for (const [name, run] of cases) {
  try {
    await run();
  } catch (error) {
    failed.push(`${name}: ${error.message}`);
  }
}
console.log(JSON.stringify({ cases: cases.length, failed }));

// What tests/nodejs_network.rs does over real connections.
import dns from "node:dns";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { buffer, text } from "node:stream/consumers";
import tls from "node:tls";

const told = (promise) => promise.then((value) => value, (error) => [error.name, error.code, error.message]);
const event = (emitter, name) => new Promise((resolve, reject) => { emitter.once(name, resolve); if (name !== "error") emitter.once("error", reject); });
const answer = (request) => event(request, "response").then(async (response) => [response.statusCode, response.headers["x-was"], response.headers["set-cookie"], await text(response)]);

const server = http.createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  if (pathname === "/served/echo") {
    response.writeHead(201, "Made", { "x-method": request.method, "set-cookie": ["a=1", "b=2"] });
    request.pipe(response);
  } else if (pathname === "/served/slow") {
    response.write("one ");
    setTimeout(() => response.end("two"), 5);
  } else if (pathname === "/served/empty") {
    response.statusCode = 204;
    response.end();
  } else {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify([request.method, request.url, request.headers["x-sent"], request.httpVersion]));
  }
});

let served;
const journeys = {
  /** Lines out and back, in the order of a protocol. */
  async echo({ ECHO }) {
    const socket = net.connect({ host: "localhost", port: +ECHO });
    const events = [];
    for (const name of ["lookup", "connect", "ready", "end", "finish", "close"]) socket.on(name, () => events.push(name));
    await event(socket, "connect");
    const facts = [socket.remotePort === +ECHO, socket.remoteFamily, socket.connecting, socket.readyState];
    socket.setEncoding("utf8");
    socket.write("4865", "hex");
    socket.write("llo ");
    socket.cork();
    socket.write(Buffer.from("from "));
    socket.write("net ");
    socket.uncork();
    socket.end("bye");
    const heard = await text(socket);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return [facts, heard, events, socket.bytesRead, socket.bytesWritten, socket.destroyed];
  },
  /** More than fits any buffer on the way, with a reader that pauses. */
  async much({ ECHO }) {
    const socket = net.connect(+ECHO, "127.0.0.1");
    const sent = Buffer.alloc(3_000_000, "0123456789");
    let received = 0;
    socket.on("data", (chunk) => {
      received += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    const drained = socket.write(sent) || (await event(socket, "drain"), "drained");
    socket.end("bye");
    await event(socket, "close");
    return [received, drained];
  },
  async refused({ NOBODY }) {
    const one = await event(net.connect(+NOBODY, "127.0.0.1"), "error");
    const mail = await event(net.connect(25, "127.0.0.1"), "error");
    return [one.code, one.syscall, one.address, one.port === +NOBODY, one.errno, one.message.slice(0, 20), mail.message];
  },
  async timeout({ SILENT }) {
    const socket = net.connect(+SILENT, "127.0.0.1");
    socket.setTimeout(20);
    await event(socket, "timeout");
    socket.destroy();
    await event(socket, "close");
    return [socket.destroyed, socket.timeout];
  },
  async own_buffer({ ECHO }) {
    const heard = [];
    const socket = net.connect({ port: +ECHO, host: "127.0.0.1", onread: { buffer: Buffer.alloc(4), callback(count, buffer) { heard.push(buffer.toString("latin1", 0, count)); return true; } } });
    socket.end("12345678bye");
    await event(socket, "close");
    return heard.join("");
  },
  async plain_http({ ORIGIN }) {
    const socket = net.createConnection(+ORIGIN, "127.0.0.1");
    socket.write("GET /raw HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const all = await text(socket);
    return [all.split("\r\n")[0], all.endsWith("GET /raw ")];
  },
  async secure({ TLS }) {
    const socket = tls.connect({ host: "localhost", port: +TLS });
    await event(socket, "secureConnect");
    socket.end("secret bye");
    return [await text(socket), socket.authorized, socket.encrypted, socket instanceof net.Socket, socket.getPeerCertificate()];
  },
  async written_early({ TLS }) {
    const socket = tls.connect(+TLS, "localhost");
    socket.end("early bye");
    return text(socket);
  },
  async upgraded({ START }) {
    const plain = net.connect(+START, "localhost");
    await event(plain, "connect");
    plain.write("STARTTLS");
    const ready = String(await event(plain, "data"));
    plain.removeAllListeners("data");
    const socket = tls.connect({ socket: plain, servername: "localhost" });
    await event(socket, "secureConnect");
    socket.end("later bye");
    return [ready, await text(socket)];
  },
  async another({ TLS }) {
    return told(event(tls.connect({ host: "localhost", port: +TLS, servername: "elsewhere.example" }), "secureConnect"));
  },
  async options({ TLS }) {
    const failure = (run) => { try { return typeof run(); } catch (error) { return [error.code, error.message]; } };
    return [
      failure(() => tls.connect({ port: +TLS, rejectUnauthorized: false })), failure(() => tls.connect({ port: +TLS, ALPNProtocols: ["h2"] })), failure(() => new tls.TLSSocket(undefined, { isServer: true })), failure(() => tls.createServer()), failure(() => net.createServer()), failure(() => new net.Server()),
      failure(() => net.connect("/tmp/x")), failure(() => tls.getCiphers()), failure(() => tls.createSecureContext({ minVersion: "x" })), tls.rootCertificates,
    ];
  },
  async names() {
    const all = await dns.promises.lookup("localhost", { all: true, family: 4 });
    return [all, await told(dns.promises.lookup("nobody.invalid")), await told(dns.promises.resolveAny("localhost"))];
  },
  async asked({ ORIGIN }) {
    const post = http.request({ host: "localhost", port: +ORIGIN, path: "/a?b=c", method: "POST", headers: { "X-Sent": ["1", "2"] } });
    post.write("one ");
    post.end("two");
    const get = http.get(`http://localhost:${ORIGIN}//double?x`);
    const gone = http.request({ host: "localhost", port: +ORIGIN, path: "/redirect" }).end();
    return Promise.all([answer(post), answer(get), event(gone, "response").then(({ statusCode }) => statusCode)]);
  },
  async asked_in_vain({ NOBODY, SILENT }) {
    const refused = await event(http.get({ host: "127.0.0.1", port: +NOBODY }), "error");
    const slow = http.get({ host: "127.0.0.1", port: +SILENT, timeout: 20 });
    await event(slow, "timeout");
    slow.destroy();
    const destroyed = await event(slow, "error");
    const controller = new AbortController();
    const aborted = http.get({ host: "127.0.0.1", port: +SILENT, signal: controller.signal });
    controller.abort();
    return [refused instanceof Error, destroyed.code, (await event(aborted, "error")).name];
  },
  async asked_safely({ SAFE }) {
    return answer(https.get(`https://localhost:${SAFE}/safe`));
  },
  async gzipped({ ORIGIN }) {
    const response = await event(http.get({ host: "localhost", port: +ORIGIN, path: "/gzip", headers: { "accept-encoding": "gzip" } }), "response");
    return [response.headers["content-encoding"] ?? null, (await buffer(response)).toString()];
  },
};

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/served")) {
      served ??= (await import("cloudflare:node")).httpServerHandler(server);
      return served.fetch(request, env);
    }
    return Response.json((await journeys[pathname.slice(1)](env)) ?? null);
  },
};

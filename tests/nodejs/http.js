// What tests/nodejs_modules.rs asks of node:http and node:https without a network; http.json has what node said.
import http from "node:http";
import https from "node:https";

const failure = (run) => { try { return run(); } catch (error) { return [error.name, error.code, error.message]; } };
/** A request that is never sent. */
const quiet = (request) => { request.on("error", () => {}); request.destroy(); return request; };
const shown = (request) => [request.method, request.path, request.host, request.protocol, request.getHeaders(), request.getRawHeaderNames()];

const cases = {
  names: () => [http.METHODS, http.STATUS_CODES, http.maxHeaderSize],
  requests: () => [
    shown(quiet(http.request("http://user:pass@example.com:8080/a?b=c#d"))), shown(quiet(http.request({ host: "::1", port: 81, method: "post", path: "/x", headers: { "X-A": "1", b: ["2", "3"] } }))), shown(quiet(http.request(new URL("http://a.com"), { headers: { host: "b.com" } }))),
    shown(quiet(https.request("https://example.com:443/"))), shown(quiet(https.request({ hostname: "h", auth: "a:b", setHost: false }))), shown(quiet(http.request({ method: "DELETE", port: "80" }))),
  ],
  refused: () => [
    failure(() => http.request({ path: "/a b" })), failure(() => http.request({ protocol: "https:" })), failure(() => https.request({ protocol: "http:" })), failure(() => http.request({ method: "A B" })), failure(() => http.request({ method: 1 })), failure(() => http.request({ host: 1 })), failure(() => http.request({ agent: {} })),
    failure(() => http.request({ headers: { "a b": "c" } })), failure(() => http.request({ headers: { a: "\u0100" } })), failure(() => http.request({ headers: { a: undefined } })), failure(() => http.request({ timeout: -1 })), failure(() => http.request({ insecureHTTPParser: 1 })),
    failure(() => http.validateHeaderName("a:b")), failure(() => http.validateHeaderValue("a", undefined)), failure(() => http.validateHeaderValue("a", "\n")), failure(() => http.setMaxIdleHTTPParsers(0)),
  ],
  headers: () => {
    const request = quiet(http.request({ host: "a.com" }));
    request.setHeader("X-One", "1");
    request.appendHeader("x-one", "2");
    request.setHeaders(new Headers({ two: "3" }));
    const before = [request.getHeader("x-ONE"), request.hasHeader("Two"), request.getHeaderNames(), request.getHeaders()];
    request.removeHeader("two");
    return [before, request.hasHeader("two"), request.headersSent, request.finished, request.writableEnded, request.writableFinished, failure(() => request.setHeader("", "a")), failure(() => request.setHeader("a"))];
  },
  messages: () => {
    const message = new http.IncomingMessage(null);
    message._addHeaderLines(["Content-Type", "a", "content-type", "b", "X-A", "1", "x-a", "2", "Set-Cookie", "c=1", "set-cookie", "d=2", "Cookie", "e", "cookie", "f"], 16);
    return [message.headers, message.headersDistinct, message.rawHeaders.length, message.trailers, message.complete, message.aborted, message.method, message.statusCode];
  },
  outgoing: () => {
    const message = new http.OutgoingMessage();
    message.setHeader("a", "b");
    return [message.getHeaders(), message.headersSent, failure(() => message._implicitHeader()), failure(() => message.write(1)), failure(() => message.write(null)), failure(() => message.addTrailers({ "a b": "c" })), failure(() => message.pipe())];
  },
  agents: () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 5 });
    return [agent.keepAlive, agent.maxSockets, agent.defaultPort, agent.protocol, agent.getName({ host: "a", port: 1, localAddress: "b" }), http.globalAgent.keepAlive, new https.Agent().defaultPort, https.globalAgent.protocol, https.Agent.prototype instanceof http.Agent, failure(() => new http.Agent({ maxTotalSockets: 0 })), failure(() => new http.Agent({ scheduling: "x" })), agent.destroy()];
  },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};

// What tests/nodejs_modules.rs asks of node:net, node:dns and node:tls without a network; net.json has what node said.
import dns, { promises } from "node:dns";
import dnsPromises from "node:dns/promises";
import net, { BlockList, SocketAddress } from "node:net";
import tls from "node:tls";
import { promisify } from "node:util";

const failure = (run) => { try { return run(); } catch (error) { return [error.name, error.code, error.message]; } };
const later = (run) => new Promise((resolve) => resolve(run())).catch((error) => [error.name, error.code, error.syscall, error.hostname, error.message]);
const called = (run) => new Promise((resolve) => run((error, ...rest) => resolve(error ? [error.name, error.code, error.syscall, error.hostname, error.message] : rest)));

const addresses = ["127.0.0.1", "1.2.3", "256.1.1.1", "01.2.3.4", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "1::2::3", "", "x", "2001:db8::", "::", "0:0:0:0:0:0:0:1", "12345::", 1, null, undefined, {}];

const cases = {
  kinds: () => addresses.map((address) => [net.isIP(address), net.isIPv4(address), net.isIPv6(address)]),
  lists: () => {
    const list = new BlockList();
    list.addAddress("123.123.123.123");
    list.addAddress("8592:757c:efae:4e45::1", "ipv6");
    list.addRange("10.0.0.1", "10.0.0.10");
    list.addRange("::5", "::9", "ipv6");
    list.addSubnet("192.168.0.0", 17);
    list.addSubnet("8592:757c:efae:4e45::", 64, "ipv6");
    list.addAddress(new SocketAddress({ address: "9.9.9.9" }));
    return [
      list.rules,
      ...["123.123.123.123", "123.123.123.124", "10.0.0.1", "10.0.0.10", "10.0.0.11", "9.9.9.9", "192.168.127.255", "192.168.128.0"].map((address) => list.check(address)),
      ...["::ffff:7b7b:7b7b", "::ffff:123.123.123.123", "::4", "::5", "::9", "::a", "8592:757c:efae:4e45:ffff::", "8592:757c:efae:4e46::"].map((address) => list.check(address, "ipv6")),
      failure(() => list.addRange("10.0.0.2", "10.0.0.1")), failure(() => list.addAddress(1)), failure(() => list.addSubnet("1.1.1.1", 33)), failure(() => list.addSubnet("1.1.1.1")), failure(() => list.check("x")), failure(() => list.addAddress("1.1.1.1", "ipv5")), list.check("1.1.1.1", "ipv6"),
    ];
  },
  addresses: () => [
    new SocketAddress(), new SocketAddress({ address: "1.2.3.4", port: 80 }), new SocketAddress({ address: "::1", family: "ipv6", port: 1, flowlabel: 5 }), new SocketAddress({ family: "ipv6" }),
  ].map(({ address, port, family, flowlabel }) => [address, port, family, flowlabel]).concat([
    failure(() => new SocketAddress({ address: "x" })), failure(() => new SocketAddress({ family: "IPv4" })), failure(() => new SocketAddress({ address: "::1" })), failure(() => new SocketAddress({ port: 70000 })), failure(() => new SocketAddress({ family: "x" })), failure(() => new SocketAddress(1)), failure(() => new SocketAddress({ flowlabel: -1, family: "ipv6" })),
  ]),
  normalized: () => [[80], ["/tmp/x"], [80, "host"], [{ port: 1 }], ["80"], []].map((args) => net._normalizeArgs(args)),
  sockets: () => {
    const socket = new net.Socket();
    const state = [socket.connecting, socket.pending, socket.destroyed, socket.readyState, socket.remoteAddress, socket.localPort, socket.bytesRead, socket.bytesWritten, socket.timeout, socket.allowHalfOpen, socket.writable, socket.readable, socket.address()];
    socket.destroy();
    return [
      state, socket.destroyed, socket.readyState, failure(() => net.connect()), failure(() => net.connect({})), failure(() => net.connect(70000)), failure(() => new net.Socket({ objectMode: true })), failure(() => new net.Socket().setTimeout("x")),
      net.Stream === net.Socket, new net.Socket().setTimeout(10).setTimeout(0).timeout,
    ];
  },
  defaults: () => {
    const before = [net.getDefaultAutoSelectFamily(), net.getDefaultAutoSelectFamilyAttemptTimeout()];
    net.setDefaultAutoSelectFamily(false);
    net.setDefaultAutoSelectFamilyAttemptTimeout(5);
    const after = [net.getDefaultAutoSelectFamily(), net.getDefaultAutoSelectFamilyAttemptTimeout()];
    net.setDefaultAutoSelectFamily(true);
    net.setDefaultAutoSelectFamilyAttemptTimeout(250);
    return [before[0], after, failure(() => net.setDefaultAutoSelectFamily(1)), failure(() => net.setDefaultAutoSelectFamilyAttemptTimeout(0))];
  },
  literal_lookups: async () => [
    await called((done) => dns.lookup("127.0.0.1", done)), await called((done) => dns.lookup("::1", { all: true }, done)), await called((done) => dns.lookup("", done)), await called((done) => dns.lookup("1.2.3.4", { all: true }, done)),
    await promises.lookup("::1"), await dnsPromises.lookup("1.1.1.1", { all: true }), await promisify(dns.lookup)("1.1.1.1"), await later(() => promises.lookup("")),
  ],
  wrong_questions: async () => [
    failure(() => dns.lookup(1, () => {})), failure(() => dns.lookup("a")), failure(() => dns.lookup("a", { family: 5 }, () => {})), failure(() => dns.lookup("a", { hints: 1 }, () => {})), failure(() => dns.lookup("a", "x", () => {})), failure(() => dns.lookup("a", { all: 1 }, () => {})),
    failure(() => dns.resolve("a", "X", () => {})), failure(() => dns.resolve(1, () => {})), failure(() => dns.resolve4("a")), failure(() => dns.reverse(1, () => {})), failure(() => dns.setDefaultResultOrder("x")), failure(() => dns.lookupService("x", 1, () => {})), failure(() => new dns.Resolver({ tries: 0 })),
    failure(() => new dns.Resolver({ timeout: -2 })), await later(() => promises.lookup(1)), await later(() => promises.resolve("a", "Y")),
  ],
  orders: () => {
    const seen = [dns.getDefaultResultOrder()];
    dns.setDefaultResultOrder("ipv4first");
    seen.push(dns.getDefaultResultOrder(), promises.getDefaultResultOrder());
    dns.setDefaultResultOrder("verbatim");
    return [seen, dns.NOTFOUND, dns.CANCELLED, dns.ADDRCONFIG, dns.V4MAPPED, dns.ALL, dns.promises === promises, dnsPromises === promises, Object.keys(dns), Object.keys(dnsPromises)];
  },
  identities: () => [
    ["a.com", { subject: { CN: "a.com" } }], ["a.com", { subject: { CN: "b.com" } }], ["a.com", { subjectaltname: "DNS:*.com, DNS:a.com", subject: {} }], ["x.a.com", { subjectaltname: "DNS:*.a.com", subject: {} }], ["a.com", { subjectaltname: "DNS:*.a.com", subject: {} }],
    ["8.8.8.8", { subjectaltname: "IP Address:8.8.8.8", subject: {} }], ["8.8.4.4", { subjectaltname: "IP Address:8.8.8.8", subject: {} }], ["::1", { subjectaltname: "IP Address:0:0:0:0:0:0:0:1", subject: {} }], ["a.com", { subject: {} }], ["bücher.de", { subject: { CN: "xn--bcher-kva.de" } }],
    ["a.com", { subject: { CN: ["b.com", "a.com"] } }], ["A.COM.", { subject: { CN: "a.com" } }], ["a.com", { subjectaltname: "DNS:\"a.com\"", subject: {} }], ["x.y.a.com", { subjectaltname: "DNS:*.a.com", subject: {} }], ["xn--a.com", { subjectaltname: "DNS:xn--*.com", subject: {} }],
  ].map(([host, certificate]) => { const error = failure(() => tls.checkServerIdentity(host, certificate)); return error === undefined ? "same" : error instanceof Error ? [error.code, error.reason, error.host, error.message] : error; }),
  protocols: () => { const out = {}; tls.convertALPNProtocols(["http/1.1", "h2"], out); const more = {}; tls.convertALPNProtocols(new Uint8Array([1, 97]), more); return [out.ALPNProtocols.toString("hex"), more.ALPNProtocols.toString("hex"), tls.CLIENT_RENEG_LIMIT, tls.CLIENT_RENEG_WINDOW, tls.DEFAULT_ECDH_CURVE, tls.DEFAULT_MIN_VERSION, tls.DEFAULT_MAX_VERSION, failure(() => tls.convertALPNProtocols(["x".repeat(256)], {}))]; },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};

// What tests/nodejs_modules.rs asks of node:url and of names that are other modules'; url.json has what node said.
import _stream_duplex from "node:_stream_duplex";
import _stream_passthrough from "node:_stream_passthrough";
import _stream_readable from "node:_stream_readable";
import _stream_transform from "node:_stream_transform";
import _stream_writable from "node:_stream_writable";
import constants from "node:constants";
import stream from "node:stream";
import sys from "node:sys";
import url, { domainToASCII, domainToUnicode, fileURLToPath, format, parse, pathToFileURL, resolve, urlToHttpOptions } from "node:url";
import util from "node:util";

const failure = (run) => { try { return run(); } catch (error) { return [error.name, error.code, error.message]; } };
const plain = (value) => ({ ...value });

const texts = [
  "http://user:pass@example.com:8080/p/a/t/h?query=string#hash", "//some_path", "HTTP://USER:PW@www.ExAmPlE.com/", "http://x.com/path?that\"s#all, folks",
  "http://www.Äffchen.com/p/a/t/h?query=string#hash", "mailto:foo@bar.com?subject=hello", "javascript:alert('hello');", "xmpp:isaacschlueter@jabber.org",
  "http://atpass:foo%40bar@127.0.0.1:8080/path?search=foo#bar", "svn+ssh://foo/bar", "dash-test:foo/bar", "file:///etc/node/", "file:///home/user", "file://home/user",
  "http://[fe80::1]:8080/", "http:/baz/../foo/bar", "//user:pass@example.com:8000/foo/bar?baz=quux#frag", "x:1", "x:y@z:1", "  http://a.com  ", "HtTp://x.y.com\\a/b",
  "http://a\r\" \t\n<'b:b@c\r\nd/e?f", "/users/x?y=z", "?a=1&b=2&a=3", "#", "", "http://example.com?foo=bar#frag=?baz=quux#frag", "coap:u:p@::1:61616/.well-known/r?n=T#content",
  "http://mt0.google.com/vt/lyrs=m@114???&hl=en&src=api&x=2&y=2&z=3&s=", "http://-a.example.com/", "https:opaque", "git+http://user:pass@ex.com/path", "http://a.com/\t\r\n b",
  "http://xn--0zwm56d.com/a", "ws://x.com", "http://日本語.jp", "http://☃.net/", "HTTP://x.com:80", "http://a_b/", "http://x...y...#p", "http://x/p/\"quoted\"", "tel:+1-816-555-1212",
];

const cases = {
  parsed: () => texts.map((text) => failure(() => plain(parse(text)))),
  with_query: () => texts.map((text) => failure(() => plain(parse(text, true)))),
  with_slashes: () => texts.map((text) => failure(() => plain(parse(text, false, true)))),
  formatted: () => texts.map((text) => failure(() => format(parse(text)))),
  not_parsed: () => [undefined, null, 1, {}, [], true, () => {}].map((value) => failure(() => parse(value))).concat([
    "http://a.com:b/", "https://exa\u00ADmple.com", "http://\ud83d\udca9[", "http://[127.0.0.1\x00c8763]:8000/", "http://a b.com/", "http://*.b/", "http://x:1:2/",
  ].map((text) => failure(() => plain(parse(text))))),
  resolved: () => [
    ["/one/two/three", "four"], ["http://example.com/", "/one"], ["http://example.com/one", "/two"], [".", "#hash1"], ["..", "#hash1"], ["/a/b/c", "../d"], ["mailto:a@b", "#c"],
    ["http://a.com/b/cd/./e.md.html", "?a=1"], ["foo:a/b", "../c"], ["//foo/bar", "//baz"], ["http://a/b/c/d;p?q", ";x"], ["http://a/b/c/d;p?q", "../../../g"], ["http://a/b/c/d;p?q", "g;x=1/../y"],
    ["https://user:pass@example.com", "//other.com/x"], ["http://example.com", "https:"], ["http://a.com", "javascript:1"], ["/a", ""], ["", "a"], ["fred:///s//a/b/c", "../../../g"],
    ["http://diff:auth@www.example.com", "http://asdf:qwer@www.example.com"], ["http:///s//a/b/c", "g"], ["zx://ww.hi/good/x/y/z", "."], ["https://a/b/c", "//d"], ["http://x/y", "..//z"],
  ].map(([from, to]) => failure(() => resolve(from, to))),
  objects: () => [
    format({ protocol: "https", host: "a.com", pathname: "b c?#", query: { a: [1, 2], b: "ä" } }), format({ hostname: "::1", port: 80, protocol: "http:" }), format({ search: "a", pathname: "x" }),
    format({ protocol: "mailto", pathname: "a@b" }), format({ auth: "a:b@c", host: "h", slashes: true }), failure(() => format(1)), failure(() => format(null)), format("http://a.com/%zz"),
    format(new URL("http://user:pass@测试.com/a?b#c")), format(new URL("http://user:pass@测试.com/a?b#c"), { unicode: true, auth: false, fragment: false, search: false }),
    format(new URL("http://user:pass@xn--lck1c3crb1723bpq4a.com:81/a?a=b#c"), { unicode: true }), failure(() => format(new URL("a:b"), true)), format(new URL("tel:123#x"), { fragment: false }),
    plain(url.resolveObject("http://a.com/b/c", "../d")), new url.Url() instanceof Object,
  ].map((value) => value),
  files: () => [
    fileURLToPath("file:///a/b%20c%25"), fileURLToPath(new URL("file:///%E4%BD%A0")), failure(() => fileURLToPath("http://a")), failure(() => fileURLToPath("file://host/a")),
    failure(() => fileURLToPath("file:///a%2fb")), failure(() => fileURLToPath({})), failure(() => fileURLToPath(undefined)), fileURLToPath("file:///C:/a/b", { windows: true }),
    fileURLToPath("file://server/share/x", { windows: true }), failure(() => fileURLToPath("file:///a", { windows: true })), failure(() => fileURLToPath("file:///C:/a%5Cb", { windows: true })),
    pathToFileURL("/a b#?%[]^|~\\\n\t\r\"").href, pathToFileURL("/x/../y/").href, pathToFileURL("C:\\a\\b c", { windows: true }).href, pathToFileURL("\\\\server\\share\\a", { windows: true }).href,
    pathToFileURL("\\\\?\\UNC\\server\\share", { windows: true }).href, failure(() => pathToFileURL("\\\\server", { windows: true }).href), failure(() => pathToFileURL(1)), pathToFileURL("/å").pathname,
  ],
  domains: () => [
    ...["español.com", "中文.com", "xn--iñvalid.com", "a.com", "", "x", "A.B", "faß.de", "☃.net", "1.2.3", "0x7f.1", "a b", "a/b", "[::1]", "xn--", "a..b", "ⅷ.com"].map((domain) => [domainToASCII(domain), domainToUnicode(domain)]),
    domainToUnicode("xn--espaol-zwa.com"), domainToUnicode("xn--fiq228c.com"), domainToUnicode("xn--i\u00f1valid"), failure(() => domainToASCII()), failure(() => domainToUnicode()), domainToASCII(null),
  ],
  options: () => [
    urlToHttpOptions(new URL("https://a:b%20c@測試.com:8443/p?q=1#h")), urlToHttpOptions(new URL("http://[::1]/")), urlToHttpOptions(Object.assign(new URL("http://a.com"), { extra: 1 })),
  ].map(plain),
  aliases: () => [
    sys === util, _stream_readable === stream.Readable, _stream_writable === stream.Writable, _stream_duplex === stream.Duplex, _stream_transform === stream.Transform,
    _stream_passthrough === stream.PassThrough, url.URL === URL, url.URLSearchParams === URLSearchParams,
    [constants.SIGTERM, constants.ENOENT, constants.O_RDWR, constants.PRIORITY_HIGH, constants.S_IFMT, constants.RTLD_NOW, constants.EADDRINUSE], Object.isFrozen(constants),
  ],
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};

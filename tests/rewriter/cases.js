// Questions about HTMLRewriter. Each answers with a JSON value: what workerd says to them is answers.json.

const html = (text, headers = {}) => new Response(text, { headers: { "content-type": "text/html", ...headers } });
const failure = (error) => `${error?.name}: ${error?.message}`;
const attempt = (run) => {
  try {
    return run();
  } catch (error) {
    return failure(error);
  }
};
const rewrite = (text, selector, handlers) => new HTMLRewriter().on(selector, handlers).transform(html(text)).text().catch(failure);
const element = (text, selector, handler) => rewrite(text, selector, { element: handler });
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const chunked = (parts) => new ReadableStream({
  start(controller) {
    for (const part of parts) controller.enqueue(typeof part === "string" ? new TextEncoder().encode(part) : part);
    controller.close();
  },
});

const cases = {
  // === The rewriter ===
  chaining() {
    const rewriter = new HTMLRewriter();
    return [rewriter.on("a", {}) === rewriter, rewriter.onDocument({}) === rewriter, String(rewriter)];
  },
  async nullBody() {
    const response = new Response(null, { status: 204, headers: { a: "b" } });
    const made = new HTMLRewriter().on("a", {}).transform(response);
    return [made === response, made.status, made.body, made.headers.get("a")];
  },
  async keepsFacts() {
    const response = html("<p>x</p>", { "content-length": "8", "x-own": "1", etag: '"e"' });
    const made = new HTMLRewriter().on("p", { element(p) { p.setInnerContent("longer"); } }).transform(new Response(response.body, { ...response, status: 203, statusText: "Odd", headers: response.headers }));
    return [made.status, made.statusText, [...made.headers], await made.text(), made.ok, made.url, made.redirected];
  },
  async usesBody() {
    const response = html("<p>x</p>");
    const made = new HTMLRewriter().on("p", {}).transform(response);
    return [response.bodyUsed, made.bodyUsed, made === response, await made.text(), made.bodyUsed, attempt(() => new HTMLRewriter().transform(response))];
  },
  async lockedBody() {
    const response = html("<p>x</p>");
    response.body.getReader();
    return attempt(() => new HTMLRewriter().transform(response));
  },
  wrongArguments() {
    return [
      attempt(() => new HTMLRewriter().on()), attempt(() => new HTMLRewriter().on("a")), attempt(() => new HTMLRewriter().on("a", 1)),
      attempt(() => new HTMLRewriter().on("a", { element: 1 })), attempt(() => new HTMLRewriter().on("a", null)), attempt(() => new HTMLRewriter().onDocument({ end: "x" })),
      attempt(() => new HTMLRewriter().onDocument()), attempt(() => new HTMLRewriter().transform()), attempt(() => new HTMLRewriter().transform("x")),
      attempt(() => HTMLRewriter.prototype.on.call({}, "a", {})),
      attempt(() => new HTMLRewriter().on("a", { element: null, comments: undefined }) && "fine"),
    ];
  },
  selectorErrors() {
    const selectors = ["", "a:hover", "a + b", "a ~ b", "a::before", "[", "a[", "a:not(", "a >", ".1", "svg|a", ":not(:not(a))", "a:last-child", "(", "#", "a,,b", "a:nth-child(2n+1)", "a:first-child", "a:not(.b)", "*", "[a^='b' i]", "a > b", "a:has(b)", "a:is(b)", "a || b"];
    return selectors.map((selector) => [selector, attempt(() => new HTMLRewriter().on(selector, {}) && "fine")]);
  },
  async reused() {
    const seen = [];
    const rewriter = new HTMLRewriter().on("p", { element(p) { seen.push(p.tagName); } });
    return [await rewriter.transform(html("<p>")).text(), await rewriter.transform(html("<p><p>")).text(), seen];
  },
  async whenItRuns() {
    const seen = [];
    const made = new HTMLRewriter().on("p", { element() { seen.push("p"); } }).transform(html("<p>1<p>2<p>3"));
    seen.push("transformed");
    await wait(20);
    const before = [...seen];
    await made.text();
    return [before, seen];
  },
  // === Elements ===
  async attributes() {
    const seen = [];
    const text = await element(`<A Href="/x" data-b='y&amp;z' c d=e>t</A>`, "a", (a) => {
      seen.push(a.tagName, a.namespaceURI, a.removed, [...a.attributes], a.getAttribute("HREF"), a.getAttribute("nope"), a.getAttribute("c"), a.hasAttribute("D"), a.hasAttribute("q"));
      seen.push(a.setAttribute("href", `"quoted" & <b>`) === a, a.removeAttribute("c") === a, [...a.attributes]);
      a.setAttribute("New", 7);
      const iterator = a.attributes;
      seen.push(typeof iterator.next, iterator[Symbol.iterator]() === iterator, iterator.next(), Object.prototype.toString.call(iterator), Object.prototype.toString.call(a));
    });
    return [text, seen];
  },
  async attributeErrors() {
    const seen = [];
    await element("<p>", "p", (p) => {
      for (const name of ["", "a b", "a=b", "a>", "a/b", "\u00e9", "a\"b"]) seen.push(attempt(() => p.setAttribute(name, "x") && "fine"));
      for (const name of ["", "1a", "a b", "a>", "div", "x-y"]) seen.push(attempt(() => { p.tagName = name; return p.tagName; }));
      seen.push(attempt(() => p.getAttribute("")), attempt(() => p.getAttribute()), attempt(() => p.setAttribute("a")), attempt(() => p.before()), attempt(() => p.before("x", 1)), attempt(() => p.onEndTag()), attempt(() => p.onEndTag(1)));
      seen.push(attempt(() => p.before(Symbol("x"))), attempt(() => p.append({}) && "fine"), attempt(() => p.append(null) && "fine"), attempt(() => p.append(undefined) && "fine"));
    });
    return seen;
  },
  insertions: () => element("<div><p>one</p></div>", "p", (p) => {
    p.before("<b>1</b>").before("<b>2</b>", { html: true }).after("<i>1</i>").after("<i>2</i>", { html: true });
    p.prepend("<u>1</u>").prepend("<u>2</u>", { html: true }).append("&<s>1</s>").append("<s>2</s>", { html: true });
  }),
  inner: () => element("<div>a<p>one<b>two</b></p>c</div>", "p", (p) => p.setInnerContent("<x>").append("<y>", { html: true })),
  innerHtml: () => element("<div>a<p>one</p>c</div>", "p", (p) => p.setInnerContent("<i>&amp;</i>", { html: true })),
  replaced: () => element("<div>a<p>one</p>c</div>", "p", (p) => { p.before("["); p.replace("<r>", { html: 1 }); p.after("]"); }),
  removed: () => element("<div>a<p>one<b>x</b></p>c</div>", "p", (p) => p.remove()),
  kept: () => element("<div>a<p>one<b>x</b></p>c</div>", "p", (p) => p.removeAndKeepContent()),
  renamed: () => element("<div><p class=a>one</p></div>", "p", (p) => { p.tagName = "section"; }),
  voidElement: () => element("<p><img src=a>t<br/>", "img", (img) => { img.append("x").prepend("y").after("z").before("w"); }),
  async removedTwice() {
    const seen = [];
    const text = await new HTMLRewriter().on("div", { element(div) { div.remove(); seen.push(div.removed); } }).on("p", { element(p) { seen.push(["p", p.removed]); p.before("never"); } }).transform(html("a<div><p>x</p></div>b")).text();
    return [text, seen];
  },
  async order() {
    const seen = [];
    const note = (name) => ({ element(e) { seen.push(`${name} <${e.tagName}>`); e.onEndTag((tag) => { seen.push(`${name} </${tag.name}>`); }); }, text(t) { seen.push(`${name} "${t.text}" ${t.lastInTextNode}`); }, comments(c) { seen.push(`${name} ${c.text}`); } });
    const text = await new HTMLRewriter().on("div", note("1")).on("p", note("2")).on("*", note("3")).onDocument({ ...note("d"), element: undefined, doctype(d) { seen.push(d.name); }, end() { seen.push("end"); } })
      .transform(html("<!doctype html>t<div>a<!--c--><p>b</p></div>z")).text();
    return [text, seen];
  },
  async namespaces() {
    const seen = [];
    await element("<svg><circle/></svg><math><mi>x</mi></math><p>", "*", (e) => { seen.push([e.tagName, e.namespaceURI]); });
    return seen;
  },
  async assigns() {
    const seen = [];
    await element("<p>", "p", (p) => {
      p.own = 1;
      seen.push(p.own, attempt(() => { "use strict"; p.removed = true; return p.removed; }), Object.keys(p), JSON.stringify(p), "removed" in p, Object.getOwnPropertyNames(Object.getPrototypeOf(p)).sort());
    });
    return seen;
  },
  // === End tags ===
  async endTags() {
    const seen = [];
    const text = await element("<div><p>one</p><p>two</div>", "p", (p) => {
      const made = p.onEndTag((tag) => {
        seen.push(tag.name, Object.prototype.toString.call(tag));
        tag.before("<1>").before("<b>", { html: true }).after("<2>");
        tag.name = "q";
      });
      seen.push(made);
    });
    return [text, seen];
  },
  endTagRemoved: () => element("<p>one</p>two", "p", (p) => { p.onEndTag((tag) => { tag.remove(); }); }),
  async endTagTwice() {
    const seen = [];
    const text = await element("<p>one</p>two", "p", (p) => { p.onEndTag(() => { seen.push(1); }); p.onEndTag(() => { seen.push(2); }); });
    return [text, seen];
  },
  endTagOfVoid: () => element("<img>", "img", (img) => { img.onEndTag(() => {}); }),
  // === Text, comments, doctypes, the end ===
  async text() {
    const seen = [];
    const text = await rewrite("<p>one &amp; two<b>three</b>four</p>", "p", { text(t) { seen.push([t.text, t.lastInTextNode, t.removed, Object.prototype.toString.call(t)]); if (!t.lastInTextNode) t.before("[").after("]").after("<>", { html: true }); } });
    return [text, seen];
  },
  textReplaced: () => rewrite("<p>one</p>", "p", { text(t) { if (t.lastInTextNode) t.remove(); else t.replace("<b>"); } }),
  async textAcrossChunks() {
    const seen = [];
    const response = new Response(chunked(["<p>on", "e \u2603".slice(0, 3), "tw", "o</", "p>"]), { headers: { "content-type": "text/html" } });
    const text = await new HTMLRewriter().on("p", { text(t) { seen.push([t.text, t.lastInTextNode]); } }).transform(response).text();
    return [text, seen];
  },
  async splitCharacter() {
    const [a, b, c] = new TextEncoder().encode("\u2603");
    const seen = [];
    const bytes = (...list) => new Uint8Array(list);
    const response = new Response(chunked(["<p>", bytes(a), bytes(b, c), "</p>"]), { headers: { "content-type": "text/html" } });
    const text = await new HTMLRewriter().on("p", { text(t) { seen.push(t.text); } }).transform(response).text();
    return [text, seen.join("")];
  },
  async comments() {
    const seen = [];
    const text = await rewrite("<p><!--one--><!-- two --></p><!--three-->", "p", { comments(c) { seen.push([c.text, c.removed]); if (c.text === "one") c.text = "ONE"; else c.before("<").after("&", { html: true }).remove(); seen.push(c.removed); } });
    return [text, seen];
  },
  commentError: () => rewrite("<p><!--one--></p>", "p", { comments(c) { c.text = "a-->b"; } }),
  commentReplaced: () => rewrite("<p><!--one--></p>", "p", { comments(c) { c.replace("<b>", { html: true }); } }),
  async doctypes() {
    const all = [];
    for (const doctype of ["<!DOCTYPE html>", `<!doctype HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">`, "<!doctype>"]) {
      const seen = [];
      const text = await new HTMLRewriter().onDocument({ doctype(d) { seen.push(d.name, d.publicId, d.systemId, Object.prototype.toString.call(d)); } }).transform(html(`${doctype}<p>`)).text();
      all.push([text, seen]);
    }
    return all;
  },
  async end() {
    const text = await new HTMLRewriter().onDocument({ end(e) { e.append("<1>").append("<!--2-->", { html: true }); } }).transform(html("<p>x")).text();
    const empty = await new HTMLRewriter().onDocument({ end(e) { e.append("end"); } }).transform(html("")).text();
    return [text, empty];
  },
  // === Handlers ===
  async receivers() {
    const handlers = { name: "mine", element() { this.seen = this === handlers && arguments.length; } };
    await element("<p>", "p", handlers.element);
    await rewrite("<p>", "p", handlers);
    class Handler {
      count = 0;
      element() { this.count++; }
    }
    const made = new Handler();
    await rewrite("<p><p>", "p", made);
    return [handlers.seen, made.count];
  },
  async asyncHandlers() {
    const seen = [];
    const text = await new HTMLRewriter()
      .on("p", { async element(p) { seen.push("before"); await wait(5); seen.push("after"); p.setAttribute("late", "1"); p.onEndTag(async (tag) => { await wait(1); tag.before("!"); }); }, async text(t) { await wait(1); if (t.text) t.replace(t.text.toUpperCase()); } })
      .onDocument({ async end(e) { await wait(1); e.append("end"); } })
      .transform(html("<p>one</p><p>two</p>")).text();
    return [text, seen];
  },
  async throws() {
    const all = [];
    for (const handler of [() => { throw new RangeError("mine"); }, async () => { await wait(1); throw new SyntaxError("late"); }, () => { throw "plain"; }, () => Promise.reject()]) {
      const seen = [];
      const made = new HTMLRewriter().on("p", { element(p) { seen.push(p.tagName); return handler(); } }).transform(html("before<p>one</p><p>two</p>"));
      all.push([made.status, await made.text().catch((error) => (error instanceof Error ? failure(error) : `thrown ${error}`)), seen]);
    }
    return all;
  },
  async endTagThrows() {
    return element("<p>one</p>", "p", (p) => { p.onEndTag(() => { throw new Error("end"); }); });
  },
  async stale() {
    const kept = {};
    await new HTMLRewriter()
      .on("p", { element(p) { kept.element = p; kept.attributes = p.attributes; p.onEndTag((tag) => { kept.tag = tag; }); }, text(t) { kept.text = t; }, comments(c) { kept.comment = c; } })
      .onDocument({ doctype(d) { kept.doctype = d; }, end(e) { kept.end = e; } })
      .transform(html("<!doctype html><p a=b>x<!--c--></p>")).text();
    return [
      attempt(() => kept.element.tagName), attempt(() => kept.element.before("x")), attempt(() => kept.element.setAttribute("a", "b")), attempt(() => kept.attributes.next()),
      attempt(() => kept.tag.name), attempt(() => kept.text.text), attempt(() => kept.text.remove()), attempt(() => kept.comment.text), attempt(() => { kept.comment.text = "x"; }),
      attempt(() => kept.doctype.name), attempt(() => kept.end.append("x")), attempt(() => kept.element.onEndTag(() => {})), attempt(() => kept.element.removed),
    ];
  },
  async staleIterator() {
    let iterator;
    const seen = [];
    await new HTMLRewriter().on("p", { element(p) { iterator = p.attributes; seen.push(iterator.next()); p.setAttribute("z", "1"); seen.push(attempt(() => iterator.next())); seen.push(attempt(() => iterator.next()), attempt(() => iterator.next())); } }).transform(html("<p a=b c=d>")).text();
    return [seen, attempt(() => iterator.next())];
  },
  constructors: () => ["Element", "EndTag", "Comment", "Text", "Doctype", "DocumentEnd", "ContentToken"].map((name) => typeof globalThis[name]),
  // === Content that streams ===
  async streamed() {
    const text = await element("<p>one</p>", "p", (p) => {
      p.before(new Response("<b>r</b>"), { html: true });
      p.prepend(chunked(["<i>", "s"]), { html: false });
      p.append(new Response(chunked(["x", "y"])), { html: true });
      p.after(new Blob(["b"]).stream());
    });
    return text;
  },
  async streamedInner() {
    return [
      await element("<p>one</p>", "p", (p) => p.setInnerContent(chunked(["a", "b"]))), await element("<p>one</p>two", "p", (p) => p.replace(new Response("R"))),
      await rewrite("<p><!--c--></p>", "p", { comments(c) { c.replace(chunked(["<c>"]), { html: true }); } }), await rewrite("<p>t</p>", "p", { text(t) { if (t.text) t.replace(new Response("T")); } }),
      await element("<p>x</p>", "p", (p) => { p.onEndTag((tag) => { tag.before(new Response("E")); }); }),
      await new HTMLRewriter().onDocument({ end(e) { e.append(new Response("D")); } }).transform(html("x")).text().catch(failure),
    ];
  },
  async streamErrors() {
    const broken = () => new ReadableStream({ pull() { throw new RangeError("broken"); } });
    const used = new Response("x");
    await used.text();
    const locked = chunked(["x"]);
    locked.getReader();
    return [
      await element("<p>x</p>", "p", (p) => { p.append(broken()); }),
      await element("<p>x</p>", "p", (p) => { p.append(used); }),
      await element("<p>x</p>", "p", (p) => { p.append(locked); }),
      await element("<p>x</p>", "p", (p) => { p.append(new Response(null)); }),
      await element("<p>x</p>", "p", (p) => { p.append(chunked([new Uint8Array([0xff, 0x41])])); }),
      await element("<p>x</p>", "p", (p) => { p.append(new ReadableStream({ start(c) { c.enqueue("text"); c.close(); } })); }),
    ];
  },
  // === Encodings ===
  async encodings() {
    const all = [];
    for (const type of ["text/html; charset=windows-1251", "text/html; charset=shift_jis", "text/html;charset=UTF-8", "text/html; charset=\"utf-8\"", "text/html; charset=latin1"]) {
      const seen = [];
      const made = new HTMLRewriter().on("p", { text(t) { if (t.text) seen.push(t.text); }, element(p) { p.append("\u044f\u00e9\u2603"); } }).transform(new Response(new Uint8Array([0x3c, 0x70, 0x3e, 0xc6, 0xfc, 0xe9, 0x3c, 0x2f, 0x70, 0x3e]), { headers: { "content-type": type } }));
      all.push([seen, [...new Uint8Array(await made.arrayBuffer())]]);
    }
    return all.map(([seen, bytes]) => [seen.join(""), bytes]);
  },
  wrongEncodings() {
    return ["text/html; charset=nope", "text/html; charset=utf-16le", "text/html; charset=", "text/html; charset=iso-2022-jp", "text/html; charset=replacement"].map((type) => {
      const response = new Response("<p>", { headers: { "content-type": type } });
      return [attempt(() => new HTMLRewriter().on("p", {}).transform(response).status), response.bodyUsed];
    });
  },
  async metaCharset() {
    const seen = [];
    await new HTMLRewriter().on("p", { text(t) { seen.push(t.text); } }).transform(new Response(new Uint8Array([...new TextEncoder().encode("<meta charset=windows-1251><p>"), 0xff, ...new TextEncoder().encode("</p>")]), { headers: { "content-type": "text/html" } })).text();
    return seen.join("");
  },
  // === The parser's own ends ===
  async ambiguous() {
    return [await element("<select><xmp><script>'<!--';</script></select>x", "p", () => {}), await element("<table><xmp>x</xmp>y<p>", "p", () => {})];
  },
  async tooMuchMemory() {
    return [
      await element(`<p ${"a".repeat(4 << 20)}>`, "p", () => {}).then((text) => text.length < 200 ? text : text.length),
      await rewrite(`<p>${"a".repeat(4 << 20)}</p>`, "p", { text() {} }).then((text) => text.length < 200 ? text : text.length),
      await rewrite(`<p><!--${"a".repeat(4 << 20)}--></p>`, "p", { comments() {} }).then((text) => text.length < 200 ? text : text.length),
    ];
  },
  async sourceFails() {
    let count = 0;
    const source = new ReadableStream({ pull(controller) { if (count++ === 0) controller.enqueue(new TextEncoder().encode("<p>one</p>")); else throw new RangeError("source"); } });
    const seen = [];
    const text = await new HTMLRewriter().on("p", { element() { seen.push("p"); } }).transform(new Response(source)).text().catch(failure);
    return [text, seen];
  },
  async cancelled() {
    const seen = [];
    const source = new ReadableStream({ pull(controller) { controller.enqueue(new TextEncoder().encode("<p>one</p>")); }, cancel(reason) { seen.push(`cancelled ${reason?.message}`); } });
    const made = new HTMLRewriter().on("p", { element() {} }).transform(new Response(source));
    const reader = made.body.getReader();
    const { value } = await reader.read();
    await reader.cancel(new Error("enough"));
    await wait(20);
    return [new TextDecoder().decode(value).startsWith("<p>one"), seen];
  },
  async nested() {
    const text = await element("<p>one</p>", "p", async (p) => {
      const inner = await new HTMLRewriter().on("b", { async element(b) { await wait(1); b.setInnerContent("deep"); } }).transform(html("<b>x</b>")).text();
      p.setInnerContent(inner, { html: true });
    });
    const twice = await new HTMLRewriter().on("p", { element(p) { p.append("2"); } }).transform(new HTMLRewriter().on("p", { element(p) { p.append("1"); } }).transform(html("<p>x</p>"))).text();
    return [text, twice];
  },
  async noHandlers() {
    return [await new HTMLRewriter().transform(html("<p>x</p>")).text(), await new HTMLRewriter().on("p", {}).transform(new Response("<p>&amp;</p>")).text(), await new HTMLRewriter().on("p", {}).transform(new Response(new FormData())).text().then((t) => t.length > 0)];
  },
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    if (name === "") return Response.json(Object.keys(cases));
    if (!(name in cases)) return new Response("no such case", { status: 404 });
    try {
      return Response.json(await cases[name]() ?? null);
    } catch (error) {
      return Response.json(`uncaught ${failure(error)}`);
    }
  },
};

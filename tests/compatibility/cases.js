// What tests/compatibility.rs asks, each with the flag of its name off and on; answers.json has what workerd said to the same.
const failure = (run) => { try { return run(); } catch (error) { return `${error.name}: ${error.message}`; } };
const later = async (run) => { try { return await run(); } catch (error) { return `${error.name}: ${error.message}`; } };
const form = (body) => new Response(body, { headers: { "content-type": "multipart/form-data; boundary=b" } }).formData();
const part = (head, text) => `--b\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n--b--\r\n`;
const streamOf = (...chunks) => ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));

const cases = {
  formdata_parser_supports_files: async () => {
    const file = (await form(part('name="f"; filename="n.txt"', "content"))).get("f");
    return typeof file === "string" ? file : [file.name, await file.text()];
  },
  global_navigator: () => [typeof navigator, typeof Navigator],
  streams_enable_constructors: () => [
    failure(() => new ReadableStream({ start(controller) { controller.close(); } }).locked), failure(() => new WritableStream({}).locked),
  ],
  transformstream_enable_standard_constructor: async () => {
    const stream = failure(() => new TransformStream({ transform(chunk, controller) { controller.enqueue("changed"); } }));
    if (typeof stream === "string") return stream;
    return later(async () => {
      const writer = stream.writable.getWriter();
      const written = writer.write(new TextEncoder().encode("as it was")).catch(() => {});
      const { value } = await stream.readable.getReader().read();
      await written;
      return typeof value === "string" ? value : new TextDecoder().decode(value);
    });
  },
  http_headers_getsetcookie: () => {
    const headers = new Headers([["set-cookie", "a"], ["set-cookie", "b"]]);
    return [typeof headers.getSetCookie, [...headers], headers.get("set-cookie")];
  },
  response_redirect_url_standard: () => [failure(() => Response.redirect("http://a/b c").headers.get("location")), failure(() => Response.redirect("/only/a/path").headers.get("location"))],
  urlsearchparams_delete_has_value_arg: () => {
    const params = new URLSearchParams("a=1&a=2");
    const has = params.has("a", "3");
    params.delete("a", "1");
    return [has, params.toString()];
  },
  strict_compression_checks: async () => {
    const zipped = new Uint8Array(await new Response(streamOf("hello").pipeThrough(new CompressionStream("gzip"))).arrayBuffer());
    const unzip = (bytes) => later(() => new Response(ReadableStream.from([bytes]).pipeThrough(new DecompressionStream("gzip"))).text());
    return [await unzip(zipped.subarray(0, -4)), await unzip(new Uint8Array([...zipped, 1, 2, 3]))];
  },
  crypto_preserve_public_exponent: async () => {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
    const { publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    return Object.prototype.toString.call(publicKey.algorithm.publicExponent);
  },
  no_global_importscripts: () => [typeof importScripts, failure(() => importScripts("x"))],
  blob_standard_mime_type: async () => [
    new Blob(["a"], { type: "Text/HTML;Charset=utf-8" }).type, (await new Response("a", { headers: { "content-type": "Text/HTML; Charset=UTF-8" } }).blob()).type,
    new File(["a"], "n", { type: "what\u00e9ver" }).type,
  ],
  set_tostring_tag: () => [new Headers(), new Response(), new URL("http://a"), new TextEncoder(), crypto, globalThis].map((value) => Object.prototype.toString.call(value)),
  upper_case_all_http_methods: () => ["get", "patch", "Patch", "fOO"].map((method) => failure(() => new Request("http://a", { method }).method)),
  cache_option_enabled: () => ["no-store", "no-cache", "reload", "default"].map((cache) => failure(() => new Request("http://a", { cache }).cache ?? null)),
  cache_no_cache_enabled: () => ["no-store", "no-cache"].map((cache) => failure(() => new Request("http://a", { cache }).cache ?? null)),
  enable_weak_ref: () => [typeof WeakRef, typeof FinalizationRegistry],
  enable_navigator_language: () => ["language" in navigator, "languages" in navigator, navigator.language ?? null],
  set_event_target_this: () => {
    const target = new EventTarget();
    let seen = "none";
    target.addEventListener("e", function () { "use strict"; seen = this === target ? "target" : this === undefined ? "undefined" : this === globalThis ? "global" : typeof this; });
    target.dispatchEvent(new Event("e"));
    return seen;
  },
  expose_global_message_channel: () => [typeof MessageChannel, typeof MessagePort, typeof MessageEvent],
  strip_bom_in_read_all_text: async () => [(await new Response("\ufeffa").text()).length, (await new Response(new TextEncoder().encode("\ufeffa")).text()).length, (await new Blob(["\ufeffa"]).text()).length],
  fetch_iterable_type_support: async () => {
    const bytes = (text) => new TextEncoder().encode(text);
    const iterable = { *[Symbol.iterator]() { yield bytes("a"); yield bytes("b"); } };
    const later_ = { async *[Symbol.asyncIterator]() { yield bytes("c"); yield bytes("d"); } };
    const texts = [];
    for (const body of [iterable, later_, new String("text"), { toString: () => "told", *[Symbol.iterator]() { yield bytes("e"); } }, [1, 2], new URLSearchParams("a=b")]) {
      texts.push(await later(() => new Response(body).text()));
    }
    return texts;
  },
  websocket_close_reason_byte_limit: () => {
    const tell = (reason) => { const { 0: one, 1: two } = new WebSocketPair(); one.accept(); two.accept(); return failure(() => { one.close(1000, reason); return "closed"; }); };
    return [tell("a".repeat(123)), tell("a".repeat(124)), tell("\u00e9".repeat(100)), tell("\u00e9".repeat(124))];
  },
  throw_on_unrecognized_import_assertion: () => later(() => import("./unknown.js").then(Object.keys)),
  allow_eval_during_startup: () => [evaluated, failure(() => eval("1")), failure(() => new Function("return 1")())],
  disable_top_level_await_in_require: () => later(() => import("./requires.cjs").then(({ default: value }) => value)),
  spec_compliant_dispatch_exceptions: async () => {
    const target = new EventTarget();
    const heard = [];
    target.addEventListener("e", () => { heard.push("first"); throw new TypeError("thrown"); });
    target.addEventListener("e", () => { heard.push("second"); });
    const told = failure(() => target.dispatchEvent(new Event("e")));
    return [told, heard];
  },
};
export { cases };

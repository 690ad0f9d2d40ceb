// A Worker for the stock wrangler to bundle: every module that it leaves to the runtime or has a substitute for, and packages that use some.
import "node:_stream_duplex";
import "node:_stream_passthrough";
import "node:_stream_readable";
import "node:_stream_transform";
import "node:_stream_writable";
import "node:_tls_common";
import "node:_tls_wrap";
import "node:assert/strict";
import "node:child_process";
import "node:cluster";
import "node:console";
import "node:constants";
import "node:dgram";
import "node:diagnostics_channel";
import "node:dns/promises";
import "node:domain";
import "node:http";
import "node:http2";
import "node:https";
import "node:inspector";
import "node:perf_hooks";
import "node:punycode";
import "node:querystring";
import "node:readline";
import "node:repl";
import "node:stream/consumers";
import "node:stream/web";
import "node:sys";
import "node:timers";
import "node:tls";
import "node:trace_events";
import "node:tty";
import "node:util/types";
import "node:v8";
import "node:vm";
import "node:wasi";
import "node:worker_threads";
import assert from "assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer as Buffered } from "buffer";
import dns from "dns";
import { EventEmitter, once } from "events";
import { createRequire, isBuiltin } from "node:module";
import net from "net";
import os from "os";
import path, { posix } from "node:path";
import process from "node:process";
import { Readable, Transform } from "stream";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "string_decoder";
import { setTimeout as later } from "node:timers/promises";
import url, { fileURLToPath } from "url";
import util, { promisify } from "node:util";
import zlib from "zlib";
import Busboy from "@fastify/busboy";
import { PassThrough } from "readable-stream";

const storage = new AsyncLocalStorage();

async function form() {
  const parser = new Busboy({ headers: { "content-type": "multipart/form-data; boundary=x" } });
  const fields = {};
  parser.on("field", (name, value) => { fields[name] = value; });
  parser.end("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n--x--\r\n");
  await once(parser, "finish");
  return fields;
}

async function piped() {
  const through = new PassThrough();
  const all = [];
  through.on("data", (chunk) => all.push(String(chunk)));
  through.write("x");
  through.end("y");
  await once(through, "end");
  return all;
}

async function chunks(readable) {
  const all = [];
  for await (const chunk of readable) all.push(String(chunk));
  return all;
}

export default {
  async fetch(request, env) {
    const emitter = new EventEmitter();
    setTimeout(() => emitter.emit("told", 1), 1);
    const upper = new Transform({ transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()) });
    const collected = chunks(upper);
    await pipeline(Readable.from(["a", "b"]), upper);
    return Response.json({
      assert: (() => { try { assert.equal(1, 2); } catch ({ code }) { return code; } })(),
      buffer: [Buffer.from("a").toString("hex"), Buffered === Buffer, Buffered.concat([Buffer.from("b")]).toString()],
      dns: await dns.promises.lookup("127.0.0.1"),
      events: await once(emitter, "told"),
      module: [isBuiltin("node:util"), createRequire("/index.js")("util") === util],
      net: [net.isIP("::1"), new net.BlockList().check("1.1.1.1")],
      os: [os.EOL, os.platform()],
      path: [path.join("a", "b"), posix.basename("/x/y")],
      process: [process.platform, process.env.NAME, typeof process.nextTick, typeof process.hrtime(), typeof globalThis.process.getBuiltinModule],
      storage: await storage.run("kept", () => later(1).then(() => storage.getStore())),
      stream: (await collected).join(""),
      string_decoder: new StringDecoder("utf8").write(Buffer.from([0xe2, 0x82, 0xac])),
      url: [url.parse("http://a.com/b?c").query, fileURLToPath("file:///x"), url.resolve("http://a.com/b", "/c")],
      util: [util.inspect({ a: [1] }), util.types.isDate(new Date())],
      zlib: [zlib.gunzipSync(zlib.gzipSync("zipped")).toString(), String(await promisify(zlib.inflate)(await promisify(zlib.deflate)("async")))],
      packages: [await form(), await piped()],
      globals: [typeof Buffer, typeof process, typeof global, typeof setImmediate],
    });
  },
};

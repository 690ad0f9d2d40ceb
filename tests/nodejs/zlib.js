// What tests/nodejs_modules.rs asks of node:zlib; zlib.json has what node said.
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import zlib from "node:zlib";

const failure = (run) => { try { return run(); } catch (error) { return [error.name, error.code, error.errno, error.message]; } };
const later = (run) => run().then((value) => value, (error) => [error.name, error.code, error.errno, error.message]);
const { constants } = zlib;

// Text that compresses, and bytes that hardly do: the same everywhere.
const text = Array.from({ length: 4000 }, (_, n) => `line ${n} of ${n * 7919 % 1013}: the quick brown fox\n`).join("");
const noise = Buffer.alloc(300_000);
for (let i = 0, state = 1; i < noise.length; i++) { state = (state * 1103515245 + 12345) % 2147483648; noise[i] = state >> 16; }
const inputs = { empty: "", short: "hello", text, noise, zeros: Buffer.alloc(2_000_000) };

const codecs = [["deflate", "inflate"], ["gzip", "gunzip"], ["deflateRaw", "inflateRaw"], ["brotliCompress", "brotliDecompress"], ["deflate", "unzip"], ["gzip", "unzip"]];
const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
// Made by zlib's and Brotli's own tools.
const made = {
  gzip: "H4sIAAAAAAAAA8tIzcnJVyjPL8pJAQCFEUoNCwAAAA==", zlib: "eJzLSM3JyVcozy/KSQEAGgsEXQ==", raw: "y0jNyclXKM8vykkBAA==", brotli: "CwWAaGVsbG8gd29ybGQD", dictionary: "eLsa5APqgCvIVFAozy/KSQEAGiQEXg==",
};
const bytes = (name) => Buffer.from(made[name], "base64");
const collect = async (stream, chunks) => { for (const chunk of chunks) stream.write(chunk); stream.end(); return buffer(stream); };

const cases = {
  round_trips: () => codecs.flatMap(([into, out]) => Object.entries(inputs).map(([name, input]) => {
    const options = into === "brotliCompress" ? quick : undefined;
    const compressed = zlib[`${into}Sync`](input, options);
    return [into, out, name, zlib[`${out}Sync`](compressed).equals(Buffer.from(input)), compressed.length <= Buffer.byteLength(input) + 1000];
  })),
  callbacks: () => Promise.all(codecs.flatMap(([into, out]) => Object.entries(inputs).map(async ([name, input]) => {
    const options = into === "brotliCompress" ? quick : {};
    const compressed = await promisify(zlib[into])(input, options);
    return [into, out, name, (await promisify(zlib[out])(compressed)).equals(Buffer.from(input))];
  }))),
  made_elsewhere: () => [
    zlib.gunzipSync(bytes("gzip")), zlib.unzipSync(bytes("gzip")), zlib.inflateSync(bytes("zlib")), zlib.unzipSync(bytes("zlib")), zlib.inflateRawSync(bytes("raw")), zlib.brotliDecompressSync(bytes("brotli")),
  ].map(String),
  headers: () => [
    ...[-1, 0, 1, 2, 5, 6, 7, 9].map((level) => zlib.deflateSync("hello", { level }).subarray(0, 2).toString("hex")),
    ...[8, 9, 10, 12, 15].map((windowBits) => zlib.deflateSync("hello", { windowBits }).subarray(0, 2).toString("hex")),
    zlib.gzipSync("").toString("hex"), zlib.deflateSync("").toString("hex"), zlib.deflateRawSync("").toString("hex"), zlib.gzipSync("hello", { level: 9 }).subarray(0, 10).toString("hex"),
    zlib.deflateSync("hello", { dictionary: Buffer.from("hello") }).subarray(0, 6).toString("hex"), zlib.deflateRawSync("hello world").toString("hex"), zlib.deflateSync("a".repeat(10), { strategy: constants.Z_FIXED }).toString("hex"),
    zlib.gzipSync("hello", { level: 1 }).subarray(0, 10).toString("hex"), zlib.deflateSync("stored", { level: 0 }).toString("hex"),
  ],
  every_parameter: () => [
    ...[1, 5, 9].flatMap((memLevel) => [0, 1, 2, 3, 4].map((strategy) => ({ memLevel, strategy }))), ...[9, 11, 15].map((windowBits) => ({ windowBits })), ...[0, 1, 4, 9].map((level) => ({ level })),
    { chunkSize: 64 }, { chunkSize: 1_000_000 },
  ].map((options) => [text, noise].map((input) => zlib.inflateSync(zlib.deflateSync(input, options)).equals(Buffer.from(input)) && zlib.gunzipSync(zlib.gzipSync(input, options), options).equals(Buffer.from(input)))),
  broken: () => [
    failure(() => zlib.gunzipSync(Buffer.from("not gzip"))), failure(() => zlib.inflateSync(Buffer.from("no"))), failure(() => zlib.inflateSync(Buffer.alloc(0))), failure(() => zlib.gunzipSync(bytes("gzip").subarray(0, 15))),
    failure(() => zlib.inflateRawSync(Buffer.from([7]))), failure(() => zlib.inflateRawSync(Buffer.from([0, 1, 2, 3, 4]))), failure(() => zlib.unzipSync(Buffer.from("xx"))), failure(() => zlib.unzipSync(Buffer.alloc(0)).length),
    failure(() => zlib.inflateSync(Buffer.concat([bytes("zlib").subarray(0, -1), Buffer.from([0])]))), failure(() => zlib.gunzipSync(Buffer.concat([bytes("gzip").subarray(0, -5), Buffer.alloc(5)]))),
    failure(() => zlib.gunzipSync(Buffer.concat([bytes("gzip").subarray(0, -1), Buffer.from([1])]))), failure(() => zlib.brotliDecompressSync(Buffer.from("no brotli"))), failure(() => zlib.brotliDecompressSync(bytes("brotli").subarray(0, 5))),
    failure(() => zlib.brotliDecompressSync(Buffer.from([255, 255, 255]))), failure(() => zlib.inflateSync(Buffer.from("789c030000000002", "hex"))), failure(() => zlib.inflateSync(Buffer.from("799c", "hex"))),
    failure(() => zlib.inflateSync(Buffer.from("78f9000000000000", "hex"))), failure(() => zlib.gunzipSync(Buffer.from("1f8b0900000000000000", "hex"))), failure(() => zlib.gunzipSync(Buffer.from("1f8b08e000000000", "hex"))),
    failure(() => zlib.inflateSync(zlib.deflateSync(text, { windowBits: 15 }), { windowBits: 9 }).length), failure(() => zlib.inflateRawSync(Buffer.from("04c0", "hex"))), failure(() => zlib.inflateRawSync(Buffer.from("630000000000", "hex"))),
  ],
  broken_later: () => Promise.all([
    later(() => promisify(zlib.gunzip)(Buffer.from("not gzip"))), later(() => promisify(zlib.inflate)(bytes("zlib").subarray(0, 9))), later(() => promisify(zlib.brotliDecompress)(Buffer.from("no brotli"))),
    later(() => pipeline(Readable.from([Buffer.from("bad")]), zlib.createInflateRaw(), async (source) => { for await (const _ of source); })), later(() => promisify(zlib.unzip)(Buffer.from("x"))),
    later(() => collect(zlib.createGunzip(), [bytes("gzip").subarray(0, 12)])), later(() => promisify(zlib.inflate)(zlib.deflateSync("x", { dictionary: Buffer.from("d") }))),
  ]),
  several_members: () => [
    zlib.gunzipSync(Buffer.concat([zlib.gzipSync("one"), zlib.gzipSync(" two")])).toString(), zlib.unzipSync(Buffer.concat([zlib.gzipSync("one"), zlib.gzipSync(" two")])).toString(),
    zlib.gunzipSync(Buffer.concat([zlib.gzipSync("one"), Buffer.alloc(10)])).toString(), failure(() => zlib.gunzipSync(Buffer.concat([zlib.gzipSync("one"), Buffer.from("garbage")])).toString()),
    failure(() => zlib.gunzipSync(Buffer.concat([zlib.gzipSync("one"), Buffer.from([0x1f, 0x8b, 0xff, 0xff]), Buffer.alloc(10)])).toString()), zlib.inflateSync(Buffer.concat([zlib.deflateSync("one"), Buffer.from("garbage")])).toString(),
    failure(() => zlib.gunzipSync(Buffer.concat([zlib.gzipSync("one"), zlib.gzipSync("two").subarray(0, 5)])).toString()),
  ],
  dictionaries: () => {
    const dictionary = Buffer.from("the quick brown fox");
    const deflated = zlib.deflateSync(text, { dictionary });
    const raw = zlib.deflateRawSync(text, { dictionary });
    return [
      zlib.inflateSync(deflated, { dictionary }).toString() === text, zlib.inflateRawSync(raw, { dictionary }).toString() === text, failure(() => zlib.inflateSync(deflated)), failure(() => zlib.inflateSync(deflated, { dictionary: Buffer.from("wrong") })),
      failure(() => zlib.inflateSync(deflated, { dictionary: "text" })), zlib.inflateSync(deflated, { dictionary: new Uint8Array(dictionary).buffer }).length, zlib.unzipSync(deflated, { dictionary }).length,
      failure(() => zlib.inflateRawSync(raw).toString() === text).slice(0, 3), zlib.gunzipSync(zlib.gzipSync("a", { dictionary })).toString(),
    ];
  },
  limits: () => [
    failure(() => zlib.inflateSync(zlib.deflateSync(inputs.zeros), { maxOutputLength: 1000 })), failure(() => zlib.brotliDecompressSync(zlib.brotliCompressSync(inputs.zeros, quick), { maxOutputLength: 100_000 })), zlib.inflateSync(zlib.deflateSync("abc"), { maxOutputLength: 3 }).toString(),
    failure(() => zlib.inflateSync(zlib.deflateSync("abcd"), { maxOutputLength: 3 })), failure(() => zlib.gunzipSync("", { maxOutputLength: 0 })),
  ],
  limits_later: () => Promise.all([
    later(() => promisify(zlib.inflate)(zlib.deflateSync(inputs.zeros), { maxOutputLength: 1000 })), later(() => promisify(zlib.gunzip)(zlib.gzipSync("abc"), { maxOutputLength: 3 }).then(String)),
  ]),
  arguments: () => [
    ...[{ level: 10 }, { level: "6" }, { level: NaN }, { windowBits: 7 }, { windowBits: 16 }, { memLevel: 0 }, { memLevel: 10 }, { strategy: 5 }, { strategy: -1 }, { chunkSize: 0 }, { chunkSize: Infinity }, { flush: 9 }, { finishFlush: -1 }, { dictionary: 1 }, { maxOutputLength: 0 }]
      .map((options) => failure(() => zlib.deflateSync("x", options).length > 0)),
    ...[undefined, null, 1, {}, [], true].map((input) => failure(() => zlib.gzipSync(input))), failure(() => zlib.gzip("x")), failure(() => zlib.gzip("x", {})), failure(() => zlib.createGzip({ windowBits: 8 })), failure(() => zlib.createInflate({ windowBits: 0 }) instanceof zlib.Inflate),
    ...[{ 99: 1 }, { 1: "x" }, { x: 1 }, { [constants.BROTLI_PARAM_LGWIN]: 10 }, { [constants.BROTLI_PARAM_MODE]: true }].map((params) => failure(() => zlib.brotliCompressSync("x", { params }).length > 0)),
    failure(() => zlib.createBrotliCompress({ flush: 4 })), failure(() => zlib.createBrotliDecompress({ params: { 5: 1 } })),
  ],
  brotli: () => [0, 1, 4, 9, 11].flatMap((quality) => [10, 16, 22, 24].map((lgwin) => {
    const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: lgwin, [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT, [constants.BROTLI_PARAM_SIZE_HINT]: 1000 };
    return zlib.brotliDecompressSync(zlib.brotliCompressSync(text.slice(0, 20_000), { params })).toString() === text.slice(0, 20_000);
  })),
  streams: async () => {
    const chunks = [];
    for (let at = 0; at < text.length; at += 777) chunks.push(text.slice(at, at + 777));
    const results = [];
    for (const [into, out] of codecs) {
      const compressor = zlib[`create${into[0].toUpperCase()}${into.slice(1)}`](into === "brotliCompress" ? quick : {});
      const compressed = await collect(compressor, chunks);
      const expander = zlib[`create${out[0].toUpperCase()}${out.slice(1)}`]();
      const pieces = Array.from({ length: Math.ceil(compressed.length / 100) }, (_, n) => compressed.subarray(n * 100, n * 100 + 100));
      results.push([into, out, (await collect(expander, pieces)).toString() === text, compressor.bytesWritten, expander.bytesWritten === compressed.length, compressor._closed]);
    }
    return results;
  },
  byte_by_byte: async () => Promise.all([["gzip", "createGunzip"], ["gzip", "createUnzip"], ["deflate", "createUnzip"], ["deflateRaw", "createInflateRaw"], ["brotliCompress", "createBrotliDecompress"]].map(async ([into, out]) => {
    const compressed = zlib[`${into}Sync`]("byte by byte by byte");
    return (await collect(zlib[out](), Array.from(compressed, (byte) => Buffer.from([byte])))).toString();
  })),
  flushes: async () => {
    const results = [];
    for (const kind of [constants.Z_PARTIAL_FLUSH, constants.Z_SYNC_FLUSH, constants.Z_FULL_FLUSH, undefined]) {
      const deflate = zlib.createDeflateRaw();
      const inflate = zlib.createInflateRaw();
      deflate.pipe(inflate);
      const got = new Promise((resolve) => inflate.once("data", (chunk) => resolve(String(chunk))));
      deflate.write("flushed");
      if (kind === undefined) deflate.flush(); else deflate.flush(kind);
      results.push(await got);
      deflate.end();
    }
    const brotli = zlib.createBrotliCompress();
    const whole = [];
    brotli.on("data", (chunk) => whole.push(chunk));
    brotli.write("part");
    await new Promise((resolve) => brotli.flush(resolve));
    const expand = zlib.createBrotliDecompress();
    const first = new Promise((resolve) => expand.once("data", (chunk) => resolve(String(chunk))));
    expand.write(Buffer.concat(whole));
    results.push(await first);
    const ended = zlib.createGzip();
    ended.end("x");
    await buffer(ended);
    await new Promise((resolve) => ended.flush(resolve));
    results.push(zlib.inflateSync(zlib.deflateSync(text).subarray(0, -100), { finishFlush: constants.Z_SYNC_FLUSH }).length > 100_000);
    return results;
  },
  params: async () => {
    const results = [];
    for (const create of ["createDeflate", "createDeflateRaw", "createGzip"]) {
      const stream = zlib[create]({ level: 9, strategy: constants.Z_FILTERED });
      const out = buffer(stream);
      stream.write(text.slice(0, 50_000));
      await new Promise((resolve) => stream.params(0, constants.Z_DEFAULT_STRATEGY, resolve));
      stream.write(text.slice(50_000, 60_000));
      await new Promise((resolve) => stream.params(9, constants.Z_HUFFMAN_ONLY, resolve));
      stream.write(text.slice(60_000, 90_000));
      await new Promise((resolve) => stream.params(9, constants.Z_HUFFMAN_ONLY, resolve));
      await new Promise((resolve) => stream.params(1, constants.Z_RLE, resolve));
      stream.end(text.slice(90_000));
      const whole = await out;
      results.push((create === "createDeflateRaw" ? zlib.inflateRawSync(whole) : zlib.unzipSync(whole)).toString() === text, stream._level, stream._strategy);
    }
    const levels = zlib.createDeflate({ level: 0 });
    const out = buffer(levels);
    levels.write(text);
    await new Promise((resolve) => levels.params(9, 0, resolve));
    levels.end(text);
    const { length } = await out;
    results.push(length > text.length && length < text.length * 1.5, failure(() => zlib.createDeflate().params(10, 0)), failure(() => zlib.createDeflate().params(1, 9)));
    return results;
  },
  resets: async () => {
    const stream = zlib.createDeflate();
    const inflate = zlib.createInflate();
    const chunks = [];
    inflate.on("data", (chunk) => chunks.push(String(chunk)));
    const deflated = zlib.deflateSync("again");
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => inflate.write(deflated, resolve));
      inflate.reset();
    }
    stream.close();
    return [chunks, failure(() => stream.reset()), stream.destroyed];
  },
  infos: async () => {
    const { buffer: gzipped, engine } = zlib.gzipSync("hello", { info: true });
    const asynchronous = await new Promise((resolve) => zlib.inflate(zlib.deflateSync("hello"), { info: true }, (_, value) => resolve(value)));
    return [zlib.gunzipSync(gzipped).toString(), engine instanceof zlib.Gzip, engine.bytesWritten, asynchronous.buffer.toString(), asynchronous.engine.constructor.name];
  },
  views: () => [
    zlib.inflateSync(zlib.deflateSync(new Uint16Array([1, 2, 3]))).toString("hex"), zlib.inflateSync(zlib.deflateSync(new DataView(new Uint8Array([9, 8, 7]).buffer, 1))).toString("hex"), zlib.inflateSync(zlib.deflateSync(new Uint8Array([1, 2]).buffer)).toString("hex"),
  ],
  views_later: () => Promise.all([promisify(zlib.deflate)(new Float32Array([1.5])), promisify(zlib.deflate)(new Uint8Array([5]).buffer)]).then((all) => all.map((one) => zlib.inflateSync(one).toString("hex"))),
  sums: () => [zlib.crc32("hello"), zlib.crc32(Buffer.from("world"), zlib.crc32("hello ")), zlib.crc32(""), zlib.crc32("ä€"), zlib.crc32(new Uint16Array([1, 2])), failure(() => zlib.crc32(1)), failure(() => zlib.crc32("x", -1)), failure(() => zlib.crc32("x", "1")), zlib.crc32(noise)],
  ends: async () => {
    const events = [];
    const stream = zlib.createGunzip();
    for (const name of ["end", "finish", "close", "error"]) stream.on(name, () => events.push(name));
    stream.resume();
    stream.end(zlib.gzipSync("x"));
    await new Promise((resolve) => stream.on("close", resolve));
    const trailing = zlib.createInflate();
    const seen = buffer(trailing);
    trailing.write(Buffer.concat([zlib.deflateSync("abc"), Buffer.from("trailing")]));
    const dead = zlib.createInflate();
    const wrote = new Promise((resolve) => dead.on("error", ({ code }) => resolve(code)));
    dead.write("garbage");
    const code = await wrote;
    const after = await new Promise((resolve) => dead.write("more", (error) => resolve(error && error.code)));
    return [events, (await seen).toString(), code, after, stream.bytesWritten];
  },
  constants: () => [constants, zlib.codes, zlib.Z_BEST_COMPRESSION, Object.keys(zlib), Object.isFrozen(zlib.codes), failure(() => { zlib.Z_OK = 1; })],
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};

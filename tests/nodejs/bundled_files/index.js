// A Worker for the stock wrangler to bundle, at a date from which on `fs` is the runtime's.
import fs, { readFileSync, promises } from "node:fs";
import { readFile } from "fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip, gunzipSync } from "node:zlib";
import text from "./text.txt";

export default {
  async fetch() {
    fs.mkdirSync("/tmp/a/b", { recursive: true });
    await promises.writeFile("/tmp/a/b/file", text.repeat(1000));
    await pipeline(fs.createReadStream("/tmp/a/b/file"), createGzip(), fs.createWriteStream("/tmp/a/file.gz"));
    const bundle = fs.readdirSync("/bundle");
    return Response.json({
      names: fs.readdirSync("/tmp", { recursive: true }), same: gunzipSync(readFileSync("/tmp/a/file.gz")).toString() === text.repeat(1000), text: (await readFile("/tmp/a/b/file", "utf8")).slice(0, text.length),
      bundle: bundle.map((name) => name.replace(/^[0-9a-f]{40}-/, "")).sort(), source: readFileSync("index.js", "utf8").includes("a Worker's own source"), required: process.getBuiltinModule("fs") === fs,
    });
  },
};
// a Worker's own source
export const marker = "a Worker's own source";

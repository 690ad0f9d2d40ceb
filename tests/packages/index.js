// What people build with: one path for each package of npm, all in one Worker.

import { Hono } from "hono";
import { cors } from "hono/cors";
import { stream } from "hono/streaming";
import { AutoRouter } from "itty-router";
import * as jose from "jose";
import { z } from "zod";
import { v4, v5, validate, version } from "uuid";
import { nanoid, customAlphabet } from "nanoid";
import { drizzle } from "drizzle-orm/d1";
import { eq, sql } from "drizzle-orm";
import { sqliteTable, integer, text } from "drizzle-orm/sqlite-core";
import { createSchema, createYoga } from "graphql-yoga";
import { createElement as h, Suspense } from "react";
import { renderToReadableStream } from "react-dom/server";
import { PhotonImage, SamplingFilter, resize } from "@cf-wasm/photon";
import xxhash from "xxhash-wasm";
import { S3Client, PutObjectCommand, GetObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

// === hono ===
const hono = new Hono().basePath("/hono");
hono.use(cors({ origin: "https://example.com" }));
hono.use(async (c, next) => { await next(); c.header("x-took", "some"); });
hono.get("/users/:id{[0-9]+}", (c) => c.json({ id: c.req.param("id"), query: c.req.query("q") }));
hono.post("/form", async (c) => c.json(await c.req.parseBody()));
hono.get("/stream", (c) => stream(c, async (s) => { for (const part of ["a", "b", "c"]) { await s.write(part); await s.sleep(5); } }));
hono.get("/throws", () => { throw new Error("of a handler"); });
hono.onError((error, c) => c.text(`caught: ${error.message}`, 500));

// === itty-router ===
const itty = AutoRouter({ base: "/itty" });
itty.get("/hello/:name?", ({ params, query }) => ({ name: params.name ?? "nobody", ...query }));
itty.post("/echo", async (request) => request.json());

// === jose ===
async function tokens() {
  const secret = new TextEncoder().encode("a secret of at least thirty-two bytes");
  const found = {};
  const signed = await new jose.SignJWT({ n: 1 }).setProtectedHeader({ alg: "HS256" }).setIssuer("me").setExpirationTime("2h").sign(secret);
  found.HS256 = (await jose.jwtVerify(signed, secret, { issuer: "me" })).payload.n;
  for (const alg of ["RS256", "PS256", "ES256", "EdDSA"]) {
    const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
    const jwk = await jose.exportJWK(publicKey);
    const token = await new jose.SignJWT({ alg }).setProtectedHeader({ alg }).sign(privateKey);
    found[alg] = (await jose.jwtVerify(token, await jose.importJWK(jwk, alg))).payload.alg;
    const other = await jose.generateKeyPair(alg);
    found[`${alg} of another`] = await jose.jwtVerify(token, other.publicKey).then(() => "taken", (error) => error.code);
  }
  const sealed = await new jose.EncryptJWT({ secret: true }).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(new Uint8Array(32));
  found.encrypted = (await jose.jwtDecrypt(sealed, new Uint8Array(32))).payload.secret;
  return Response.json(found);
}

// === zod, uuid, nanoid ===
function small() {
  const User = z.object({ name: z.string().min(2), mail: z.email(), age: z.coerce.number().int().optional() });
  const wrong = User.safeParse({ name: "x", mail: "no" });
  const id = v4();
  return Response.json({
    good: User.parse({ name: "Ada", mail: "ada@example.com", age: "36" }),
    wrong: wrong.error.issues.map((issue) => issue.path.join(".")),
    uuid: [validate(id), version(id), v5("example.com", v5.DNS)],
    nanoid: [nanoid().length, new Set(Array.from({ length: 100 }, () => nanoid())).size, /^[ab]{8}$/.test(customAlphabet("ab", 8)())],
  });
}

// === drizzle-orm ===
const notes = sqliteTable("notes", { id: integer("id").primaryKey({ autoIncrement: true }), text: text("text").notNull(), done: integer("done", { mode: "boolean" }).default(false) });
async function orm(env) {
  const db = drizzle(env.DB);
  await db.run(sql`CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, done INTEGER DEFAULT 0)`);
  await db.delete(notes);
  const made = await db.insert(notes).values([{ text: "one" }, { text: "two" }]).returning({ text: notes.text });
  await db.update(notes).set({ done: true }).where(eq(notes.text, "two"));
  const [, both] = await db.batch([db.select().from(notes).where(eq(notes.done, true)), db.select({ n: sql`count(*)` }).from(notes)]);
  return Response.json({ made, done: (await db.select().from(notes).where(eq(notes.done, true))).map((note) => [note.text, note.done]), both });
}

// === graphql-yoga ===
const yoga = createYoga({
  graphqlEndpoint: "/graphql",
  schema: createSchema({
    typeDefs: "type Query { hello(name: String!): String! } type Mutation { add(a: Int!, b: Int!): Int! } type Subscription { count(to: Int!): Int! }",
    resolvers: {
      Query: { hello: (_, { name }) => `Hello, ${name}!` },
      Mutation: { add: (_, { a, b }) => a + b },
      Subscription: { count: { async *subscribe(_, { to }) { for (let i = 1; i <= to; i++) yield { count: i }; } } },
    },
  }),
});

// === React ===
async function page() {
  let ready;
  const Late = () => { if (!ready) { ready = new Promise((done) => setTimeout(done, 20)).then(() => { ready.done = true; }); } if (!ready.done) throw ready; return h("b", null, "late"); };
  const stream = await renderToReadableStream(h("html", null, h("body", null, h("h1", { className: "t" }, "Hello & <you>"), h(Suspense, { fallback: "…" }, h(Late)))));
  return new Response(stream, { headers: { "content-type": "text/html" } });
}

// === the AWS SDK ===
async function s3(request, env) {
  // A bucket is there when something has been put into it.
  await env.FILES.put("another", "through the binding");
  const { endpoint, accessKeyId, secretAccessKey } = Object.fromEntries(new URL(request.url).searchParams);
  const client = new S3Client({ region: "auto", endpoint, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
  const object = { Bucket: "files", Key: "a key" };
  await client.send(new PutObjectCommand({ ...object, Body: "through the SDK", ContentType: "text/plain" }));
  const got = await client.send(new GetObjectCommand(object));
  const url = await getSignedUrl(client, new GetObjectCommand(object), { expiresIn: 60 });
  return Response.json([await got.Body.transformToString(), got.ContentType, await (await fetch(url)).text(), await (await env.FILES.get("a key")).text()]);
}

// === WebAssembly: one of hand-written bindings, one of wasm-bindgen's ===
async function wasm() {
  const { h32ToString, h64ToString, create64 } = await xxhash();
  const image = new PhotonImage(new Uint8Array(16 * 16 * 4).fill(200), 16, 16);
  const smaller = resize(image, 4, 8, SamplingFilter.Nearest);
  const found = {
    xxhash: [h32ToString("some text"), h64ToString("some text"), create64().update("some ").update("text").digest() === BigInt("0x" + h64ToString("some text"))],
    photon: [smaller.get_width(), smaller.get_height(), [...smaller.get_bytes().slice(1, 4)]],
  };
  image.free();
  smaller.free();
  return Response.json(found);
}

// === an echo, and a page that talks to it ===
function echo() {
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  server.addEventListener("message", ({ data }) => server.send(data));
  server.addEventListener("close", ({ code, reason }) => server.close(code, reason));
  return new Response(null, { status: 101, webSocket: client });
}

const ECHO_PAGE = `<!DOCTYPE html><title>echo</title><script>
  const socket = new WebSocket(location.href.replace("http", "ws").replace("page", "echo"));
  socket.binaryType = "arraybuffer";
  window.heard = [];
  socket.onopen = () => { socket.send("text ".repeat(200)); socket.send(new Uint8Array([1, 2, 3])); };
  socket.onmessage = ({ data }) => {
    heard.push(typeof data === "string" ? data.length : [...new Uint8Array(data)]);
    if (heard.length === 2) socket.close(4001, "enough");
  };
  socket.onclose = ({ code, reason, wasClean }) => heard.push(socket.extensions, code, reason, wasClean);
</script>`;

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    switch (pathname.split("/")[1]) {
      case "hono": return hono.fetch(request, env, ctx);
      case "itty": return itty.fetch(request);
      case "jose": return tokens();
      case "small": return small();
      case "drizzle": return orm(env);
      case "graphql": return yoga.fetch(request, env, ctx);
      case "react": return page();
      case "wasm": return wasm();
      case "echo": return echo();
      case "page": return new Response(ECHO_PAGE, { headers: { "content-type": "text/html" } });
      case "s3": return s3(request, env);
    }
    return new Response("no such page", { status: 404 });
  },
};

// Notes in KV behind Hono: TypeScript, JSX, middleware, validation, cookies, a router in a router, streams.
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { getCookie, setCookie } from "hono/cookie";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { streamText } from "hono/streaming";
import { validator } from "hono/validator";

type Bindings = { GREETING: string; NOTES: { get(key: string): Promise<string | null>; put(key: string, value: string): Promise<void>; list(): Promise<{ keys: { name: string }[] }> } };

const notes = new Hono<{ Bindings: Bindings }>();

const note = validator("json", (value: { text?: unknown }) => {
  if (typeof value.text !== "string" || value.text === "") throw new HTTPException(422, { message: "a note has a text" });
  return { text: value.text };
});

notes.get("/", async (c) => c.json((await c.env.NOTES.list()).keys.map(({ name }) => name)));
notes.get("/:name{[a-z]+}", async (c) => {
  const text = await c.env.NOTES.get(c.req.param("name"));
  return text === null ? c.notFound() : c.json({ text });
});
notes.put("/:name{[a-z]+}", basicAuth({ username: "ada", password: "secret" }), note, async (c) => {
  await c.env.NOTES.put(c.req.param("name"), c.req.valid("json").text);
  return c.body(null, 201);
});

const app = new Hono<{ Bindings: Bindings }>();
app.use(secureHeaders());
app.use("/page", etag());
app.get("/", (c) => {
  const visits = Number(getCookie(c, "visits") ?? 0) + 1;
  setCookie(c, "visits", String(visits), { httpOnly: true });
  return c.text(`${c.env.GREETING}, visit ${visits}`);
});
app.get("/page", (c) => c.html(<main><h1>{c.env.GREETING}</h1><p>{"<escaped>"}</p></main>));
app.get("/stream", (c) => streamText(c, async (stream) => {
  for (const piece of ["a", "b", "c"]) {
    await stream.write(piece);
    await stream.sleep(5);
  }
}));
app.route("/notes", notes);
app.notFound((c) => c.json({ error: "not found" }, 404));
app.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text("failed", 500)));

export default app;

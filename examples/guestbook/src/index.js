// A guestbook in PostgreSQL: POST leaves an entry, GET shows the last ten.

import postgres from "postgres";

const MAX_ENTRY = 500;

export default {
  async fetch(request, env, ctx) {
    // A client for each request: the connections to the database are Hyperdrive's, and outlast it.
    const sql = postgres(env.HYPERDRIVE.connectionString, { max: 1, fetch_types: false });
    try {
      return await answer(request, sql);
    } finally {
      ctx.waitUntil(sql.end());
    }
  },
};

async function answer(request, sql) {
  if (request.method === "POST") {
    const text = (await request.text()).trim();
    if (text === "" || text.length > MAX_ENTRY) return new Response(`1 to ${MAX_ENTRY} characters, please\n`, { status: 400 });
    const [{ id }] = await sql`INSERT INTO entry (text) VALUES (${text}) RETURNING id`;
    return new Response(`entry ${id}\n`, { status: 201 });
  }
  if (request.method !== "GET") return new Response(null, { status: 405, headers: { Allow: "GET, POST" } });
  const entries = await sql`SELECT id, text FROM entry ORDER BY id DESC LIMIT 10`;
  return new Response(entries.map(({ id, text }) => `${id}: ${text}\n`).join(""));
}

// Asks a database through Hyperdrive, in the ways that people do: with `pg`, with `postgres`, and with neither.

import { Client } from "pg";
import postgres from "postgres";

/** What went wrong, as a driver tells it. */
const told = ({ code, message }) => ({ code, message });

async function withPg(env, use, options = {}) {
  const client = new Client({ connectionString: env.HYPERDRIVE.connectionString, ...options });
  try {
    await client.connect();
  } catch (error) {
    return { connect: told(error) };
  }
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

async function withPostgres(env, use, options = {}) {
  const sql = postgres(env.HYPERDRIVE.connectionString, { max: 3, fetch_types: false, ...options });
  try {
    return await use(sql);
  } finally {
    await sql.end();
  }
}

const rowsOf = async (client, text, values) => (await client.query(text, values)).rows;
const failureOf = (work) => work.then(() => "it went well", told);

async function readAll(socket) {
  let text = "";
  for await (const chunk of socket.readable.pipeThrough(new TextDecoderStream())) text += chunk;
  return text;
}

/** Writes to a connection without a driver, and tells what came back. */
async function raw(env, bytes) {
  const socket = env.HYPERDRIVE.connect();
  const writer = socket.writable.getWriter();
  await writer.write(bytes);
  return readAll(socket);
}

const steps = {
  facts: ({ HYPERDRIVE }) => ({ ...HYPERDRIVE, tag: Object.prototype.toString.call(HYPERDRIVE), own: Object.keys(HYPERDRIVE) }),

  pg: (env) => withPg(env, async (client) => ({
    parameters: await rowsOf(client, "select $1::int + $2::int as sum, $3::text as text, $4::timestamptz as at, $5::jsonb as json, $6::bytea as bytes", [
      1, 2, "naïve ☃", new Date(0), { a: [1] }, Buffer.from([0, 255]),
    ]),
    who: await rowsOf(client, "select current_user as user, current_database() as database"),
    several: (await client.query("select 1 as a; select 2 as b")).map(({ rows }) => rows[0]),
    empty: (await client.query("")).rows,
    error: await failureOf(client.query("select * from nothing")),
    after: await rowsOf(client, "select 1 as one"),
  })),

  transaction: (env) => withPg(env, async (client) => {
    await client.query("create table if not exists things (name text unique)");
    const count = async () => Number((await rowsOf(client, "select count(*) as count from things"))[0].count);
    await client.query("begin");
    await client.query("insert into things values ($1)", ["gone"]);
    const within = await count();
    await client.query("rollback");
    const rolledBack = await count();
    await client.query("begin");
    await client.query("insert into things values ($1)", ["kept"]);
    const error = await failureOf(client.query("insert into things values ($1)", ["kept"]));
    const aborted = await failureOf(client.query("select 1"));
    await client.query("rollback");
    await client.query("begin");
    await client.query("insert into things values ($1)", ["kept"]);
    await client.query("commit");
    return { within, rolledBack, error, aborted, committed: await count() };
  }),

  // Two clients whose statements have one name, on as many connections as the pool gives them.
  named: (env) => withPg(env, (one) => withPg(env, async (other) => {
    const answers = [];
    for (let i = 0; i < 4; i++) {
      const [a, b] = await Promise.all([
        rowsOf(one, { name: "same", text: "select $1::int * 2 as x, pg_backend_pid() as pid", values: [i] }),
        rowsOf(other, { name: "same", text: "select $1::int * 3 as x, pg_backend_pid() as pid", values: [i] }),
      ]);
      answers.push([a[0].x, b[0].x]);
    }
    const error = await failureOf(one.query({ name: "wrong", text: "select * from nothing" }));
    const left = await rowsOf(one, "select count(*)::int as count from pg_prepared_statements where name = 'wrong'");
    return { answers, error, left };
  })),

  js: (env) => withPostgres(env, async (sql) => {
    await sql`create table if not exists numbers (n int primary key)`;
    await sql`insert into numbers ${sql([{ n: 1 }, { n: 2 }, { n: 3 }])} on conflict do nothing`;
    const repeated = [];
    for (let i = 1; i <= 3; i++) repeated.push(...await sql`select n from numbers where n = ${i}`);
    const parallel = await Promise.all(Array.from({ length: 30 }, (_, i) => sql`select ${i}::int as i`));
    const begun = await sql.begin(async (tx) => {
      await tx`delete from numbers`;
      return (await tx`select count(*)::int as count from numbers`)[0].count;
    });
    const rolledBack = await failureOf(sql.begin(async (tx) => {
      await tx`insert into numbers values (7)`;
      throw Object.assign(new Error("changed my mind"), { code: "MINE" });
    }));
    const cursor = [];
    for await (const rows of sql`select generate_series(1, 5)::int as n`.cursor(2)) cursor.push(rows.map(({ n }) => n));
    return {
      repeated, parallel: parallel.every(([{ i }], at) => i === at), begun, rolledBack, cursor,
      count: (await sql`select count(*)::int as count from numbers`)[0].count,
      error: await failureOf(sql`select * from nothing`),
      name: (await sql`select current_setting('application_name') as name`)[0].name,
    };
  }),

  copy: (env) => withPostgres(env, async (sql) => {
    await sql`create table if not exists copied (n int)`;
    const writable = await sql`copy copied from stdin`.writable();
    await new Promise((resolve, reject) => {
      writable.on("error", reject).on("finish", resolve);
      writable.write("1\n");
      writable.end("2\n");
    });
    let out = "";
    for await (const chunk of await sql`copy copied to stdout`.readable()) out += new TextDecoder().decode(chunk);
    return out;
  }),

  cancel: (env) => withPostgres(env, async (sql) => {
    const query = sql`select pg_sleep(50)`;
    const outcome = failureOf(query.execute());
    await scheduler.wait(200);
    query.cancel();
    return { outcome: await outcome, after: await sql`select 1 as one` };
  }, { max: 1 }),

  listen: (env) => withPostgres(env, async (sql) => {
    const heard = new Promise((resolve) => sql.listen("news", resolve).then(() => sql.notify("news", "hello")));
    return await heard;
  }),

  large: (env) => withPg(env, async (client) => {
    const text = "0123456789abcdef".repeat(1 << 18);
    const [{ length, back }] = await rowsOf(client, "select length($1::text) as length, $1::text as back", [text]);
    return { length, same: back === text };
  }),

  pid: (env) => withPg(env, async (client) => (await rowsOf(client, "select pg_backend_pid() as pid"))[0].pid),
  busy: (env) => withPg(env, async (client) => (await rowsOf(client, "select pg_sleep(0.02), pg_backend_pid() as pid"))[0].pid),

  set: (env) => withPg(env, async (client) => {
    await client.query("set application_name = 'leaked'; create temp table secrets (n int); select pg_advisory_lock(1)");
    return (await rowsOf(client, "select current_setting('application_name') as name"))[0].name;
  }),
  prepare: (env) => withPg(env, async (client) => {
    await client.query("prepare p as select 1 as one");
    return rowsOf(client, "execute p");
  }),
  show: (env) => withPg(env, async (client) => rowsOf(client,
    "select current_setting('application_name') as name, to_regclass('pg_temp.secrets') as table, (select count(*)::int from pg_locks where locktype = 'advisory') as locks, (select count(*)::int from pg_prepared_statements where name = 'p') as prepared")),

  asked: (env) => withPg(env, async (client) => rowsOf(client,
    "select current_setting('application_name') as name, current_setting('statement_timeout') as timeout"), { application_name: "it's me", statement_timeout: 4321 }),

  wrong: ({ HYPERDRIVE: { host, port, user, database } }) => {
    const guess = new URL(`postgres://${user}:guess@${host}:${port}/${database}`);
    return withPg({ HYPERDRIVE: { connectionString: guess.href } }, () => "let in");
  },
  replication: (env) => withPg(env, () => "let in", { replication: "true" }),

  // Leaves in the middle of a transaction, and of a query.
  leave: async (env) => {
    const client = new Client({ connectionString: env.HYPERDRIVE.connectionString });
    await client.connect();
    await client.query("create table if not exists left_behind (n int)");
    await client.query("begin");
    await client.query("insert into left_behind values (1)");
    client.query("select pg_sleep(50)").catch(() => {});
    await scheduler.wait(100);
    return "left";
  },
  found: (env) => withPg(env, async (client) => rowsOf(client, "select count(*)::int as count, now() = statement_timestamp() as fresh from left_behind")),

  garbage: async (env) => Promise.all([
    raw(env, new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
    raw(env, new Uint8Array([0, 0, 0, 8, 0, 2, 0, 0])),
    raw(env, new Uint8Array([0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4])),
  ]),

  // As a driver does that has gone wrong after its beginning.
  nonsense: (env) => withPg(env, async (client) => {
    const failed = new Promise((resolve) => client.on("error", resolve));
    await client.query("begin");
    client.connection.stream.write(new Uint8Array([0x01, 0, 0, 0, 4, 0x51, 0xff, 0xff, 0xff, 0xff]));
    return told(await failed);
  }).catch(told),
};

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    try {
      return Response.json(await steps[pathname.slice(1)](env));
    } catch (error) {
      return Response.json({ thrown: told(error), stack: error.stack }, { status: 500 });
    }
  },
};

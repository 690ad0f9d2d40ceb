//! D1: databases in `env`, and `skerry d1` on the same ones.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::{Dev, Project, skerry};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONFIG: &str = "[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"shop\"\ndatabase_id = \"11\"";

/// A Worker that answers with what a function of `env.DB` gives, or with the error that it throws.
fn worker(cases: &str) -> Project {
    let source = format!(
        r#"
        const cases = {{ {cases} }};
        export default {{
          async fetch(request, env) {{
            const url = new URL(request.url);
            const run = cases[url.pathname.slice(1)];
            if (!run) return new Response("no such case", {{ status: 404 }});
            try {{
              return Response.json((await run(env.DB, url.searchParams, request)) ?? null);
            }} catch (error) {{
              return Response.json({{ error: `${{error.name}}: ${{error.message}}`, cause: error.cause?.message }});
            }}
          }},
        }};"#
    );
    Project::configured(CONFIG, &source)
}

#[tokio::test]
async fn statements_and_their_results() {
    let project = worker(
        r#"
        async create(db) {
          const made = await db.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, score REAL, photo BLOB)\n\n-- nothing\nCREATE TABLE log (text)");
          return [made.count, typeof made.duration];
        },
        async insert(db) {
          const insert = db.prepare("INSERT INTO users (name, score, photo) VALUES (?1, ?2, ?3)");
          const { success, meta, results } = await insert.bind("ada", 1.5, new Uint8Array([1, 2])).run();
          await insert.bind("bob", true, [3, 4]).run();
          await insert.bind("eve", null, new Uint8Array([9, 5, 6]).buffer.slice(1)).run();
          const { duration, size_after, served_by, timings, ...rest } = meta;
          return { success, results, rest, typed: [typeof duration, size_after % 4096, served_by, typeof timings.sql_duration_ms] };
        },
        all: (db) => db.prepare("SELECT * FROM users ORDER BY id").all().then((all) => [all.success, all.results, all.meta.rows_read]),
        raw: (db) => db.prepare("SELECT id, name, 2 AS name FROM users WHERE id < ?").bind(2).raw({ columnNames: true }),
        rawPlain: (db) => db.prepare("SELECT photo FROM users").raw(),
        twice: (db) => db.prepare("SELECT 1 AS a, 2 AS b, 3 AS a").first(),
        first: (db) => db.prepare("SELECT name, score FROM users WHERE name = ?").bind("bob").first(),
        firstColumn: (db) => db.prepare("SELECT name, score FROM users WHERE name = ?").bind("ada").first("score"),
        firstNone: (db) => db.prepare("SELECT 1 WHERE 0").first(),
        noColumn: (db) => db.prepare("SELECT 1 AS a").first("b"),
        numbers: (db) => db.prepare("SELECT typeof(?1) AS t, ?1 AS v, ?2 AS nan, -9223372036854775807 AS big, 1e999 AS inf").bind(5, NaN).first(),
        text: (db) => db.prepare("SELECT ? AS v").bind("a\0\u{1f600}\"\\").first("v"),
        returning: (db) => db.prepare("INSERT INTO log VALUES ('x') RETURNING rowid, text").run().then((run) => run.results),
        async batch(db) {
          const count = db.prepare("SELECT count(*) AS n FROM log");
          const answers = await db.batch([count, db.prepare("INSERT INTO log VALUES (?)").bind("y"), count]);
          return answers.map((answer) => [answer.success, answer.results, answer.meta.changes]);
        },
        async torn(db) {
          const add = (name) => db.prepare("INSERT INTO users (name) VALUES (?)").bind(name);
          const failed = await db.batch([add("zoe"), add("ada")]).catch((error) => error.message);
          return [failed, await db.prepare("SELECT count(*) AS n FROM users WHERE name = 'zoe'").first("n")];
        },
        undef: (db) => db.prepare("SELECT ?").bind(undefined),
        object: (db) => db.prepare("SELECT ?").bind({}),
        bigint: (db) => db.prepare("SELECT ?").bind(1n),
        bytes: (db) => db.prepare("SELECT ?").bind([1, 256]),
        syntax: (db) => db.prepare("SELEC").run(),
        empty: (db) => db.prepare("").all(),
        bindings: (db) => db.prepare("SELECT ?, ?").bind(1).all(),
        batchOfNone: (db) => db.batch([]),
        batchOfText: (db) => db.batch("x"),
        execFails: (db) => db.exec("SELECT 1;\nINSERTZ INTO users"),
        attach: (db) => db.prepare("ATTACH 'x' AS y").run(),
        begin: (db) => db.prepare("BEGIN TRANSACTION").run(),
        dump: (db) => db.dump(),
        shape: (db) => [db.constructor.name, Object.keys(db.prepare("x").bind(1)), db.prepare("x").statement, typeof globalThis.D1Database],
        async proxied(db) {
          const wrap = (target) => new Proxy(target, {
            get: (object, key, self) => { const value = Reflect.get(object, key, self); return typeof value === "function" ? value.bind(self) : value; },
          });
          return wrap(wrap(db).prepare("SELECT ? AS v").bind(7)).first("v");
        },
        "#,
    );
    let dev = Dev::start(&project).await;
    let cases = [
        ("create", json!([2, "number"])),
        (
            "insert",
            json!({
                "success": true, "results": [],
                "rest": {
                    "changes": 1, "last_row_id": 1, "changed_db": true, "rows_read": 0, "rows_written": 2,
                    "served_by_primary": true, "total_attempts": 1,
                },
                "typed": ["number", 0, "skerry", "number"],
            }),
        ),
        (
            "all",
            json!([true, [
                { "id": 1, "name": "ada", "score": 1.5, "photo": [1, 2] },
                { "id": 2, "name": "bob", "score": 1, "photo": [3, 4] },
                { "id": 3, "name": "eve", "score": null, "photo": [5, 6] },
            ], 3]),
        ),
        ("raw", json!([["id", "name", "name"], [1, "ada", 2]])),
        ("rawPlain", json!([[[1, 2]], [[3, 4]], [[5, 6]]])),
        ("twice", json!({ "a": 3, "b": 2 })),
        ("first", json!({ "name": "bob", "score": 1 })),
        ("firstColumn", json!(1.5)),
        ("firstNone", json!(null)),
        (
            "noColumn",
            json!({ "error": "Error: D1_COLUMN_NOTFOUND: Column not found (b)", "cause": "Column not found" }),
        ),
        ("numbers", json!({ "t": "real", "v": 5, "nan": null, "big": -9223372036854775807i64, "inf": null })),
        ("text", json!("a\0\u{1f600}\"\\")),
        ("returning", json!([{ "rowid": 1, "text": "x" }])),
        ("batch", json!([[true, [{ "n": 1 }], 0], [true, [], 1], [true, [{ "n": 2 }], 0]])),
        (
            "torn",
            json!([
                "D1_ERROR: UNIQUE constraint failed: users.name: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
                0
            ]),
        ),
        ("dump", json!({ "error": "Error: D1_DUMP_ERROR: Status + 404", "cause": "Status 404" })),
        ("shape", json!(["D1Database", ["dbSession", "statement", "params"], "x", "undefined"])),
        ("proxied", json!(7)),
    ];
    for (case, wanted) in cases {
        let found = dev.json(&format!("/{case}")).await;
        // Only numbers that JavaScript can tell apart are told apart.
        if case == "numbers" {
            assert_eq!(found["big"].as_f64(), wanted["big"].as_f64());
            assert_eq!((&found["t"], &found["v"], &found["nan"]), (&wanted["t"], &wanted["v"], &wanted["nan"]));
            continue;
        }
        assert_eq!(found, wanted, "{case}");
    }
    let errors = [
        ("undef", "D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'"),
        ("object", "D1_TYPE_ERROR: Type 'object' not supported for value '[object Object]'"),
        ("bigint", "D1_TYPE_ERROR: Type 'bigint' not supported for value '1'"),
        ("bytes", "D1_TYPE_ERROR: Type 'object' not supported for value '1,256'"),
        ("syntax", "D1_ERROR: near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"),
        ("empty", "D1_ERROR: No SQL statements detected."),
        ("bindings", "D1_ERROR: Wrong number of parameter bindings for SQL query."),
        ("batchOfNone", "D1_ERROR: No SQL statements detected."),
        (
            "execFails",
            "D1_EXEC_ERROR: Error in line 2: INSERTZ INTO users: near \"INSERTZ\": syntax error at offset 0: SQLITE_ERROR",
        ),
        ("attach", "D1_ERROR: not authorized: SQLITE_AUTH"),
    ];
    for (case, message) in errors {
        let (_, cause) = message.split_once(": ").unwrap();
        let wanted = json!({ "error": format!("Error: {message}"), "cause": cause });
        assert_eq!(dev.json(&format!("/{case}")).await, wanted, "{case}");
    }
    let text = dev.json("/batchOfText").await;
    assert_eq!(text["error"], "TypeError: statements.map is not a function");
    let begin = dev.json("/begin").await["error"].to_string();
    assert!(begin.contains("To execute a transaction, please use the state.storage.transaction()"), "{begin}");
}

#[tokio::test]
async fn sessions_have_bookmarks_that_grow() {
    let project = worker(
        r#"
        async sessions(db) {
          const session = db.withSession();
          const bookmarks = [session.getBookmark()];
          await session.batch([session.prepare("CREATE TABLE t (a)")]);
          bookmarks.push(session.getBookmark());
          await session.prepare("INSERT INTO t VALUES (1)").run();
          bookmarks.push(session.getBookmark());
          await session.prepare("SELECT * FROM t").all();
          bookmarks.push(session.getBookmark());
          const later = db.withSession(bookmarks[1]);
          const resumed = later.getBookmark();
          await later.prepare("SELECT * FROM t").first();
          return {
            null: bookmarks[0], grows: bookmarks[1] < bookmarks[2], stays: bookmarks[2] === bookmarks[3],
            resumed: resumed === bookmarks[1], caughtUp: later.getBookmark() === bookmarks[3],
            primary: db.withSession("first-primary").getBookmark(), unknown: db.withSession(" odd ").getBookmark(),
          };
        },
        wrong: (db) => db.withSession(5),
        "#,
    );
    let dev = Dev::start(&project).await;
    let wanted = json!({
        "null": null, "grows": true, "stays": true, "resumed": true, "caughtUp": true, "primary": null, "unknown": "odd",
    });
    assert_eq!(dev.json("/sessions").await, wanted);
    assert_eq!(dev.json("/wrong").await["error"], "TypeError: constraintOrBookmark?.trim is not a function");
}

#[tokio::test]
async fn queries_count_as_subrequests_and_need_an_event() {
    let project = Project::configured(
        &format!("{CONFIG}\n[limits]\nsubrequests = 3"),
        r#"
        import { env } from "cloudflare:workers";
        let early;
        try { await env.DB.prepare("SELECT 1").run(); } catch (error) { early = error.message; }
        export default {
          async fetch(request, env) {
            const done = [];
            for (let i = 0; i < 4; i++) done.push(await env.DB.prepare("SELECT 1").run().then(() => "ok", (error) => error.message));
            return Response.json({ early, done });
          },
        };"#,
    );
    let dev = Dev::start(&project).await;
    let answer = dev.json("/").await;
    assert_eq!(answer["done"], json!(["ok", "ok", "ok", "Too many subrequests."]));
    assert!(
        answer["early"].as_str().unwrap().starts_with("Disallowed operation called within global scope"),
        "{answer}"
    );
}

/// GETs a path from a server that may die meanwhile: the body of a whole answer.
async fn try_get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    (body.len() == length).then(|| body.to_owned())
}

/// Pairs are written by batches; the process is killed in the middle of them.
#[tokio::test]
async fn acknowledged_batches_survive_a_kill_and_none_is_torn() {
    let project = worker(
        r#"
        create: (db) => db.exec("CREATE TABLE IF NOT EXISTS pairs (round, number, half, PRIMARY KEY (round, number, half))"),
        async write(db, query) {
          const add = db.prepare("INSERT INTO pairs VALUES (?, ?, ?)");
          const [round, number] = [Number(query.get("round")), Number(query.get("number"))];
          await db.batch([add.bind(round, number, 1), add.bind(round, number, 2)]);
          return number;
        },
        read: (db) => db.prepare("SELECT round, number, count(*) FROM pairs GROUP BY round, number").raw(),
        "#,
    );
    let mut acknowledged = Vec::new();
    for round in 0..3u64 {
        let dev = std::sync::Arc::new(Dev::start(&project).await);
        dev.json("/create").await;
        let writers: Vec<_> = (0..4u64)
            .map(|writer| {
                let dev = dev.clone();
                tokio::spawn(async move {
                    let mut done = Vec::new();
                    let began = Instant::now();
                    for number in (writer..).step_by(4) {
                        let path = format!("/write?round={round}&number={number}");
                        let Some(answer) = try_get(dev.address(), &path).await else { break };
                        if answer == number.to_string() {
                            done.push((round, number));
                        }
                        assert!(began.elapsed() < Duration::from_secs(60), "nobody killed it");
                    }
                    done
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(700)).await;
        let killed = std::process::Command::new("kill").args(["-KILL", &dev.pid().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        for writer in writers {
            acknowledged.extend(writer.await.expect("a writer"));
        }
    }
    assert!(acknowledged.len() > 20, "only {} were acknowledged", acknowledged.len());
    let dev = Dev::start(&project).await;
    let rows = dev.json("/read").await;
    let found: std::collections::BTreeSet<(u64, u64)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            assert_eq!(row[2], 2, "a torn batch: {row}");
            (row[0].as_u64().unwrap(), row[1].as_u64().unwrap())
        })
        .collect();
    for pair in &acknowledged {
        assert!(found.contains(pair), "{pair:?} was acknowledged and is gone");
    }
}

#[tokio::test]
async fn the_command_works_on_what_dev_serves() {
    let project = worker("users: (db) => db.prepare('SELECT name FROM users ORDER BY name').raw(),");
    let folder = project.path();
    let listed = skerry(folder, &["d1", "migrations", "list", "shop"]).await.refused();
    assert!(listed.stderr.contains("migrations"), "{}", listed.stderr);
    let created = skerry(folder, &["d1", "migrations", "create", "shop", "add users"]).await.ok();
    assert!(created.stdout.contains("migrations/0001_add_users.sql"), "{}", created.stdout);
    project
        .write("migrations/0001_add_users.sql", "CREATE TABLE users (name TEXT);\nINSERT INTO users VALUES ('ada');");
    project.write("migrations/0002_more.sql", "INSERT INTO users VALUES ('bob'); INSERT INTO users VALUES (");
    let listed = skerry(folder, &["d1", "migrations", "list", "DB"]).await.ok();
    assert_eq!(listed.stdout, "0001_add_users.sql\n0002_more.sql\n");
    // The second one is broken: the first is applied, of the second nothing.
    let refused = skerry(folder, &["d1", "migrations", "apply", "DB", "--local"]).await.refused();
    assert!(refused.stdout.contains("0001_add_users.sql") && refused.stderr.contains("0002_more.sql"), "{refused:?}");
    let dev = Dev::start(&project).await;
    assert_eq!(dev.json("/users").await, json!([["ada"]]));
    project.write("migrations/0002_more.sql", "INSERT INTO users VALUES ('bob');");
    skerry(folder, &["d1", "migrations", "apply", "DB"]).await.ok();
    assert_eq!(dev.json("/users").await, json!([["ada"], ["bob"]]));
    let again = skerry(folder, &["d1", "migrations", "apply", "DB"]).await.ok();
    assert_eq!(again.stdout, "No migrations to apply.\n");

    project.write("seed.sql", "BEGIN TRANSACTION;\nINSERT INTO users VALUES ('eve; \n');\nCOMMIT;\n");
    skerry(folder, &["d1", "execute", "shop", "--file", "seed.sql"]).await.ok();
    let sql = "SELECT name, length(name) AS n FROM users ORDER BY name DESC LIMIT 1; SELECT name FROM d1_migrations";
    let answered = skerry(folder, &["d1", "execute", "shop", "--command", sql, "--json"]).await.ok();
    let answers: serde_json::Value = serde_json::from_str(&answered.stdout).expect("JSON");
    assert_eq!(answers[0]["results"], json!([{ "name": "eve; \n", "n": 6 }]));
    assert_eq!(answers[1]["results"], json!([{ "name": "0001_add_users.sql" }, { "name": "0002_more.sql" }]));
    let drawn =
        skerry(folder, &["d1", "execute", "shop", "--command", "SELECT name FROM users WHERE name < 'c'"]).await.ok();
    assert!(drawn.stdout.starts_with("name\n────\nada\nbob\n"), "{}", drawn.stdout);
    let refused = skerry(folder, &["d1", "execute", "shop", "--command", "DELETE FROM users; SELEC"]).await.refused();
    assert!(refused.stderr.contains("syntax error") && refused.stderr.contains("Nothing was changed"), "{refused:?}");
    let refused = skerry(folder, &["d1", "execute", "nope", "--command", "SELECT 1"]).await.refused();
    assert!(refused.stderr.contains("`nope`") && refused.stderr.contains("DB"), "{refused:?}");
    let listed = skerry(folder, &["d1", "list", "--json"]).await.ok();
    let list: serde_json::Value = serde_json::from_str(&listed.stdout).expect("JSON");
    assert_eq!((&list[0]["binding"], &list[0]["name"], &list[0]["id"]), (&json!("DB"), &json!("shop"), &json!("11")));
}

//! What an account may keep: Workers that write until they are refused, uploads that find no room, and a neighbour who has his own.

use harness::{Project, Served, eventually, text};
use serde_json::{Value, json};

const LIMIT: u64 = 8 << 20;
/// SQL that takes away may go beyond the limit by so much.
const SLACK: u64 = 1 << 20;

const WORKER: &str = r#"
import { DurableObject } from "cloudflare:workers";
const CHUNK = "x".repeat(100_000);
const many = async (write) => {
  for (let n = 0; n < 1000; n++) {
    try { await write(n); } catch (error) { return { written: n, error: error.message }; }
  }
  return { written: 1000 };
};
export class Notes extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
  }
  async act(what, how) {
    const { storage } = this.ctx;
    if (how === "entries") {
      if (what === "fill") return many((n) => storage.put(`k${n}`, CHUNK));
      if (what === "read") return (await storage.get("k0")).length;
      return storage.deleteAll();
    }
    if (what !== "read") this.sql.exec("CREATE TABLE IF NOT EXISTS note (text TEXT)");
    if (what === "fill") return many(() => void this.sql.exec("INSERT INTO note VALUES (?)", CHUNK));
    if (what === "flood") {
      this.sql.exec("INSERT INTO note WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT randomblob(100000) FROM n");
      return "flooded";
    }
    if (what === "read") return this.sql.exec("SELECT length(text) AS length FROM note LIMIT 1").one().length;
    this.sql.exec("DELETE FROM note");
  }
}
export default {
  async fetch(request, env) {
    const [, what, product] = new URL(request.url).pathname.split("/");
    const object = (name) => env.NOTES.get(env.NOTES.idFromName(name));
    const db = env.DB;
    const products = {
      kv: {
        fill: () => many((n) => env.KV.put(`k${n}`, CHUNK)),
        read: async () => (await env.KV.get("k0")).length,
        clear: async () => { for (const { name } of (await env.KV.list()).keys) await env.KV.delete(name); },
      },
      r2: {
        fill: () => many((n) => env.FILES.put(`k${n}`, CHUNK)),
        read: async () => (await (await env.FILES.get("k0")).text()).length,
        clear: async () => env.FILES.delete((await env.FILES.list()).objects.map(({ key }) => key)),
      },
      d1: {
        fill: async () => {
          await db.exec("CREATE TABLE IF NOT EXISTS note (text TEXT)");
          return many(() => db.prepare("INSERT INTO note VALUES (?)").bind(CHUNK).run());
        },
        read: async () => db.prepare("SELECT length(text) FROM note LIMIT 1").first("length(text)"),
        clear: async () => void (await db.exec("DELETE FROM note")),
      },
      queue: { fill: () => many(() => env.QUEUE.send(CHUNK)), read: () => CHUNK.length },
    };
    for (const how of ["sql", "entries"]) {
      products[`object-${how}`] = new Proxy({}, { get: (_, what) => () => object(how).act(what, how) });
    }
    try {
      return Response.json((await products[product][what]()) ?? null);
    } catch (error) {
      return Response.json({ thrown: error.message });
    }
  },
};"#;

async fn stored(served: &Served) -> Value {
    let (status, usage) = served.ask("GET", "/skerry/usage", "").await;
    assert_eq!(status, 200, "{usage}");
    usage["result"].clone()
}

async fn total(served: &Served) -> u64 {
    stored(served).await["used"]["storage_bytes"]["total"].as_u64().expect("bytes")
}

async fn made(served: &Served, path: &str, body: Value) -> Value {
    let (status, made) = served.ask("POST", path, &body.to_string()).await;
    assert_eq!(status, 200, "{made}");
    made["result"].clone()
}

/// The Worker with all that it is bound to, and the id of its queue.
async fn writer(served: &Served) -> (Project, String) {
    let kv = made(served, "/storage/kv/namespaces", json!({ "title": "kv" })).await;
    let db = made(served, "/d1/database", json!({ "name": "db" })).await;
    let queue = made(served, "/queues", json!({ "queue_name": "waiting" })).await;
    made(served, "/r2/buckets", json!({ "name": "files" })).await;
    let more = format!(
        "[[kv_namespaces]]\nbinding = \"KV\"\nid = {}\n[[r2_buckets]]\nbinding = \"FILES\"\nbucket_name = \"files\"\n\
         [[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"db\"\ndatabase_id = {}\n\
         [[queues.producers]]\nbinding = \"QUEUE\"\nqueue = \"waiting\"\n\
         [durable_objects]\nbindings = [{{ name = \"NOTES\", class_name = \"Notes\" }}]\n\
         [[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Notes\"]\n",
        kv["id"], db["uuid"]
    );
    let project = Project::named("writer", &more, WORKER);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    (project, queue["queue_id"].as_str().expect("an id").to_owned())
}

#[tokio::test]
async fn who_writes_until_he_is_refused_goes_no_further() {
    let served = Served::configured("[plans.paid]\ncpu_ms = 60000\nstorage_mb = 8\n").await;
    let (_project, queue) = writer(&served).await;
    let (other, token) = served.another_account().await;
    let ask = async |path: &str| -> Value {
        let answer = served.text("writer", path).await;
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    };
    let neighbour = format!("/accounts/{other}/storage/kv/namespaces");
    let (_, theirs) = served.ask_as(&token, "POST", &neighbour, json!({ "title": "theirs" }).to_string()).await;
    let theirs = format!("{neighbour}/{}/values/key", theirs["result"]["id"].as_str().expect("an id"));

    for (product, refusal) in [
        ("kv", "KV PUT failed: 413 The storage limit of the account is exceeded."),
        ("r2", "put: The storage limit of the account is exceeded. (10042)"),
        ("d1", "Exceeded maximum DB size."),
        ("object-sql", "database or disk is full: SQLITE_FULL"),
        ("object-entries", "database or disk is full: SQLITE_FULL"),
        ("queue", "Too Many Requests"),
    ] {
        let filled = ask(&format!("/fill/{product}")).await;
        assert!(filled["error"].as_str().is_some_and(|error| error.contains(refusal)), "{product}: {filled}");
        // What others left in their databases is a few pages.
        let written = filled["written"].as_u64().expect("a number");
        assert!((60..=84).contains(&written), "{product}: {filled}");
        let bytes = total(&served).await;
        assert!((LIMIT * 9 / 10..=LIMIT).contains(&bytes), "{product}: {}", stored(&served).await);
        assert_eq!(ask(&format!("/read/{product}")).await, 100_000, "{product}");
        let (status, put) = served.ask_as(&token, "PUT", &theirs, "there is room here").await;
        assert_eq!(status, 200, "{product}: {put}");
        // Nothing else of the account's finds room, and a restart gives none.
        let (status, _) = served
            .ask_as(
                &served.token,
                "PUT",
                &format!("/accounts/{}/r2/buckets/files/objects/large", served.account),
                vec![0; 1 << 20],
            )
            .await;
        assert_eq!(status, 507, "{product}");

        if product == "queue" {
            let (status, purged) =
                served.ask("POST", &format!("/queues/{queue}/purge"), r#"{"delete_messages_permanently":true}"#).await;
            assert_eq!(status, 200, "{purged}");
        } else {
            assert_eq!(ask(&format!("/clear/{product}")).await, Value::Null, "{product}");
        }
        let left = stored(&served).await;
        assert!(total(&served).await < LIMIT / 4, "{product}: {left}");
        let again = ask(&format!("/fill/{product}")).await;
        assert!(again["written"].as_u64().is_some_and(|written| written >= 55), "{product}: {again}");
        if product == "queue" {
            served.ask("POST", &format!("/queues/{queue}/purge"), r#"{"delete_messages_permanently":true}"#).await;
        } else {
            ask(&format!("/clear/{product}")).await;
        }
    }
}

#[tokio::test]
async fn one_statement_does_not_pass_the_limit() {
    let mut served = Served::configured("[plans.paid]\ncpu_ms = 60000\nstorage_mb = 8\n").await;
    let (_project, _) = writer(&served).await;
    let flooded = served.text("writer", "/flood/object-sql").await;
    assert!(flooded.contains("SQLITE_FULL"), "{flooded}");
    assert!(total(&served).await <= LIMIT + SLACK);
    // The object was reset, and works.
    eventually(|| async { served.text("writer", "/fill/object-sql").await.contains("written") }).await;
    let before = total(&served).await;
    assert!((LIMIT / 2..=LIMIT + SLACK).contains(&before), "{before}");
    assert_eq!(served.text("writer", "/read/object-sql").await, "100000");

    // All of it is found again after a crash.
    served.kill().await;
    served.again().await;
    let after = total(&served).await;
    assert!(after.abs_diff(before) <= 128 << 10, "{before} became {after}");
    assert!(served.text("writer", "/fill/kv").await.contains("413"));
    assert_eq!(served.text("writer", "/clear/object-sql").await, "null");
    eventually(|| async { total(&served).await < LIMIT / 4 }).await;
}

#[tokio::test]
async fn uploads_find_no_room_either() {
    let served = Served::configured("[plans.paid]\ncpu_ms = 60000\nstorage_mb = 2\n").await;
    let (project, _) = writer(&served).await;
    project.write("large.bin", vec![b'x'; 3 << 20]);
    project.write("small.bin", vec![b'x'; 1 << 20]);
    let wrangler = async |args: &[&str]| served.wrangler(project.path(), args).await;
    let put =
        async |file: &str| wrangler(&["kv", "key", "put", "key", "--path", file, "--binding", "KV", "--remote"]).await;
    let refused = put("large.bin").await.refused().text();
    assert!(refused.contains("storage limit of the account is exceeded"), "{refused}");
    put("small.bin").await.ok();
    let object = async |file: &str| wrangler(&["r2", "object", "put", "files/key", "--file", file, "--remote"]).await;
    object("small.bin").await.refused();

    let rows: String = (0..1500).map(|_| format!("INSERT INTO t VALUES ('{}');\n", "x".repeat(1000))).collect();
    project.write("rows.sql", format!("CREATE TABLE t (a TEXT);\n{rows}"));
    let execute = ["d1", "execute", "db", "--remote", "--yes", "--file", "rows.sql"];
    let refused = wrangler(&execute).await.refused().text();
    assert!(refused.contains("Exceeded maximum DB size"), "{refused}");

    let site = Project::named("site", "[assets]\ndirectory = \"public\"\n", "export default { fetch() {} };");
    std::fs::create_dir(site.join("public")).expect("a folder");
    site.write("public/large.txt", vec![b'x'; 3 << 20]);
    let refused = served.wrangler(site.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("storage limit of the account is exceeded"), "{refused}");

    let usage = stored(&served).await;
    assert_eq!(usage["limits"]["storage_bytes"], 2 << 20);
    assert!(usage["used"]["storage_bytes"]["kv"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{usage}");
    wrangler(&["kv", "key", "delete", "key", "--binding", "KV", "--remote"]).await.ok();
    object("small.bin").await.ok();
}

#[tokio::test]
async fn an_account_is_held_to_its_plan() {
    let mut served = Served::configured(
        "[plans.paid]\naccount_concurrent_requests = 2\naccount_requests_per_second = 20\nrequests_per_day = 30\n",
    )
    .await;
    let source = "export default { async fetch(request) {
        if (new URL(request.url).pathname === '/slow') await scheduler.wait(1000);
        return new Response('ok');
    } };";
    for name in ["one", "two"] {
        served.wrangler(Project::named(name, "", source).path(), &["deploy"]).await.ok();
    }
    let mut asked = Vec::new();
    for number in 0..40 {
        asked.push(tokio::spawn(served.request("GET", if number % 2 == 0 { "one" } else { "two" }, "/slow").send()));
    }
    let mut statuses = std::collections::BTreeMap::new();
    for answer in asked {
        *statuses.entry(answer.await.unwrap().status().as_u16()).or_insert(0) += 1;
    }
    // Two Workers have no more than one would.
    assert_eq!(statuses[&200], 2, "{statuses:?}");
    assert!(statuses[&503] >= 10 && statuses[&429] >= 10, "{statuses:?}");

    let spent = async |served: &Served| {
        let mut answered = 0;
        loop {
            let answer = served.request("GET", "one", "/").send().await;
            if answer.status() == 200 {
                answered += 1;
                continue;
            }
            let wait = answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
            let body = text(answer).await;
            if body.contains("1027") {
                assert!(wait > 0 && wait <= 86_400, "{wait}");
                return answered;
            }
            // Too fast: a second later there is room again.
            assert!(body.contains("1015"), "{body}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    assert_eq!(spent(&served).await, 28);
    assert_eq!(stored(&served).await["used"]["requests_today"], 30);
    // The neighbour's day has only begun, and an end of the server makes no new one.
    let (other, _) = served.another_account().await;
    assert_ne!(other, served.account);
    served.terminate().await;
    served.ended().await;
    served.again().await;
    assert_eq!(spent(&served).await, 0);
}

//! D1 databases of a host: wrangler makes, fills and exports them, Workers see the same, and the other way round.

use harness::{Project, Served, text};
use serde_json::{Value, json};

const WORKER: &str = r#"
    export default {
      async fetch(request, { DB }) {
        const { pathname, searchParams } = new URL(request.url);
        if (pathname === "/add") {
          await DB.prepare("INSERT INTO item (name) VALUES (?)").bind(searchParams.get("name")).run();
          return new Response("added");
        }
        const { results } = await DB.prepare("SELECT id, name FROM item ORDER BY id").all();
        return Response.json(results.map(({ id, name }) => `${id}:${name}`));
      },
    };
"#;

fn code(answer: &Value) -> u64 {
    answer["errors"][0]["code"].as_u64().unwrap_or_else(|| panic!("no code in {answer}"))
}

fn bound(id: &str) -> String {
    format!("[[d1_databases]]\nbinding = \"DB\"\ndatabase_name = \"shop\"\ndatabase_id = \"{id}\"")
}

/// A database made without wrangler.
async fn database(served: &Served, name: &str) -> String {
    let (status, made) = served.ask("POST", "/d1/database", &json!({ "name": name }).to_string()).await;
    assert_eq!(status, 200, "{made}");
    made["result"]["uuid"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn wrangler_and_a_worker_share_a_database() {
    let served = Served::start().await;
    let empty = Project::empty();
    let made = served.wrangler(empty.path(), &["d1", "create", "shop"]).await.ok().text();
    let (_, listed) = served.ask("GET", "/d1/database", "").await;
    let id = listed["result"][0]["uuid"].as_str().expect("an id").to_owned();
    assert!(made.contains(&id), "{made}");
    let again = served.wrangler(empty.path(), &["d1", "create", "shop"]).await.refused().text();
    assert!(again.contains("already exists"), "{again}");

    let project = Project::named("shop", &bound(&id), WORKER);
    project.write("migrations/0001_items.sql", "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT);");
    project.write("migrations/0002_first.sql", "-- the first\nINSERT INTO item (name) VALUES ('from a migration');");
    let d1 = async |args: &[&str]| served.wrangler(project.path(), &[&["d1"][..], args].concat()).await;
    d1(&["migrations", "apply", "shop", "--remote"]).await.ok();
    let again = d1(&["migrations", "apply", "shop", "--remote"]).await.ok().text();
    assert!(again.contains("No migrations to apply"), "{again}");
    served.wrangler(project.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("shop", "/").await, r#"["1:from a migration"]"#);
    served.text("shop", "/add?name=from%20the%20Worker").await;

    let command = "INSERT INTO item (name) VALUES ('é; x'); SELECT name FROM item ORDER BY id";
    let rows = d1(&["execute", "shop", "--remote", "--json", "--command", command]).await.ok().stdout;
    let rows: Value = serde_json::from_str(&rows).expect("JSON");
    assert_eq!(
        rows[1]["results"],
        json!([{ "name": "from a migration" }, { "name": "from the Worker" }, { "name": "é; x" }])
    );
    assert_eq!(rows[0]["meta"]["changes"], 1);
    let refused = d1(&["execute", "shop", "--remote", "--command", "SELECT * FROM missing"]).await.refused().text();
    assert!(refused.contains("no such table: missing") && refused.contains("7500"), "{refused}");

    let info: Value = serde_json::from_str(&d1(&["info", "shop", "--json"]).await.ok().stdout).expect("JSON");
    assert_eq!((&info["name"], &info["num_tables"]), (&json!("shop"), &json!(2)));
    assert!(info["database_size"].as_u64().is_some_and(|size| size >= 8192), "{info}");
    let counted = |key: &str| info[key].as_u64().unwrap_or_else(|| panic!("no {key} in {info}"));
    assert!(counted("read_queries_24h") >= 2 && counted("write_queries_24h") >= 2, "{info}");
    assert!(counted("rows_read_24h") >= 3 && counted("rows_written_24h") >= 3, "{info}");
    let travel = d1(&["time-travel", "info", "shop"]).await.refused().text();
    assert!(travel.contains("Time Travel is not supported"), "{travel}");

    d1(&["delete", "shop", "-y"]).await.ok();
    let (status, gone) = served.ask("POST", &format!("/d1/database/{id}/query"), r#"{"sql":"SELECT 1"}"#).await;
    assert_eq!((status, code(&gone)), (404, 7404));
    assert_eq!(served.request("GET", "shop", "/").send().await.status(), 500);
    assert_eq!(std::fs::read_dir(served.data().join("d1")).expect("the folder").count(), 0);
    let refused = served.wrangler(project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("10181") && refused.contains(&id), "{refused}");
}

#[tokio::test]
async fn files_of_sql_are_imported_and_exported() {
    let served = Served::start().await;
    let id = database(&served, "shop").await;
    let project = Project::named("shop", &bound(&id), WORKER);
    let d1 = async |args: &[&str]| served.wrangler(project.path(), &[&["d1"][..], args].concat()).await;
    let mut sql = String::from(
        "CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, \"odd \"\"name\" BLOB);
         CREATE INDEX by_name ON item (name);
         CREATE TRIGGER t AFTER DELETE ON item BEGIN INSERT INTO item (name) VALUES ('again; ' || old.id); END;
         CREATE VIEW names AS SELECT name FROM item;",
    );
    for number in 0..20_000 {
        sql.push_str(&format!("INSERT INTO item (name, \"odd \"\"name\") VALUES ('it''s é; {number}', x'00ff');\n"));
    }
    project.write("all.sql", &sql);
    let done = d1(&["execute", "shop", "--remote", "--file", "all.sql", "--yes"]).await.ok().text();
    assert!(done.contains("Executed 20004 queries"), "{done}");

    d1(&["export", "shop", "--remote", "--output", "dump.sql"]).await.ok();
    let dump = std::fs::read_to_string(project.join("dump.sql")).expect("the export");
    assert!(dump.starts_with("PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE item"), "{}", &dump[..200]);
    assert!(dump.contains("VALUES(20000,'it''s é; 19999',X'00FF');\n"), "{}", &dump[dump.len() - 600..]);
    // What was exported makes the same again.
    let other = database(&served, "other").await;
    d1(&["execute", "other", "--remote", "--file", "dump.sql", "--yes"]).await.ok();
    d1(&["export", "other", "--remote", "--output", "again.sql"]).await.ok();
    assert!(std::fs::read_to_string(project.join("again.sql")).expect("the export") == dump);
    d1(&["export", "shop", "--remote", "--no-data", "--output", "schema.sql"]).await.ok();
    let schema = std::fs::read_to_string(project.join("schema.sql")).expect("the export");
    assert!(!schema.contains("INSERT INTO \"item\"") && schema.contains("CREATE VIEW names"), "{schema}");

    // All of a file happens, or nothing.
    project.write("wrong.sql", "DELETE FROM item; INSERT INTO item (missing) VALUES (1);");
    let refused = d1(&["execute", "shop", "--remote", "--file", "wrong.sql", "--yes"]).await.refused().text();
    assert!(refused.contains("has no column named missing") && refused.contains("statement 2"), "{refused}");
    project.write("wrong.sql", "BEGIN TRANSACTION; DELETE FROM item; COMMIT;");
    let refused = d1(&["execute", "shop", "--remote", "--file", "wrong.sql", "--yes"]).await.refused().text();
    assert!(refused.contains("BEGIN TRANSACTION or SAVEPOINT"), "{refused}");
    let (_, count) =
        served.ask("POST", &format!("/d1/database/{id}/query"), r#"{"sql":"SELECT count(*) n FROM item"}"#).await;
    assert_eq!(count["result"][0]["results"][0]["n"], 20_000);
    served
        .ask("POST", &format!("/d1/database/{other}/query"), r#"{"sql":"CREATE VIRTUAL TABLE f USING fts5(a)"}"#)
        .await;
    let refused = d1(&["export", "other", "--remote", "--output", "fts.sql"]).await.refused().text();
    assert!(refused.contains("Virtual Tables"), "{refused}");
}

#[tokio::test]
async fn queries_take_parameters_and_answer_in_two_forms() {
    let served = Served::start().await;
    let id = database(&served, "shop").await;
    let query = async |form: &str, body: Value| {
        let (status, answer) = served.ask("POST", &format!("/d1/database/{id}/{form}"), &body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer["result"].clone()
    };
    query("query", json!({ "sql": "CREATE TABLE t (a TEXT, b INTEGER, c BLOB)" })).await;
    let made = query(
        "query",
        json!({ "sql": "DELETE FROM t; INSERT INTO t VALUES (?, ?, ?)", "params": ["x' OR 1", 5, [1, 255]] }),
    );
    assert_eq!(made.await[1]["meta"]["changes"], 1);
    let rows = query("query", json!({ "sql": "SELECT * FROM t" })).await;
    assert_eq!(rows[0]["results"], json!([{ "a": "x' OR 1", "b": 5, "c": [1, 255] }]));
    let raw = query("raw", json!({ "sql": "SELECT a, b FROM t WHERE b = ?", "params": [5] })).await;
    assert_eq!(raw[0]["results"], json!({ "columns": ["a", "b"], "rows": [["x' OR 1", 5]] }));
    let batch = json!({ "batch": [{ "sql": "SELECT ? AS one", "params": ["1"] }, { "sql": "SELECT 2 AS two" }] });
    assert_eq!(query("query", batch).await[1]["results"], json!([{ "two": 2 }]));
    // All happen or none.
    let half = r#"{"sql":"INSERT INTO t VALUES ('y', 1, NULL); SELECT * FROM missing"}"#;
    assert_eq!(served.ask("POST", &format!("/d1/database/{id}/query"), half).await.0, 400);
    assert_eq!(query("raw", json!({ "sql": "SELECT count(*) FROM t" })).await[0]["results"]["rows"], json!([[1]]));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let served = Served::start().await;
    for number in 0..21 {
        database(&served, &format!("d{number:02}")).await;
    }
    let listed = served.wrangler(Project::empty().path(), &["d1", "list", "--json"]).await.ok().stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).expect("a list");
    assert_eq!((listed.len(), &listed[20]["name"]), (21, &json!("d20")));
    let (_, found) = served.ask("GET", "/d1/database?name=d1&per_page=3&page=2", "").await;
    assert_eq!((&found["result"][0]["name"], &found["result_info"]["total_count"]), (&json!("d13"), &json!(10)));
}

#[tokio::test]
async fn hostile_requests_are_refused_and_other_accounts_see_nothing() {
    let mut served = Served::start().await;
    let id = database(&served, "shop").await;
    let base = format!("/d1/database/{id}");
    let long = format!(r#"{{"sql":"SELECT '{}'"}}"#, "x".repeat(100_001));
    let cases: &[(&str, &str, &str, u16, u64)] = &[
        ("POST", "/query", &long, 400, 7500),
        ("POST", "/query", r#"{"sql":""}"#, 400, 7500),
        ("POST", "/query", r#"{"sql":"ATTACH 'registry.sqlite' AS r"}"#, 400, 7500),
        ("POST", "/query", r#"{"sql":"BEGIN"}"#, 400, 7500),
        ("POST", "/query", r#"{"sql":"SELECT ?","params":[]}"#, 400, 7500),
        ("POST", "/query", r#"{"sql":"SELECT ?","params":[{}]}"#, 400, 7400),
        ("POST", "/raw", "nonsense", 400, 10029),
        ("POST", "/import", r#"{"action":"init","etag":"../../x"}"#, 400, 7400),
        ("POST", "/import", r#"{"action":"ingest","etag":"00000000000000000000000000000000"}"#, 400, 7400),
        ("POST", "/import", r#"{"action":"poll","current_bookmark":"x"}"#, 400, 7500),
        ("POST", "/export", r#"{"output_format":"polling","current_bookmark":"x"}"#, 400, 7500),
        ("POST", "/export", r#"{"output_format":"file"}"#, 400, 7400),
        ("POST", "/time_travel/restore", "", 400, 7500),
    ];
    for (method, path, body, status, expected) in cases {
        let (found, answer) = served.ask(method, &format!("{base}{path}"), body).await;
        assert_eq!((found, code(&answer)), (*status, *expected), "{method} {path}: {answer}");
    }
    for (body, expected) in [(r#"{"name":"../x"}"#, 7400), (r#"{"name":"shop"}"#, 7502), ("{}", 10029)] {
        let (status, answer) = served.ask("POST", "/d1/database", body).await;
        assert_eq!((status, code(&answer)), (400, expected), "{body}: {answer}");
    }

    // A link takes one file, the one that was announced, and leads nowhere else.
    let link = async || {
        let body = format!(r#"{{"action":"init","etag":"{}"}}"#, "0".repeat(32));
        let (_, answer) = served.ask("POST", &format!("{base}/import"), &body).await;
        let url = answer["result"]["upload_url"].as_str().expect("a link").to_owned();
        url.rsplit_once('/').expect("a path").1.to_owned()
    };
    let send = async |method: &str, path: &str, body: &'static str| {
        harness::Request::new(served.api_address(), method, path).body(body).await
    };
    let secret = link().await;
    let wrong = text(send("PUT", &format!("/d1/uploads/{secret}"), "SELECT 1").await).await;
    assert!(wrong.contains("was announced"), "{wrong}");
    assert_eq!(send("GET", &format!("/d1/exports/{secret}"), "").await.status(), 404);
    for path in ["/d1/uploads/x", "/d1/uploads/..%2F..%2Fregistry", "/d1/uploads/%FF"] {
        let status = send("PUT", path, "SELECT 1").await.status().as_u16();
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    for _ in 0..15 {
        link().await;
    }
    let body = format!(r#"{{"action":"init","etag":"{}"}}"#, "0".repeat(32));
    assert_eq!(served.ask("POST", &format!("{base}/import"), &body).await.0, 429);

    let (account, token) = served.another_account().await;
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/query"), ("POST", "/raw"), ("POST", "/export")] {
        let path = format!("/accounts/{account}{base}{path}");
        let body = r#"{"sql":"SELECT 1","output_format":"polling"}"#;
        let (status, answer) = served.ask_as(&token, method, &path, body).await;
        assert_eq!((status, code(&answer)), (404, 7404), "{method} {path}");
    }
    // A namespace's id is no database's.
    let (_, namespace) = served.ask("POST", "/storage/kv/namespaces", r#"{"title":"n"}"#).await;
    let namespace = namespace["result"]["id"].as_str().expect("an id");
    assert_eq!(served.ask("GET", &format!("/d1/database/{namespace}"), "").await.0, 404);
    served.assert_alive();
}

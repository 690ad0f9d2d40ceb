//! Hyperdrive of a host: the stock wrangler makes configurations, and Workers ask PostgreSQL through them with the drivers that people use.

mod configs;

use std::collections::HashSet;

use harness::postgres::{PASSWORD, USER};
use harness::{Postgres, Project, Served, eventually};
use serde_json::{Value, json};

/// Databases of this machine may be reached.
const ALLOWED: &str = "[outbound]\nallow_private = true\n";

struct Fixture {
    served: Served,
    postgres: Postgres,
    /// The configuration's id.
    id: String,
}

// === impl Fixture ===

impl Fixture {
    /// A Worker that is bound to a database, by a pool of five connections.
    async fn new() -> Self {
        Self::over(Postgres::start().await).await
    }

    async fn over(postgres: Postgres) -> Self {
        let served = Served::configured(ALLOWED).await;
        let made = ask(&served, "POST", "", &body(&postgres)).await;
        let id = made["result"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        let fixture = Self { served, postgres, id };
        fixture.deploy("worker").await;
        fixture
    }

    async fn deploy(&self, name: &str) {
        self.served.wrangler(project(name, &self.id).path(), &["deploy"]).await.ok();
    }

    async fn step(&self, step: &str) -> Value {
        let answer = self.served.text("worker", &format!("/{step}")).await;
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("/{step} is not JSON ({error}):\n{answer}"))
    }
}

/// The Worker of `tests/hyperdrive`, with the drivers of `tests/node_modules`.
fn project(name: &str, id: &str) -> Project {
    let source = std::fs::read_to_string(harness::root().join("tests/hyperdrive/index.js")).expect("the Worker");
    let config = format!(
        "compatibility_flags = [\"nodejs_compat\"]\n[limits]\ncpu_ms = 10000\n[[hyperdrive]]\nbinding = \"HYPERDRIVE\"\nid = \"{id}\"\n"
    );
    let project = Project::named(name, &config, &source);
    std::os::unix::fs::symlink(harness::root().join("tests/node_modules"), project.join("node_modules")).unwrap();
    project
}

fn body(postgres: &Postgres) -> Value {
    json!({ "name": "shop", "origin": origin(postgres.port()), "origin_connection_limit": 5 })
}

fn origin(port: u16) -> Value {
    json!({ "scheme": "postgres", "host": "127.0.0.1", "port": port, "database": "postgres", "user": USER, "password": PASSWORD })
}

async fn ask(served: &Served, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    served.ask(method, &format!("/hyperdrive/configs{path}"), &body).await.1
}

fn code(answer: &Value) -> u64 {
    answer["errors"][0]["code"].as_u64().unwrap_or_else(|| panic!("no code in {answer}"))
}

#[tokio::test]
async fn what_may_not_be_reached_any_more_is_not_used() {
    let fixture = Fixture::new().await;
    assert!(fixture.step("pid").await.is_number());
    let config = fixture.served.folder().join("skerry.toml");
    let before = std::fs::read_to_string(&config).expect("the configuration");
    std::fs::write(&config, before.replace(ALLOWED, "")).expect("a configuration");
    fixture.served.hang_up().await;
    eventually(async || fixture.step("pid").await.to_string().contains("failed: address_not_allowed")).await;
}

#[tokio::test]
async fn drivers_find_a_database() {
    let fixture = Fixture::new().await;
    let facts = fixture.step("facts").await;
    assert_eq!(facts["own"], json!(["connectionString", "port", "host", "user", "password", "database"]));
    assert_eq!(facts["tag"], "[object Hyperdrive]");
    let fact = |name: &str| facts[name].as_str().unwrap().to_owned();
    assert!(fact("host").ends_with(".hyperdrive.local") && facts["port"] == 5432, "{facts}");
    let url = format!(
        "postgresql://{}:{}@{}:5432/{}?sslmode=disable",
        fact("user"),
        fact("password"),
        fact("host"),
        fact("database")
    );
    assert_eq!(facts["connectionString"], url);
    assert!(!facts.to_string().contains(PASSWORD) && !facts.to_string().contains(USER), "{facts}");

    let missing = json!({ "code": "42P01", "message": "relation \"nothing\" does not exist" });
    let pg = fixture.step("pg").await;
    let row = json!({
        "sum": 3, "text": "naïve ☃", "at": "1970-01-01T00:00:00.000Z", "json": { "a": [1] }, "bytes": { "type": "Buffer", "data": [0, 255] },
    });
    let expected = json!({
        "parameters": [row], "who": [{ "user": USER, "database": "postgres" }], "several": [{ "a": 1 }, { "b": 2 }], "empty": [],
        "error": missing, "after": [{ "one": 1 }],
    });
    assert_eq!(pg, expected);

    let transaction = fixture.step("transaction").await;
    let counts = ["within", "rolledBack", "committed"].map(|name| transaction[name].as_i64());
    assert_eq!(counts, [Some(1), Some(0), Some(1)], "{transaction}");
    assert_eq!((&transaction["error"]["code"], &transaction["aborted"]["code"]), (&json!("23505"), &json!("25P02")));

    let named = fixture.step("named").await;
    assert_eq!(
        named,
        json!({ "answers": [[0, 0], [2, 3], [4, 6], [6, 9]], "error": missing, "left": [{ "count": 0 }] })
    );

    let js = fixture.step("js").await;
    let expected = json!({
        "repeated": [{ "n": 1 }, { "n": 2 }, { "n": 3 }], "parallel": true, "begun": 0,
        "rolledBack": { "code": "MINE", "message": "changed my mind" }, "cursor": [[1, 2], [3, 4], [5]], "count": 0,
        "error": missing, "name": "postgres.js",
    });
    assert_eq!(js, expected);

    assert_eq!(fixture.step("large").await, json!({ "length": 4_194_304, "same": true }));
    assert_eq!(fixture.step("copy").await, "1\n2\n");
    assert_eq!(fixture.step("listen").await, "hello");
    let asked = json!([{ "name": "it's me", "timeout": "4321ms" }]);
    assert_eq!(fixture.step("asked").await, asked);
    let cancelled = fixture.step("cancel").await;
    assert_eq!(
        (&cancelled["outcome"]["code"], &cancelled["after"]),
        (&json!("57014"), &json!([{ "one": 1 }])),
        "{cancelled}"
    );
}

#[tokio::test]
async fn connections_are_few_and_used_again() {
    let fixture = Fixture::new().await;
    let first = fixture.step("pid").await;
    for _ in 0..10 {
        assert_eq!(fixture.step("pid").await, first, "one after the other, all have the same connection");
    }
    let connected =
        "select count(*) from pg_stat_activity where backend_type = 'client backend' and application_name != 'psql'";
    let busy = futures::future::join_all((0..100).map(|_| fixture.step("busy")));
    let watching = async {
        loop {
            let count = fixture.postgres.sql(connected).await.parse::<usize>().unwrap();
            assert!(count <= 5, "{count} connections");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let pids = tokio::select! {
        pids = busy => pids,
        () = watching => unreachable!("it watches until the queries are done"),
    };
    let different: HashSet<i64> = pids.iter().map(|pid| pid.as_i64().unwrap_or_else(|| panic!("{pid}"))).collect();
    assert!((2..=5).contains(&different.len()) && different.contains(&first.as_i64().unwrap()), "{different:?}");
}

#[tokio::test]
async fn nothing_leaks_from_one_client_to_the_next() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.step("pid").await, fixture.step("pid").await);
    assert_eq!(fixture.step("set").await, "skerry hyperdrive", "it held for the query that set it");
    let clean = json!([{ "name": "skerry hyperdrive", "table": null, "locks": 0, "prepared": 0 }]);
    for _ in 0..3 {
        assert_eq!(fixture.step("show").await, clean);
    }
    assert_eq!(fixture.step("prepare").await, json!([{ "one": 1 }]), "the client has kept its connection");
    for _ in 0..3 {
        assert_eq!(fixture.step("show").await, clean);
    }
    assert_eq!(fixture.step("leave").await, "left");
    // The query of the one that left is cancelled, and its transaction is rolled back.
    let sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep%' and application_name != 'psql'";
    eventually(async || fixture.postgres.sql(sleeping).await == "0").await;
    for _ in 0..3 {
        assert_eq!(fixture.step("found").await, json!([{ "count": 0, "fresh": true }]));
    }
}

#[tokio::test]
async fn a_hostile_worker_ends_its_own_connection_alone() {
    let fixture = Fixture::new().await;
    let before = fixture.step("pid").await;
    let refused = fixture.step("garbage").await;
    for answer in refused.as_array().unwrap() {
        assert!(answer.as_str().unwrap().contains("08P01"), "{answer}");
    }
    let wrong = fixture.step("wrong").await;
    assert_eq!(wrong["connect"]["code"], "28P01", "{wrong}");
    assert_eq!(fixture.step("replication").await["connect"]["code"], "0A000");
    let nonsense = fixture.step("nonsense").await;
    assert_eq!(nonsense["code"], "08P01", "{nonsense}");
    assert!(fixture.step("pid").await.is_number());
    assert!(before.is_number());

    // A Worker without the binding knows no such host.
    let facts = fixture.step("facts").await;
    let source = format!(
        "import {{ connect }} from 'cloudflare:sockets';
        export default {{ async fetch() {{
          try {{ await connect('{}:5432').opened; return new Response('in'); }} catch (error) {{ return new Response(error.message); }}
        }} }};",
        facts["host"].as_str().unwrap()
    );
    fixture.served.wrangler(Project::named("stranger", "", &source).path(), &["deploy"]).await.ok();
    let told = fixture.served.text("stranger", "/").await;
    assert!(told.contains("cannot connect to the specified address"), "{told}");
}

#[tokio::test]
async fn an_origin_that_fails_is_told_of_and_comes_back() {
    let mut fixture = Fixture::new().await;
    assert!(fixture.step("pid").await.is_number());
    fixture.postgres.kill().await;
    // Whoever had the connection hears the server's last words, and may be answered until its process has noticed.
    let refused = "Server connection attempt failed: connection_refused";
    eventually(async || {
        let down = fixture.step("pid").await.to_string();
        down.contains("58000") && down.contains(refused)
    })
    .await;
    fixture.postgres.again().await;
    assert!(fixture.step("pid").await.is_number());

    // Another password: what the origin says is what the driver shows.
    fixture.postgres.sql(&format!("alter user {USER} password 'another'")).await;
    let configured = format!("/{}", fixture.id);
    let mut changed = body(&fixture.postgres);
    changed["origin"]["password"] = "another".into();
    let answer = ask(&fixture.served, "PUT", &configured, &changed).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert!(fixture.step("pid").await.is_number(), "what is deployed already uses the new password");

    fixture.served.kill().await;
    fixture.served.again().await;
    assert!(fixture.step("pid").await.is_number());
    ask(&fixture.served, "DELETE", &configured, &Value::Null).await;
    let gone = fixture.step("pid").await;
    assert_eq!(gone["connect"]["message"], "This Hyperdrive configuration does not exist any more.");
}

#[tokio::test]
async fn tls_is_used_where_the_server_has_it() {
    let fixture = Fixture::over(Postgres::secured().await).await;
    let pid = fixture.step("pid").await;
    let secured = format!("select ssl from pg_stat_ssl where pid = {pid}");
    assert_eq!(fixture.postgres.sql(&secured).await, "t");
    let mut required = body(&fixture.postgres);
    (required["name"], required["mtls"]) = (json!("required"), json!({ "sslmode": "require" }));
    let made = ask(&fixture.served, "POST", "", &required).await;
    assert_eq!(made["result"]["mtls"], json!({ "sslmode": "require" }), "{made}");
}

//! Hyperdrive in development: `skerry dev` and `skerry check` with a database of this machine.

use harness::postgres::{PASSWORD, USER};
use harness::{Dev, Postgres, Project, skerry};
use serde_json::json;

fn project(more: &str) -> Project {
    let source = std::fs::read_to_string(harness::root().join("tests/hyperdrive/index.js")).expect("the Worker");
    let config = format!(
        "compatibility_flags = [\"nodejs_compat\"]\n[[hyperdrive]]\nbinding = \"HYPERDRIVE\"\nid = \"anything\"\n{more}"
    );
    let project = Project::configured(&config, &source);
    std::os::unix::fs::symlink(harness::root().join("tests/node_modules"), project.join("node_modules")).unwrap();
    project
}

#[tokio::test]
async fn a_local_database_is_named_by_the_configuration_or_the_environment() {
    let postgres = Postgres::start().await;
    let configured = project(&format!("localConnectionString = \"{}\"\n", postgres.url()));
    let dev = Dev::start(&configured).await;
    let pid = dev.json("/pid").await;
    assert!(pid.is_number(), "{pid}");
    assert_eq!(dev.json("/pid").await, pid, "the same connection again");
    assert_eq!(dev.json("/pg").await["who"], json!([{ "user": USER, "database": "postgres" }]));
    assert!(!dev.text("/facts").await.contains(PASSWORD));
    skerry(configured.path(), &["check"]).await.ok();

    // The environment comes first.
    let elsewhere = project("localConnectionString = \"postgres://nobody:x@127.0.0.1:1/nothing\"\n");
    for name in [
        "CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE",
        "WRANGLER_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE",
    ] {
        let dev = Dev::environment(&[(name, &postgres.url())], &[], &[elsewhere.path()]).await;
        assert!(dev.json("/pid").await.is_number());
    }
    let down = Dev::start(&elsewhere).await;
    let refused = json!({ "code": "58000", "message": "Server connection attempt failed: connection_refused" });
    assert_eq!(down.json("/pid").await["connect"], refused);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let missing = skerry(project("").path(), &["check"]).await.refused().text();
    assert!(missing.contains("CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE"), "{missing}");
    let mysql = project("localConnectionString = \"mysql://u:p@127.0.0.1/d\"\n");
    let refused = skerry(mysql.path(), &["check"]).await.refused().text();
    assert!(refused.contains("PostgreSQL alone"), "{refused}");
    let wrong = project("localConnectionString = \"postgres://u:p@127.0.0.1\"\n");
    let refused = skerry(wrong.path(), &["check"]).await.refused().text();
    assert!(refused.contains("`HYPERDRIVE`") && refused.contains("no database"), "{refused}");
}

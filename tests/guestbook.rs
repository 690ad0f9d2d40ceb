//! examples/guestbook, with a database of this machine.

use harness::{Dev, Postgres, Project};

#[tokio::test]
async fn entries_are_left_and_read() {
    let postgres = Postgres::start().await;
    let project = Project::copy_of("examples/guestbook");
    std::os::unix::fs::symlink(harness::root().join("tests/node_modules"), project.join("node_modules")).unwrap();
    let schema = std::fs::read_to_string(project.join("schema.sql")).expect("the schema");
    postgres.sql(&schema).await;
    let variable = ("CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE", postgres.url());
    let dev = Dev::environment(&[(variable.0, &variable.1)], &[], &[project.path()]).await;
    for (entry, answer) in
        [("What a view!", "entry 1\n"), ("it's \"windy\"", "entry 2\n"), ("", "1 to 500 characters, please\n")]
    {
        assert_eq!(harness::text(dev.request("POST", "/").body(entry).await).await, answer);
    }
    assert_eq!(dev.text("/").await, "2: it's \"windy\"\n1: What a view!\n");
    assert_eq!(dev.request("PUT", "/").send().await.status(), 405);
}

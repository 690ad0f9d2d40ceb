//! The S3 API of a server, for clients of S3 with the tokens of its accounts.

use harness::{Project, Served};
use tokio::process::Command;

use crate::s3::{python, script, travel};

const S3: &str = "[s3]\nlisten = \"127.0.0.1:0\"\n";

#[tokio::test]
async fn an_accounts_tokens_open_its_buckets() {
    its_tokens_open_its_buckets(Served::configured(S3).await).await;
}

#[tokio::test]
async fn the_same_where_each_account_has_a_process() {
    its_tokens_open_its_buckets(Served::with("isolate_accounts = true\n", S3).await).await;
}

async fn its_tokens_open_its_buckets(served: Served) {
    let endpoint = served.line("the S3 API of R2: ").await.split_once("R2: ").expect("an address").1.trim().to_owned();
    let project = Project::named(
        "viewer",
        "[[r2_buckets]]\nbinding = \"PHOTOS\"\nbucket_name = \"photos\"",
        "export default { async fetch(request, env) {
           const object = await env.PHOTOS.get(new URL(request.url).pathname.slice(1));
           return new Response(object && await object.text());
         } };",
    );
    std::fs::write(project.path().join("text.txt"), "from wrangler").expect("a file");
    for command in [
        &["r2", "bucket", "create", "photos"][..],
        &["r2", "object", "put", "photos/by-wrangler.txt", "--file", "text.txt", "--remote"],
        &["deploy"],
    ] {
        served.wrangler(project.path(), command).await.ok();
    }

    let keys = async |scope: &str| {
        let args = ["token", "create", scope, "--scope", scope, "--json", "--config", "skerry.toml"];
        let made = harness::skerry(served.folder(), &args).await.ok().text();
        let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
        let s3 = &made["s3"];
        // Without a scope of R2's nothing is shown.
        let secret = s3["secret_access_key"].as_str().unwrap_or("none").to_owned();
        (made["id"].as_str().expect("an id").to_owned(), secret)
    };
    let (all, read, workers) = (keys("r2:write").await, keys("r2:read").await, keys("workers:write").await);
    assert_eq!(workers.1, "none");
    let revoked = keys("r2:write").await;
    harness::skerry(served.folder(), &["token", "revoke", &revoked.0, "--config", "skerry.toml"]).await.ok();
    let beside = async |args: &[&str]| {
        let args = [args, &["--config", "skerry.toml"]].concat();
        harness::skerry(served.folder(), &args).await.ok().text()
    };
    beside(&["account", "create", "other"]).await;
    let other = beside(&["token", "create", "other", "--account", "other", "--json"]).await;
    let other: serde_json::Value = serde_json::from_str(&other).expect("JSON");
    let other = &other["s3"];
    let other =
        format!("{}:{}", other["access_key_id"].as_str().unwrap(), other["secret_access_key"].as_str().unwrap());
    if served.data().join("accounts").exists() {
        harness::eventually(|| async {
            served.request_to("GET", "x.other.localhost", "/").send().await.status() == 404
        })
        .await;
        harness::eventually(|| async { served.data().join("accounts/other/s3.sock").exists() }).await;
    }
    let sha256 = |text: &str| registry::token_hash(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();

    let mut client = Command::new(python("python"));
    client.arg(script("served.py"));
    client.env("S3_ENDPOINT", &endpoint).env("S3_ACCOUNT", &served.account).kill_on_drop(true);
    let pair = |(id, secret): &(String, String)| format!("{id}:{secret}");
    client.env("S3_ALL", pair(&all)).env("S3_READ", pair(&read)).env("S3_REVOKED", pair(&revoked));
    client.env("S3_WORKERS", format!("{}:{}", workers.0, sha256("whatever")));
    client.env("S3_WRONG", format!("{}:{}", all.0, read.1));
    client.env("S3_OTHER", other);
    travel(client).await;
    assert_eq!(served.text("viewer", "/by-boto3.txt").await, "from boto3");
}

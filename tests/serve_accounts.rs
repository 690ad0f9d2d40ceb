//! Accounts on one server: none sees, reaches or changes what is another's.

use harness::{Origin, Project, Served, skerry, text};
use serde_json::Value;

/// A second account: its id and a token.
async fn second(served: &Served) -> (String, String) {
    let folder = served.folder();
    let made = skerry(folder, &["account", "create", "shop", "--plan", "free", "--config", "skerry.toml"]).await.ok();
    let token =
        skerry(folder, &["token", "create", "first", "--account", "shop", "--config", "skerry.toml"]).await.ok();
    (made.stdout.trim().to_owned(), token.stdout.trim().to_owned())
}

async fn ask(served: &Served, token: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let request = served.api_without(method, path).header("authorization", &format!("Bearer {token}"));
    let answer = request.header("content-type", "application/json").body(body.to_owned()).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&text(answer).await).unwrap())
}

#[tokio::test]
async fn accounts_are_apart() {
    let mut served = Served::start().await;
    let (shop, token) = second(&served).await;
    // The server need not be started again for it, but a Worker's host is known from its first deployment on.
    let source = |text: &str| format!("export default {{ fetch() {{ return new Response('{text}'); }} }};");
    let mine = Project::named("hello", "", &source("mine"));
    served.wrangler(mine.path(), &["deploy"]).await.ok();
    let first_account = std::mem::replace(&mut served.account, shop.clone());
    let theirs = Project::named("hello", "", &source("theirs"));
    served.wrangler_as(&token, theirs.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("hello", "/").await, "mine");
    assert_eq!(text(served.request_to("GET", "hello.shop.localhost", "/").send().await).await, "theirs");
    assert_eq!(text(served.request_to("GET", "hello.main.localhost", "/").send().await).await, "mine");

    // A token is for its own account alone, whatever the path says.
    for (token, account) in [(token.as_str(), &first_account), (served.token.as_str(), &shop)] {
        for path in ["workers/scripts", "workers/scripts/hello/settings", "audit_logs", "workers/subdomain"] {
            let (status, body) = ask(&served, token, "GET", &format!("/accounts/{account}/{path}"), "").await;
            assert_eq!((status, &body["errors"][0]["code"]), (403, &10000.into()), "{path}");
        }
    }
    let (_, accounts) = ask(&served, &token, "GET", "/accounts", "").await;
    assert_eq!(accounts["result"].as_array().unwrap().len(), 1);
    assert_eq!(accounts["result"][0]["id"], shop.as_str());

    // What is bound by name is found in one's own account; what is deleted there is gone there alone.
    let caller = Project::named(
        "caller",
        "[[services]]\nbinding = \"HELLO\"\nservice = \"hello\"",
        "export default { fetch(r, env) { return env.HELLO.fetch(r); } };",
    );
    served.wrangler_as(&token, caller.path(), &["deploy"]).await.ok();
    assert_eq!(text(served.request_to("GET", "caller.shop.localhost", "/").send().await).await, "theirs");
    let path = format!("/accounts/{shop}/workers/scripts/hello?force=true");
    assert_eq!(ask(&served, &token, "DELETE", &path, "").await.0, 200);
    assert_eq!(text(served.request_to("GET", "caller.shop.localhost", "/").send().await).await, "error code: 1101");
    assert_eq!(served.text("hello", "/").await, "mine");

    let listed = skerry(served.folder(), &["token", "list", "--json", "--config", "skerry.toml"]).await.ok();
    let tokens: Value = serde_json::from_str(&listed.stdout).unwrap();
    let id = tokens.as_array().unwrap().iter().find(|known| known["account"] == shop.as_str()).unwrap()["id"]
        .as_str()
        .unwrap();
    skerry(served.folder(), &["token", "revoke", id, "--config", "skerry.toml"]).await.ok();
    assert_eq!(ask(&served, &token, "GET", "/user/tokens/verify", "").await.0, 401);
}

#[tokio::test]
async fn what_is_wrong_on_the_command_line_is_said() {
    let served = Served::start().await;
    let folder = served.folder();
    let refused = skerry(folder, &["account", "create", "A B", "--config", "skerry.toml"]).await.refused().text();
    assert!(refused.contains("--subdomain"), "{refused}");
    let refused =
        skerry(folder, &["account", "create", "x", "--plan", "gold", "--config", "skerry.toml"]).await.refused();
    assert!(refused.text().contains("no plan"), "{}", refused.text());
    let refused = skerry(folder, &["account", "create", "main", "--config", "skerry.toml"]).await.refused().text();
    assert!(refused.contains("is there already"), "{refused}");
    let refused =
        skerry(folder, &["token", "create", "x", "--scope", "everything", "--config", "skerry.toml"]).await.refused();
    assert!(refused.text().contains("is no scope"), "{}", refused.text());
    let refused = skerry(folder, &["token", "list"]).await.ok().text();
    assert!(refused.contains("first"), "{refused}");
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = skerry(elsewhere.path(), &["token", "list"]).await.refused().text();
    assert!(refused.contains("skerry serve"), "{refused}");
    std::fs::write(elsewhere.path().join("skerry.toml"), "htp = 1").unwrap();
    let refused = skerry(elsewhere.path(), &["serve", "--config", "skerry.toml"]).await.refused().text();
    assert!(refused.contains("skerry.toml:1") && refused.contains("did you mean `http`"), "{refused}");
}

#[tokio::test]
async fn an_account_may_reach_what_it_is_allowed_to() {
    let origin = Origin::start(|_| async { Origin::text("inside") }).await;
    let mut served = Served::start().await;
    let (shop, token) = second(&served).await;
    served.terminate().await;
    served.ended().await;
    let config = served.folder().join("skerry.toml");
    let before = std::fs::read_to_string(&config).expect("the configuration");
    let allow = "[[outbound.allow]]\naccount = \"shop\"\nnetworks = [\"127.0.0.0/8\"]\n";
    std::fs::write(&config, format!("{before}{allow}")).expect("a configuration");
    served.again().await;
    let source = format!(
        "import {{ connect }} from 'cloudflare:sockets';
         export default {{ async fetch() {{
           const got = await fetch('{url}').then((answer) => answer.text(), (error) => error.message);
           const socket = connect('{address}');
           const opened = await socket.opened.then(() => 'open', () => 'closed');
           return Response.json([got, opened]);
         }} }};",
        url = origin.url("/"),
        address = origin.address(),
    );
    let project = Project::named("reacher", "", &source);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    served.account = shop;
    served.wrangler_as(&token, project.path(), &["deploy"]).await.ok();
    let refused = served.text("reacher", "/").await;
    assert!(refused.contains("is not a public address") && refused.contains("closed"), "{refused}");
    let allowed = served.request_to("GET", "reacher.shop.localhost", "/").send().await;
    assert_eq!(text(allowed).await, r#"["inside","open"]"#);
}

//! A host for many Workers: the stock wrangler deploys to it, and what is deployed answers at its own host.

use harness::{Project, Served, text};

const HELLO: &str = "export default { fetch() { return new Response('one'); } };";

fn hello(source: &str) -> Project {
    Project::named("hello", "", source)
}

#[tokio::test]
async fn wrangler_deploys_and_the_worker_answers() {
    let served = Served::start().await;
    let project = hello(HELLO);
    let whoami = served.wrangler(project.path(), &["whoami"]).await.ok().text();
    assert!(whoami.contains(&served.account), "{whoami}");

    assert_eq!(served.request("GET", "hello", "/").send().await.status(), 404);
    let deployed = served.wrangler(project.path(), &["deploy"]).await.ok().text();
    assert!(deployed.contains("Current Version ID:") && deployed.contains("Worker Startup Time:"), "{deployed}");
    assert_eq!(served.text("hello", "/").await, "one");

    project.write("index.js", HELLO.replace("one", "two"));
    served.wrangler(project.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("hello", "/").await, "two");

    let gone = served.wrangler(project.path(), &["delete", "--force"]).await.ok().text();
    assert!(gone.contains("Successfully deleted hello"), "{gone}");
    assert_eq!(served.request("GET", "hello", "/").send().await.status(), 404);
}

#[tokio::test]
async fn what_was_deployed_outlives_a_crash() {
    let mut served = Served::start().await;
    let project = Project::named(
        "hello",
        "[vars]\nNAME = \"crash\"",
        "export default { fetch(_, env) { return new Response(env.NAME); } };",
    );
    served.wrangler(project.path(), &["deploy"]).await.ok();
    served.kill().await;
    served.again().await;
    assert_eq!(served.text("hello", "/").await, "crash");
    // The token was shown once.
    assert!(!served.output().contains("CLOUDFLARE_API_TOKEN"), "{}", served.output());
}

#[tokio::test]
async fn what_cannot_start_is_refused_and_changes_nothing() {
    let served = Served::start().await;
    let project = hello(HELLO);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    project.write("index.js", "throw new Error('at the top'); export default {};");
    let refused = served.wrangler(project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("at the top") && refused.contains("10021"), "{refused}");
    assert_eq!(served.text("hello", "/").await, "one");

    let other = Project::named("other", "[ai]\nbinding = \"AI\"", HELLO);
    let refused = served.wrangler(other.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("binding AI of type ai is not supported"), "{refused}");
    assert_eq!(served.request("GET", "other", "/").send().await.status(), 404);
}

#[tokio::test]
async fn versions_share_the_traffic_and_are_rolled_back() {
    let served = Served::start().await;
    let project = hello(HELLO);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    project.write("index.js", HELLO.replace("one", "two"));
    let uploaded =
        served.wrangler(project.path(), &["versions", "upload", "--message", "the second"]).await.ok().text();
    let second = uploaded.lines().find_map(|line| line.strip_prefix("Worker Version ID: ")).expect("an id").to_owned();
    assert_eq!(served.text("hello", "/").await, "one");
    // By itself, at a host of its own.
    let preview = format!("{}-hello.localhost", &second[..8]);
    assert_eq!(text(served.request_to("GET", &preview, "/").send().await).await, "two");

    let (_, list) = served.ask("GET", "/workers/scripts/hello/versions", "").await;
    let first = list["result"]["items"][1]["id"].as_str().unwrap().to_owned();
    let (half, other) = (format!("{first}@50%"), format!("{second}@50%"));
    served.wrangler(project.path(), &["versions", "deploy", &half, &other, "--yes"]).await.ok();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..64 {
        seen.insert(served.text("hello", "/").await);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["one", "two"]);
    let named = served
        .request("GET", "hello", "/")
        .header("Cloudflare-Workers-Version-Overrides", &format!("hello=\"{second}\""));
    assert_eq!(text(named.send().await).await, "two");

    served.wrangler(project.path(), &["versions", "deploy", &format!("{second}@100%"), "--yes"]).await.ok();
    assert_eq!(served.text("hello", "/").await, "two");
    served.wrangler(project.path(), &["rollback", &first, "--yes", "--message", "back"]).await.ok();
    assert_eq!(served.text("hello", "/").await, "one");

    let listed = served.wrangler(project.path(), &["versions", "list"]).await.ok().text();
    assert!(listed.contains(&second) && listed.contains("the second"), "{listed}");
    let viewed = served.wrangler(project.path(), &["versions", "view", &second]).await.ok().text();
    assert!(viewed.contains(&second), "{viewed}");
    let status = served.wrangler(project.path(), &["deployments", "status"]).await.ok().text();
    assert!(status.contains(&first), "{status}");
    let deployments = served.wrangler(project.path(), &["deployments", "list"]).await.ok().text();
    assert!(deployments.contains("back"), "{deployments}");
}

#[tokio::test]
async fn a_worker_knows_its_version() {
    let served = Served::start().await;
    let source = "export default { fetch: (request, env) => Response.json(env.VERSION) };";
    let project = Project::named("known", "[version_metadata]\nbinding = \"VERSION\"\n", source);
    served.wrangler(project.path(), &["deploy", "--tag", "v1.2"]).await.ok();
    let known: serde_json::Value = serde_json::from_str(&served.text("known", "/").await).expect("JSON");
    let (_, list) = served.ask("GET", "/workers/scripts/known/versions", "").await;
    let version = &list["result"]["items"][0];
    assert_eq!((&known["id"], &known["tag"]), (&version["id"], &"v1.2".into()), "{known} {version}");
    assert_eq!(known["timestamp"], version["metadata"]["created_on"]);
}

#[tokio::test]
async fn secrets_are_sealed_and_outlive_deployments() {
    let served = Served::start().await;
    let source = "export default { fetch(_, env) { return Response.json([env.ONE ?? null, env.TWO ?? null]); } };";
    let project = hello(source);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    project.write("secrets.json", r#"{"ONE":"first secret","TWO":"second secret"}"#);
    served.wrangler(project.path(), &["secret", "bulk", "secrets.json"]).await.ok();
    assert_eq!(served.text("hello", "/").await, r#"["first secret","second secret"]"#);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("hello", "/").await, r#"["first secret","second secret"]"#);

    let listed = served.wrangler(project.path(), &["secret", "list"]).await.ok().text();
    assert!(listed.contains("ONE") && listed.contains("TWO") && !listed.contains("first"), "{listed}");
    let (_, settings) = served.ask("GET", "/workers/scripts/hello/settings", "").await;
    assert!(!settings.to_string().contains("first secret"), "{settings}");
    served.wrangler(project.path(), &["secret", "delete", "TWO"]).await.ok();
    assert_eq!(served.text("hello", "/").await, r#"["first secret",null]"#);
    let (status, _) = served
        .ask("PUT", "/workers/scripts/hello/secrets", r#"{"name":"TWO","text":"again","type":"secret_text"}"#)
        .await;
    assert_eq!(status, 200);
    assert_eq!(served.text("hello", "/").await, r#"["first secret","again"]"#);

    // Several at once leave all else that the Worker is bound to.
    let varied = Project::named("hello", "[vars]\nNAME = \"kept\"", &source.replace("env.TWO", "env.NAME"));
    served.wrangler(varied.path(), &["deploy"]).await.ok();
    varied.write("secrets.json", r#"{"THREE":"third secret"}"#);
    served.wrangler(varied.path(), &["secret", "bulk", "secrets.json"]).await.ok();
    assert_eq!(served.text("hello", "/").await, r#"["first secret","kept"]"#);

    for file in ["registry.sqlite", "registry.sqlite-wal"] {
        let bytes = std::fs::read(served.data().join(file)).unwrap_or_default();
        assert!(!bytes.windows(12).any(|window| window == b"first secret"), "{file} has a secret in the clear");
    }
}

#[tokio::test]
async fn migrations_make_classes_that_the_script_exports() {
    let served = Served::start().await;
    let worker = |migrations: &str, source: &str| {
        let more = format!("[[migrations]]\ntag = \"v1\"\n{migrations}\n");
        Project::named(
            "rooms",
            &more,
            &format!("{source} export default {{ fetch() {{ return new Response('up'); }} }};"),
        )
    };
    let class = "export class Room {}; export const Hall = {};";
    for (migrations, kind, name) in [
        ("new_sqlite_classes = [\"Missing\"]", "new-class", "Missing"),
        ("new_classes = [\"Room\", \"Hall\"]", "new-class", "Hall"),
    ] {
        let refused = served.wrangler(worker(migrations, class).path(), &["deploy"]).await.refused().text();
        let message = format!("Cannot apply {kind} migration to class '{name}' that is not exported by script.");
        assert!(refused.contains(&message) && refused.contains("10070"), "{refused}");
    }
    let long = "R".repeat(256);
    let refused = worker(&format!("new_sqlite_classes = [\"{long}\"]"), &format!("export class {long} {{}};"));
    let refused = served.wrangler(refused.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("256 bytes") && refused.contains("10021"), "{refused}");
    // What was refused has made nothing.
    let (status, _) = served.ask("GET", "/workers/scripts/rooms/settings", "").await;
    assert_eq!(status, 404);
    served.wrangler(worker("new_sqlite_classes = [\"Room\"]", class).path(), &["deploy"]).await.ok();
    assert_eq!(served.text("rooms", "/").await, "up");
}

#[tokio::test]
async fn objects_and_services_are_deployed() {
    let served = Served::start().await;
    let counter = Project::named(
        "counter",
        "[[durable_objects.bindings]]\nname = \"COUNTERS\"\nclass_name = \"Counter\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Counter\"]",
        "import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
         export class Counter extends DurableObject {
           async add() { const n = 1 + ((await this.ctx.storage.get('n')) ?? 0); await this.ctx.storage.put('n', n); return n; }
         }
         export default class extends WorkerEntrypoint {
           add() { return this.env.COUNTERS.getByName('one').add(); }
           async fetch() { return new Response(String(await this.add())); }
         }",
    );
    served.wrangler(counter.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("counter", "/").await, "1");
    let caller = Project::named(
        "caller",
        "[[services]]\nbinding = \"COUNTER\"\nservice = \"counter\"",
        "export default { async fetch(_, env) { return new Response(String(await env.COUNTER.add())); } };",
    );
    served.wrangler(caller.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("caller", "/").await, "2");
    // Another version has the same objects.
    served.wrangler(counter.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("caller", "/").await, "3");

    let unknown = Project::named(
        "unknown",
        "[[durable_objects.bindings]]\nname = \"X\"\nclass_name = \"X\"",
        "export class X {} export default { fetch() { return new Response(); } };",
    );
    let refused = served.wrangler(unknown.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("10061"), "{refused}");
}

#[tokio::test]
async fn the_api_knows_who_asks() {
    let served = Served::start().await;
    let (status, body) = served.ask("GET", "/workers/scripts", "").await;
    assert_eq!((status, body["result"].as_array().unwrap().len()), (200, 0));
    let without = served.api_without("GET", "/accounts").send().await;
    assert_eq!(without.status(), 400);
    let wrong =
        served.api_without("GET", "/user/tokens/verify").header("authorization", "Bearer nonsense").send().await;
    assert_eq!(wrong.status(), 401);
    let other = served.api("GET", "/accounts/0123456789abcdef0123456789abcdef/workers/scripts").send().await;
    assert_eq!(other.status(), 403);

    // A token that may only read.
    let made = harness::skerry(
        served.folder(),
        &["token", "create", "reader", "--scope", "workers:read", "--config", "skerry.toml"],
    )
    .await;
    let reader = made.ok().stdout.trim().to_owned();
    let project = hello(HELLO);
    let refused = served.wrangler_as(&reader, project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("Authentication error"), "{refused}");

    // Every route that is described wants a token.
    let description: serde_json::Value =
        serde_json::from_str(&text(served.api_without("GET", "/openapi.json").send().await).await).unwrap();
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 15, "{}", paths.len());
    for (path, methods) in paths {
        let path = path.replace(['{', '}'], "");
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            assert_eq!(served.api_without(&method, &path).send().await.status(), 400, "{method} {path}");
            if path.contains("/accounts/account") {
                let other = path.replace("/accounts/account", "/accounts/other");
                assert_eq!(served.api(&method, &other).send().await.status(), 403, "{method} {other}");
            }
        }
    }
}

#[tokio::test]
async fn routes_and_custom_domains_lead_to_their_workers() {
    let served = Served::configured("[[zones]]\nname = \"example.com\"\n").await;
    let source = |text: &str| format!("export default {{ fetch(r) {{ return new Response('{text} ' + r.url); }} }};");
    let api = Project::named(
        "api",
        "routes = [{ pattern = \"example.com/api/*\", zone_name = \"example.com\" }, { pattern = \"shop.example.com\", custom_domain = true }]",
        &source("api"),
    );
    let deployed = served.wrangler(api.path(), &["deploy"]).await.ok().text();
    assert!(
        deployed.contains("example.com/api/*") && deployed.contains("shop.example.com (custom domain)"),
        "{deployed}"
    );
    let site = Project::named("site", "route = \"*example.com/*\"", &source("site"));
    served.wrangler(site.path(), &["deploy"]).await.ok();
    let get = async |host: &str, path: &str| text(served.request_to("GET", host, path).send().await).await;
    assert_eq!(get("example.com", "/api/x?y").await, "api http://example.com/api/x?y");
    assert_eq!(get("www.example.com", "/").await, "site http://www.example.com/");
    assert_eq!(get("example.com", "/").await, "site http://example.com/");
    // With routes of its own, wrangler turns a Worker's own host off.
    assert_eq!(served.request("GET", "api", "/").send().await.status(), 404);

    // Two Workers can't have one route, and a foreign domain is nobody's.
    let thief = Project::named("thief", "route = \"example.com/api/*\"", &source("thief"));
    served.wrangler(thief.path(), &["deploy"]).await.refused();
    assert_eq!(get("example.com", "/api/").await, "api http://example.com/api/");
    let foreign = Project::named("foreign", "route = \"example.org/*\"", &source("foreign"));
    served.wrangler(foreign.path(), &["deploy"]).await.refused();

    served.ask("DELETE", "/workers/scripts/site?force=true", "").await;
    assert_eq!(served.request_to("GET", "www.example.com", "/").send().await.status(), 404);
    let (_, domains) = served.ask("GET", "/workers/domains", "").await;
    assert_eq!(domains["result"][0]["hostname"], "shop.example.com");
}

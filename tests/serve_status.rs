//! How a server is, as its operator and a token's bearer see it: `skerry status` and `skerry top`.

use harness::{Project, Served, body_of, skerry};
use serde_json::Value;

const SOURCE: &str =
    "export default { fetch(r) { if (r.url.endsWith('x')) throw new Error('x'); return new Response('ok'); } };";

async fn used(served: &Served) {
    for name in ["hello", "quiet"] {
        served.wrangler(Project::named(name, "", SOURCE).path(), &["deploy"]).await.ok();
    }
    for path in ["/", "/", "/", "/x"] {
        body_of(served.request("GET", "hello", path).send().await).await;
    }
}

fn worker<'s>(status: &'s Value, name: &str) -> &'s Value {
    let workers = status["workers"].as_array().unwrap();
    workers.iter().find(|worker| worker["name"] == name).unwrap_or_else(|| panic!("no {name} in {status}"))
}

async fn json(served: &Served, args: &[&str]) -> Value {
    let printed = skerry(served.folder(), args).await.ok().stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}:\n{printed}"))
}

#[tokio::test]
async fn a_server_tells_how_it_is() {
    let served = Served::start().await;
    used(&served).await;
    let status = json(&served, &["status", "--json", "--config", "skerry.toml"]).await;
    assert_eq!(status["listeners"]["http"], served.http().to_string());
    assert_eq!(status["listeners"]["api"], served.api_address().to_string());
    assert_eq!(status["listeners"]["https"], Value::Null);
    assert!(status["uptime_seconds"].as_f64().unwrap() > 0.0 && status["memory_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(status["isolates"].as_u64().unwrap() >= 1);
    let hello = worker(&status, "hello");
    assert_eq!((&hello["requests"], &hello["errors"]), (&4.into(), &1.into()));
    assert_eq!(hello["account"]["id"], served.account.as_str());
    let (p50, p99) = (hello["p50_ms"].as_f64().unwrap(), hello["p99_ms"].as_f64().unwrap());
    assert!(hello["cpu_ms"].as_f64().unwrap() > 0.0 && p50 > 0.0 && p99 >= p50, "{hello}");
    let counted: u64 = hello["latency"].as_array().unwrap().iter().map(|step| step[1].as_u64().unwrap()).sum();
    assert_eq!(counted, 4);
    assert_eq!((&worker(&status, "quiet")["requests"], &worker(&status, "quiet")["p50_ms"]), (&0.into(), &Value::Null));
    // The folder's own data is found without a word.
    let text = skerry(served.folder(), &["status"]).await.ok().stdout;
    assert!(text.starts_with("skerry ") && text.contains(&served.http().to_string()), "{text}");
    let row: Vec<&str> = text.lines().find(|line| line.starts_with("hello ")).unwrap().split_whitespace().collect();
    assert_eq!(row[1..3], ["4", "1"], "{text}");
    assert!(!text.contains('\x1b'), "{text:?}");

    // A token sees its own account; the operator sees all.
    let (other, other_token) = served.another_account().await;
    let url = format!("http://{}", served.api_address());
    let mine = json(&served, &["status", "--json", "--url", &url, "--token", &served.token]).await;
    assert_eq!(mine["workers"].as_array().unwrap().len(), 2);
    let api = format!("{url}/client/v4");
    let theirs = json(&served, &["status", "--json", "--url", &api, "--token", &other_token]).await;
    assert_eq!(theirs["workers"].as_array().unwrap().len(), 0);
    let project = Project::named("foreign", "", SOURCE);
    let (_, uploaded) = upload(&served, &other, &other_token, &project).await;
    assert_eq!(uploaded["success"], true, "{uploaded}");
    let all = json(&served, &["status", "--json", "--config", "skerry.toml"]).await;
    assert_eq!(
        (all["workers"].as_array().unwrap().len(), &worker(&all, "foreign")["account"]["name"]),
        (3, &"other".into())
    );

    // Nobody else does.
    let refused = skerry(served.folder(), &["status", "--url", &url, "--token", "nonsense"]).await.refused().text();
    assert!(refused.contains("Authentication error"), "{refused}");
    let forged = format!("operator.{}.AAAA", i64::MAX);
    assert_eq!(served.ask_as(&forged, "GET", "/skerry/status", "").await.0, 401);
    let made = skerry(served.folder(), &["token", "create", "narrow", "--scope", "kv:read", "--account", "Main"]).await;
    let narrow = made.ok().stdout.trim().to_owned();
    assert_eq!(served.ask_as(&narrow, "GET", "/skerry/status", "").await.0, 403);
}

/// Deploys a Worker of one module over the API.
async fn upload(served: &Served, account: &str, token: &str, project: &Project) -> (u16, Value) {
    let source = std::fs::read_to_string(project.join("index.js")).unwrap();
    let metadata = r#"{"main_module":"index.js","compatibility_date":"2026-01-01"}"#;
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"metadata\"\r\n\r\n{metadata}\r\n--b\r\ncontent-disposition: form-data; \
         name=\"index.js\"; filename=\"index.js\"\r\ncontent-type: application/javascript+module\r\n\r\n{source}\r\n--b--\r\n"
    );
    let path = format!("/accounts/{account}/workers/scripts/foreign");
    let request = served.api_without("PUT", &path).header("authorization", &format!("Bearer {token}"));
    let answer = request.header("content-type", "multipart/form-data; boundary=b").body(body).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&body_of(answer).await).unwrap())
}

#[tokio::test]
async fn top_prints_plain_lines_where_nobody_watches() {
    let mut served = Served::start().await;
    used(&served).await;
    let text = skerry(served.folder(), &["top", "--count", "2", "--sort", "requests"]).await.ok().stdout;
    assert!(!text.contains('\x1b'), "{text:?}");
    let looks: Vec<&str> = text.split("\n\n").filter(|look| look.contains("WORKER")).collect();
    assert_eq!(text.matches("requests/s ").count(), 2, "{text}");
    assert_eq!(looks.len(), 2, "{text}");
    assert!(text.contains("requests/s –") && text.contains("requests/s 0.0"), "{text}");
    for look in looks {
        let rows: Vec<Vec<&str>> = look.lines().map(|line| line.split_whitespace().collect()).collect();
        let at = rows.iter().position(|row| row.first() == Some(&"WORKER")).unwrap();
        assert_eq!((rows[at + 1][0], &rows[at + 1][rows[at + 1].len() - 2..]), ("hello", &["4", "1"][..]), "{text}");
        assert_eq!(rows[at + 2][0], "quiet");
    }
    served.terminate().await;
    assert!(served.ended().await.success());
    let refused = skerry(served.folder(), &["top"]).await.refused().text();
    assert!(refused.contains("no server answers at ") || refused.contains("no address"), "{refused}");
    assert!(!served.data().join("api.address").exists());
}

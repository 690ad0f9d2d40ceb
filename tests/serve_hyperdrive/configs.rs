//! Hyperdrive's configurations: by wrangler, by the API, and whose they are.

use harness::postgres::{PASSWORD, USER};
use harness::{Postgres, Project, Served};
use serde_json::{Value, json};

use super::{ALLOWED, Fixture, ask, body, code};

#[tokio::test]
async fn wrangler_looks_after_configurations() {
    let postgres = Postgres::start().await;
    let served = Served::configured(ALLOWED).await;
    let empty = Project::empty();
    let run = async |args: &[&str]| served.wrangler(empty.path(), &[&["hyperdrive"][..], args].concat()).await;
    let url = postgres.url();
    let made = run(&["create", "shop", "--connection-string", &url, "--caching-disabled"]).await.ok().text();
    assert!(made.contains("Created new Hyperdrive PostgreSQL config"), "{made}");
    let port = postgres.port().to_string();
    let parts = ["--origin-host", "127.0.0.1", "--origin-port", &port, "--database", "postgres", "--origin-user", USER];
    let more = ["--origin-password", PASSWORD, "--origin-connection-limit", "7", "--max-age", "30", "--swr", "0"];
    run(&[&["create", "parts"][..], &parts, &more].concat()).await.ok();
    let taken = run(&["create", "shop", "--connection-string", &url]).await.refused().text();
    assert!(taken.contains("called 'shop' already"), "{taken}");
    let listed = run(&["list"]).await.ok().text();
    for wanted in ["shop", "parts", USER, "127.0.0.1", &port, "PostgreSQL", "disabled", "max_age: 30"] {
        assert!(listed.contains(wanted), "no {wanted} in\n{listed}");
    }
    let id = async |name: &str| {
        let listed = ask(&served, "GET", "", &Value::Null).await;
        let found = listed["result"].as_array().unwrap().iter().find(|config| config["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("{listed}"))["id"].as_str().unwrap().to_owned()
    };
    let (shop, parts) = (id("shop").await, id("parts").await);
    let got = run(&["get", &parts]).await.ok().stdout;
    let got: Value = serde_json::from_str(&got[got.find('{').unwrap()..]).unwrap();
    let shown = json!({ "scheme": "postgresql", "host": "127.0.0.1", "port": postgres.port(), "database": "postgres", "user": USER });
    assert_eq!(got["origin"], shown);
    assert_eq!(got["caching"], json!({ "disabled": false, "max_age": 30, "stale_while_revalidate": 0 }));
    assert_eq!(got["origin_connection_limit"], 7);

    run(&["update", &shop, "--name", "store", "--origin-connection-limit", "9"]).await.ok();
    let got = run(&["get", &shop]).await.ok().stdout;
    assert!(got.contains("\"store\"") && got.contains("\"origin_connection_limit\": 9"), "{got}");
    let refused = run(&["update", &shop, "--database", "nothing"]).await.refused().text();
    assert!(refused.contains("2014") && refused.contains("\"nothing\" does not exist"), "{refused}");
    run(&["delete", &shop]).await.ok();
    let gone = run(&["get", &shop]).await.refused().text();
    assert!(gone.contains("not found"), "{gone}");
}

#[tokio::test]
async fn a_configuration_is_tried_out_and_its_password_never_shown() {
    let postgres = Postgres::start().await;
    let served = Served::configured(ALLOWED).await;
    let with = |changes: Value| {
        let mut body = body(&postgres);
        for (name, value) in changes.as_object().unwrap() {
            body["origin"][name] = value.clone();
        }
        body
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (changes, expected) in [
        (json!({ "password": "wrong" }), 2013),
        (json!({ "database": "nothing" }), 2014),
        (json!({ "port": closed }), 2011),
        (json!({ "host": "nowhere.invalid" }), 2008),
        (json!({ "port": served.http().port() }), 2015),
        (json!({ "scheme": "mysql" }), 2001),
        (json!({ "host": "a b" }), 2001),
        (json!({ "user": "u".repeat(64) }), 2001),
        (json!({ "port": 70000 }), 2001),
        (json!({ "service_id": "x" }), 2001),
    ] {
        assert_eq!(code(&ask(&served, "POST", "", &with(changes.clone())).await), expected, "{changes}");
    }
    for (name, value, expected) in [
        ("mtls", json!({ "sslmode": "require" }), 2012),
        ("mtls", json!({ "sslmode": "verify-full" }), 2001),
        ("origin_connection_limit", json!(4), 2001),
        ("origin_connection_limit", json!(101), 2001),
        ("name", json!(""), 2001),
        ("caching", json!({ "disabled": true, "max_age": 5 }), 2001),
        ("mtls", json!({ "sslmode": "require", "ca_certificate_id": "x" }), 2001),
    ] {
        let mut body = body(&postgres);
        body[name] = value.clone();
        assert_eq!(code(&ask(&served, "POST", "", &body).await), expected, "{name}: {value}");
    }

    let made = ask(&served, "POST", "", &body(&postgres)).await;
    let path = format!("/{}", made["result"]["id"].as_str().unwrap_or_else(|| panic!("{made}")));
    let patched = ask(&served, "PATCH", &path, &json!({ "caching": { "disabled": true } })).await;
    assert_eq!(patched["result"]["caching"], json!({ "disabled": true }));
    let elsewhere = ask(&served, "PATCH", &path, &json!({ "origin": { "host": "127.0.0.2" } })).await;
    assert_eq!(code(&elsewhere), 2001, "a password goes to no other server: {elsewhere}");
    let put = ask(&served, "PUT", &path, &body(&postgres)).await;
    assert_eq!(put["result"]["caching"], json!({ "disabled": false }));
    let (got, listed) = (ask(&served, "GET", &path, &Value::Null).await, ask(&served, "GET", "", &Value::Null).await);
    for answer in [&made, &patched, &put, &got, &listed] {
        assert!(answer["success"] == true && !answer.to_string().contains(PASSWORD), "{answer}");
    }
    assert!(!served.output().contains(PASSWORD));
    let kept =
        tokio::process::Command::new("grep").args(["-rlaF", PASSWORD]).arg(served.data()).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&kept.stdout), "");

    let (_, log) = served.ask("GET", "/audit_logs", "").await;
    assert!(log.to_string().contains("hyperdrive/configs") && !log.to_string().contains(PASSWORD), "{log}");
}

#[tokio::test]
async fn an_account_has_its_own_configurations_and_networks() {
    let fixture = Fixture::new().await;
    let served = &fixture.served;
    let (other, token) = served.another_account().await;
    let path = format!("/accounts/{other}/hyperdrive/configs");
    let (status, _) = served.ask_as(&token, "GET", &format!("{path}/{}", fixture.id), "").await;
    assert_eq!(status, 404);
    let (status, listed) = served.ask_as(&token, "GET", &path, "").await;
    assert_eq!((status, &listed["result"]), (200, &json!([])));
    let registry = registry::Registry::open(&served.data()).expect("the registry");
    let scopes = ["workers:write", "hyperdrive:read"].map(|scope| scope.parse().unwrap()).into();
    let limited = registry.create_token(&served.account, "limited", scopes, None).await.unwrap().secret;
    let own = format!("/accounts/{}/hyperdrive/configs", served.account);
    assert_eq!(served.ask_as(&limited, "GET", &own, "").await.0, 200);
    assert_eq!(served.ask_as(&limited, "DELETE", &format!("{own}/{}", fixture.id), "").await.0, 403);
    // Another account's configuration and one that is not there look the same.
    let metadata = json!({
        "main_module": "index.js", "compatibility_date": "2026-01-01",
        "bindings": [{ "name": "HYPERDRIVE", "type": "hyperdrive", "id": fixture.id }],
    });
    let metadata = metadata.to_string();
    let parts = [
        ("metadata", "application/json", metadata.as_bytes()),
        (
            "index.js",
            "application/javascript+module",
            &b"export default { fetch() { return new Response('in'); } }"[..],
        ),
    ];
    let script = format!("/accounts/{other}/workers/scripts/thief");
    let (status, answer) = served.send_form(&token, "PUT", &script, harness::form(&parts)).await;
    assert_eq!((status, code(&answer)), (400, 10181), "{answer}");
    assert!(answer.to_string().contains("was not found"), "{answer}");
}

#[tokio::test]
async fn a_tenant_reaches_no_network_that_its_workers_may_not() {
    let postgres = Postgres::start().await;
    let served = Served::start().await;
    for host in ["127.0.0.1", "localhost", "::1", "[::1]"] {
        let mut body = body(&postgres);
        body["origin"]["host"] = host.into();
        let refused = ask(&served, "POST", "", &body).await;
        assert_eq!(code(&refused), 2009, "{host}: {refused}");
    }
}

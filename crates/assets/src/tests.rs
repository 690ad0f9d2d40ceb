//! The site of `tests/assets`, asked as Miniflare was.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use url::Url;

use crate::{Account, Config, Decision, Hash, Manifest, Request, Site, Store};

static CASES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../tests/assets/cases.json")).unwrap());
static ANSWERS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../tests/assets/answers.json")).unwrap());

fn content_type(path: &str) -> Option<HeaderValue> {
    let kind = match path.rsplit('.').next()? {
        "html" => "text/html; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        _ => return None,
    };
    Some(HeaderValue::from_static(kind))
}

/// Keeps the files of the cases.
fn files(account: &Account) -> Manifest {
    let mut manifest = serde_json::Map::new();
    for (index, (path, text)) in CASES["files"].as_object().unwrap().iter().enumerate() {
        let (text, hash) = (text.as_str().unwrap(), format!("{index:032x}"));
        account.put(&Hash::try_from(hash.clone()).unwrap(), content_type(path).as_ref(), text.as_bytes()).unwrap();
        manifest.insert(format!("/{path}"), json!({ "hash": hash, "size": text.len() }));
    }
    Manifest::read(&Value::Object(manifest), 100).unwrap()
}

fn config(case: &Value) -> Config {
    let mut config = case["setup"].clone();
    if config["rules"] == true {
        for name in ["_headers", "_redirects"] {
            config[name] = CASES["rules"][name].clone();
        }
    }
    serde_json::from_value(config).unwrap()
}

#[tokio::test]
async fn everything_is_answered_as_by_miniflare() {
    let folder = tempfile::tempdir().unwrap();
    let account = Store::new(folder.path().to_owned()).account("account");
    let manifest = files(&account);
    let mut wrong = Vec::new();
    for (name, case) in ANSWERS.as_object().unwrap() {
        let flag = case["setup"]["flags"] == json!([]) || case["setup"]["flags"].is_null();
        let site = Site::new(account.clone().into(), manifest.clone(), &config(case), flag).unwrap();
        let host = if case["setup"]["rules"] == true { "rules.localhost" } else { "site.localhost" };
        for asked in case["answers"].as_array().unwrap() {
            let path = asked["path"].as_str().unwrap();
            let method: Method = asked["method"].as_str().unwrap_or("GET").parse().unwrap();
            let headers: HeaderMap = asked["headers"].as_object().into_iter().flatten().map(pair).collect();
            let url = Url::parse(&format!("http://{host}{path}")).unwrap();
            let request = Request { method: &method, url, headers: &headers };
            let ours = match case["setup"]["worker"] == true && site.decide(&request) == Decision::Worker {
                true => json!({ "status": 200, "content-type": "text/plain;charset=UTF-8", "body": "worker" }),
                false => shown(&method, site.answer(&request).await).await,
            };
            if ours != asked["answer"] {
                wrong.push(format!("{name}: {method} {path}\n  ours      {ours}\n  Miniflare {}", asked["answer"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn pair((name, value): (&String, &Value)) -> (HeaderName, HeaderValue) {
    (name.parse().unwrap(), value.as_str().unwrap().parse().unwrap())
}

async fn shown(method: &Method, response: http::Response<crate::Body>) -> Value {
    let (parts, body) = response.into_parts();
    let mut shown = json!({ "status": parts.status.as_u16(), "body": "" });
    for (name, value) in &parts.headers {
        if matches!(name.as_str(), "location" | "content-type" | "cache-control") || name.as_str().starts_with("x-") {
            shown[name.as_str()] = value.to_str().unwrap().into();
        }
    }
    if parts.headers.contains_key("etag") {
        shown["etag"] = true.into();
    }
    if method != Method::HEAD {
        let chunks: Vec<bytes::Bytes> = futures::TryStreamExt::try_collect(body.into_stream()).await.unwrap();
        shown["body"] = String::from_utf8(chunks.concat()).unwrap().into();
    }
    shown
}

#[test]
fn wrong_rules_are_told_line_by_line() {
    let refused = |headers: &str, redirects: &str| {
        let config = Config { headers: Some(headers.into()), redirects: Some(redirects.into()), ..Config::default() };
        config.check(true).unwrap_err().to_string()
    };
    let told = refused("X-A: b\n/x\n/y\n  A b: c\n  : d\n  E:\n  nothing\nftp://x/\nhttps://x.example:8/*\n  ü: f", "");
    assert_eq!(
        told,
        "Invalid _headers configuration:\n\
         Line 1: Expected a path before headers\n\
         Line 2: No headers specified\n\
         Line 4: Header name cannot include spaces\n\
         Line 5: No header name specified\n\
         Line 6: No header value specified\n\
         Line 7: Expected a colon-separated header pair (e.g. name: value)\n\
         Line 3: No headers specified\n\
         Line 8: URLs should either be relative (e.g. begin with a forward-slash), or use HTTPS (e.g. begin with \"https://\").\n\
         Line 9: Specifying ports is not supported. Skipping absolute URL https://x.example:8/*."
    );
    let told = refused(
        "",
        "/a\n/a /b /c /d\nhttps://x/ /y\n/a b\n/a /b 404\n/* /index.html 200\n/d /e\n/d /f\n/p https://x/ 200",
    );
    assert_eq!(
        told,
        "Invalid _redirects configuration:\n\
         Line 1: Expected exactly 2 or 3 whitespace-separated tokens. Got 1.\n\
         Line 2: Expected exactly 2 or 3 whitespace-separated tokens. Got 4.\n\
         Line 3: Only relative URLs are allowed. Skipping absolute URL https://x/.\n\
         Line 4: URLs should either be relative (e.g. begin with a forward-slash), or use HTTPS (e.g. begin with \"https://\").\n\
         Line 5: Valid status codes are 200, 301, 302 (default), 303, 307, or 308. Got 404.\n\
         Line 6: Infinite loop detected in this rule. This would cause a redirect to strip `.html` or `/index` and end up triggering this rule again.\n\
         Line 8: Ignoring duplicate rule for path /d.\n\
         Line 9: Proxy (200) redirects can only point to relative paths. Got https://x/"
    );
    let many = |from: usize, to: usize| (from..to).map(|number| format!("/{number} /x\n")).collect::<String>();
    assert_eq!(refused("", &many(0, 2001)), "Maximum number of static _redirects rules limit of 2000 exceeded");
    let dynamic = format!("/x/* /y\n{}", many(0, 100));
    assert_eq!(refused("", &dynamic), "Maximum number of dynamic _redirects rules limit of 100 exceeded");
    let headers: String = (0..101).map(|number| format!("/{number}\n  X-A: b\n")).collect();
    assert_eq!(refused(&headers, ""), "Maximum number of _headers rules limit of 100 exceeded");
    assert!(refused(&format!("/{}\n X-A: b", "x".repeat(2000)), "").contains("exceeds the maximum allowed length"));
}

#[test]
fn routing_rules_are_checked() {
    let refused = |rules: &[&str]| {
        let config: Config = serde_json::from_value(json!({ "run_worker_first": rules })).unwrap();
        config.check(true).unwrap_err().to_string()
    };
    assert!(refused(&[]).contains("must provide at least 1 rule"));
    assert!(refused(&["!/a"]).contains("Only negative"));
    assert!(refused(&["a", "!b", "/c"]).contains("rules must start with '/' or '!/'"));
    assert!(refused(&["/a", "/a"]).contains("duplicate"));
    assert!(refused(&["/a/*", "/a/b"]).contains("makes it redundant"));
    assert!(refused(&[&format!("/{}", "x".repeat(100))]).contains("less than 100"));
    let config: Config = serde_json::from_value(json!({ "run_worker_first": true })).unwrap();
    assert!(config.check(false).unwrap_err().to_string().contains("without a Worker script"));
}

#[test]
fn what_nothing_names_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let account = Store::new(folder.path().to_owned()).account("a");
    let hash = |digit: char| Hash::try_from(digit.to_string().repeat(32)).unwrap();
    let manifest = |digits: &str| {
        let files: serde_json::Map<_, _> =
            digits.chars().map(|digit| (format!("/{digit}"), json!({ "hash": hash(digit), "size": 1 }))).collect();
        Manifest::read(&Value::Object(files), 10).unwrap()
    };
    let (kept, missing) = account.begin(&manifest("ab")).unwrap();
    assert_eq!(missing.len(), 2);
    for digit in ['a', 'b', 'c'] {
        account.put(&hash(digit), None, b"x").unwrap();
    }
    let (old, missing) = account.begin(&manifest("bc")).unwrap();
    assert!(missing.is_empty());
    let named = std::collections::BTreeSet::from([kept.clone()]);
    assert_eq!(account.sweep(&named).unwrap(), 0, "what an upload may need stays");
    let past = std::time::SystemTime::now() - crate::FRESH;
    let touched = std::fs::File::open(folder.path().join("a/manifests").join(old.as_str())).unwrap();
    touched.set_modified(past).unwrap();
    assert_eq!(account.sweep(&named).unwrap(), 1);
    assert!(account.manifest(&old).unwrap().is_none() && account.open(&hash('c')).is_err());
    assert_eq!(account.missing(&account.manifest(&kept).unwrap().unwrap()).unwrap(), []);
    // A file of another size is not the one that the manifest means.
    account.put(&hash('a'), None, b"longer").unwrap();
    assert_eq!(account.missing(&manifest("a")).unwrap(), [(hash('a'), 1)]);
}

#[test]
fn manifests_are_bounded() {
    let refused = |manifest: Value| Manifest::read(&manifest, 2).unwrap_err().to_string();
    let entry = |size: u64| json!({ "hash": "0".repeat(32), "size": size });
    assert!(refused(json!({ "/a": entry(0), "/b": entry(0), "/c": entry(0) })).contains("has 3 files"));
    assert!(refused(json!({ "/a": entry(26_214_401) })).contains("26214401 bytes"));
    assert!(refused(json!({ "a": entry(0) })).contains("begin with a slash"));
    assert!(refused(json!({ "/a": entry(0), "/b": entry(1) })).contains("not the same size"));
    for hash in ["", "../../../../../../../../etc/pass", "ABCDEF0123456789ABCDEF0123456789", &"0".repeat(33)] {
        assert!(refused(json!({ "/a": { "hash": hash, "size": 1 } })).contains("32 hexadecimal"), "{hash}");
    }
    assert!(refused(json!([])).contains("can't be read"));
}

#[tokio::test]
async fn a_hostile_path_costs_little() {
    let folder = tempfile::tempdir().unwrap();
    let account = Store::new(folder.path().to_owned()).account("account");
    let manifest = files(&account);
    let headers = HeaderMap::new();
    let config: Config = serde_json::from_value(json!({
        "not_found_handling": "404-page", "_redirects": "/:a/:b /x/:a/:b\n", "_headers": "/*\n X-A: :splat:splat\n",
    }))
    .unwrap();
    let site = Site::new(account.into(), manifest, &config, true).unwrap();
    for path in ["/a".repeat(500_000), format!("/{}/x", ":b".repeat(500_000)), "/%".repeat(500_000)] {
        let url = Url::parse(&format!("http://x{path}")).unwrap();
        let response = site.answer(&Request { method: &Method::GET, url, headers: &headers }).await;
        assert!([307, 404, 500].contains(&response.status().as_u16()), "{}", response.status());
    }
}

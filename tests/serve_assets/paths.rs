//! What Miniflare answered to `assets/cases.json` is `assets/answers.json`; `assets/ask.mjs` asked it.

use harness::{Answer, Project, Request, Served, text};
use serde_json::{Value, json};

use super::{send, site};

const CASES: &str = include_str!("../assets/cases.json");
const ANSWERS: &str = include_str!("../assets/answers.json");

#[tokio::test]
async fn every_path_is_answered_as_by_miniflare() {
    let served = Served::start().await;
    let project = site("");
    write_files(&project);
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let mut compared = Compared::default();
    for (name, case) in &answers() {
        let setup = &case["setup"];
        let mut config = setup.clone();
        if setup["rules"] == true {
            let [headers, redirects] = rules();
            config["_headers"] = headers.into();
            config["_redirects"] = redirects.into();
        }
        let mut metadata = json!({
            "assets": { "config": config }, "keep_assets": true, "compatibility_date": "2026-01-01",
            "compatibility_flags": setup["flags"].as_array().cloned().unwrap_or_default(),
        });
        let source = "export default { fetch: () => new Response('worker') };";
        let mut parts: Vec<(&str, &str, &[u8])> = Vec::new();
        if setup["worker"] == true {
            metadata["main_module"] = "index.js".into();
            parts.push(("index.js", "application/javascript+module", source.as_bytes()));
        }
        let metadata = metadata.to_string();
        parts.push(("metadata", "application/json", metadata.as_bytes()));
        let request = served.api("PUT", &format!("/accounts/{}/workers/scripts/site", served.account));
        let (status, told) = send(request, &parts).await;
        assert_eq!(status, 200, "{name}: {told}");
        compared.ask(name, case, |method, path| served.request(method, "site", path)).await;
    }
    compared.check();
}

/// What Miniflare answered, by the name of the setup.
pub(crate) fn answers() -> serde_json::Map<String, Value> {
    serde_json::from_str(ANSWERS).unwrap()
}

/// `_headers` and `_redirects`.
pub(crate) fn rules() -> [String; 2] {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    ["_headers", "_redirects"]
        .map(|file| cases["rules"][file].as_str().unwrap().replace("rules.localhost", "site.localhost"))
}

/// The files of the site that was asked.
pub(crate) fn write_files(project: &Project) {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    for (path, content) in cases["files"].as_object().unwrap() {
        project.write(&format!("public/{path}"), content.as_str().unwrap());
    }
}

/// Answers of ours beside Miniflare's.
#[derive(Default)]
pub(crate) struct Compared {
    asked: usize,
    wrong: Vec<String>,
}

impl Compared {
    /// Asks what Miniflare was asked in a setup.
    pub(crate) async fn ask(&mut self, name: &str, case: &Value, request: impl Fn(&str, &str) -> Request) {
        for row in case["answers"].as_array().unwrap() {
            let (method, path) = (row["method"].as_str().unwrap_or("GET"), row["path"].as_str().unwrap());
            let mut request = request(method, path);
            for (header, value) in row["headers"].as_object().into_iter().flatten() {
                request = request.header(header, value.as_str().unwrap());
            }
            let expected = row["answer"].to_string().replace("rules/", "site/");
            let ours = shown(request.send().await).await;
            self.asked += 1;
            if ours != serde_json::from_str::<Value>(&expected).unwrap() {
                self.wrong.push(format!("{name}: {method} {path}\n  ours      {ours}\n  Miniflare {expected}"));
            }
        }
    }

    pub(crate) fn check(self) {
        assert!(self.asked > 1000, "{}", self.asked);
        assert!(self.wrong.is_empty(), "{} differ\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

/// What the answers have of a response.
async fn shown(answer: Answer) -> Value {
    let mut shown = json!({ "status": answer.status().as_u16() });
    for (name, value) in answer.headers() {
        let name = name.as_str();
        if matches!(name, "location" | "content-type" | "cache-control") || name.starts_with("x-") {
            shown[name] = value.to_str().unwrap().into();
        }
    }
    if answer.headers().contains_key("etag") {
        shown["etag"] = true.into();
    }
    shown["body"] = text(answer).await.into();
    shown
}

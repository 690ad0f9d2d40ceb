//! Static assets: the stock wrangler uploads them, and they are served before the Worker's code or by it.

pub(crate) mod paths;

use std::time::{Duration, SystemTime};

use harness::{Answer, PATIENCE, Part, Project, Request, Served, body_of, form, text};
use serde_json::{Value, json};

/// A site without code.
pub(crate) fn site(more: &str) -> Project {
    let config =
        format!("name = \"site\"\ncompatibility_date = \"2026-01-01\"\n[assets]\ndirectory = \"public\"\n{more}\n");
    Project::empty().file("wrangler.toml", &config)
}

pub(crate) fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn send(request: Request, parts: &[Part<'_>]) -> (u16, Value) {
    let answer = request.header("content-type", "multipart/form-data; boundary=edge").body(form(parts)).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&text(answer).await).unwrap())
}

#[tokio::test]
async fn a_static_site_is_deployed_and_served() {
    let mut served = Served::start().await;
    let project = site("")
        .file("public/index.html", "home")
        .file("public/about.html", "about")
        .file("public/style.css", "b {}")
        .file("public/_headers", "/*\n  X-Frame-Options: DENY\n/style.css\n  Cache-Control: max-age=60\n")
        .file("public/_redirects", "/old/* /about 301\n");
    let told = served.wrangler(project.path(), &["deploy"]).await.ok().text();
    assert!(told.contains("Uploaded 3 files"), "{told}");
    let (_, listed) = served.ask("GET", "/workers/scripts", "").await;
    assert_eq!(
        (&listed["result"][0]["has_assets"], &listed["result"][0]["has_modules"]),
        (&json!(true), &json!(false))
    );

    let home = served.request("GET", "site", "/").send().await;
    assert_eq!((home.status().as_u16(), header(&home, "content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(header(&home, "cache-control"), "public, max-age=0, must-revalidate");
    assert_eq!((header(&home, "x-frame-options"), header(&home, "cf-cache-status")), ("DENY", "HIT"));
    let etag = header(&home, "etag").to_owned();
    assert_eq!(text(home).await, "home");
    for known in [etag.clone(), format!("W/{etag}")] {
        let again = served.request("GET", "site", "/").header("if-none-match", &known).send().await;
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag.as_str()));
        assert_eq!(text(again).await, "");
    }
    let head = served.request("HEAD", "site", "/style.css").send().await;
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, "4"));
    assert_eq!(header(&head, "cache-control"), "max-age=60");
    assert_eq!(served.request("POST", "site", "/style.css").send().await.status(), 405);
    let moved = served.request("GET", "site", "/old/page?q=1").send().await;
    assert_eq!((moved.status().as_u16(), header(&moved, "location")), (301, "/about?q=1"));
    let missing = served.request("GET", "site", "/none").send().await;
    assert_eq!((missing.status().as_u16(), header(&missing, "x-frame-options")), (404, "DENY"));
    assert_eq!(served.request("GET", "site", "/_headers").send().await.status(), 404);

    // What was uploaded once is not uploaded again.
    let told = served.wrangler(project.path(), &["deploy"]).await.ok().text();
    assert!(told.contains("No updated asset files to upload"), "{told}");
    project.write("public/about.html", "about us");
    let told = served.wrangler(project.path(), &["deploy"]).await.ok().text();
    assert!(told.contains("Found 1 new or modified static asset to upload"), "{told}");
    assert_eq!(served.text("site", "/about").await, "about us");

    served.kill().await;
    served.again().await;
    assert_eq!(served.text("site", "/about").await, "about us");
    assert_eq!(served.text("site", "/").await, "home");
}

const API: &str = r#"
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const at = (path, init) => env.ASSETS.fetch(new Request(new URL(path, url), init));
    switch (url.pathname) {
      case "/api/file": return at("/notes.txt");
      case "/api/changed": {
        const page = await at("/");
        const { status, headers } = page;
        return Response.json({ status, type: headers.get("content-type"), text: (await page.text()).toUpperCase() });
      }
      case "/api/followed": {
        const page = await at("/index.html");
        return Response.json({ redirected: page.redirected, url: new URL(page.url).pathname, text: await page.text() });
      }
      case "/api/manual": {
        const page = await at("/index.html", { redirect: "manual" });
        return Response.json({ status: page.status, location: page.headers.get("location") });
      }
      case "/api/others": {
        const head = await at("/notes.txt", { method: "HEAD" });
        const post = await at("/notes.txt", { method: "POST", body: "x" });
        const page = await at("/api/none");
        return Response.json([head.status, head.headers.get("content-length"), post.status, page.status, await page.text()]);
      }
      case "/api/often": {
        let length = 0;
        for (let n = 0; n < 45; n++) length += (await (await at("/notes.txt")).text()).length;
        return Response.json(length);
      }
      case "/api/large": {
        const digest = await crypto.subtle.digest("SHA-256", await (await at("/large.bin")).arrayBuffer());
        return new Response(new Uint8Array(digest).toHex());
      }
      case "/api/method": try { await env.ASSETS.nothing(); } catch (error) { return new Response(String(error)); }
    }
    return new Response("the API: " + url.pathname);
  }
};
"#;

#[tokio::test]
async fn an_application_has_pages_and_an_api() {
    let served = Served::start().await;
    let large: Vec<u8> = (0..5_000_001_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let project = Project::named(
        "app",
        "[assets]\ndirectory = \"public\"\nbinding = \"ASSETS\"\nnot_found_handling = \"single-page-application\"\n\
         run_worker_first = [\"/api/*\", \"!/api/docs/*\"]",
        API,
    )
    .file("public/index.html", "the page")
    .file("public/notes.txt", "some notes")
    .file("public/api/docs/index.html", "the documentation")
    .file("public/large.bin", &large);
    served.wrangler(project.path(), &["deploy"]).await.ok();

    assert_eq!(served.text("app", "/").await, "the page");
    assert_eq!(served.text("app", "/some/view").await, "the page");
    assert_eq!(served.text("app", "/api/x").await, "the API: /api/x");
    assert_eq!(served.text("app", "/api/docs/").await, "the documentation");
    assert_eq!(served.text("app", "/api/docs/none").await, "the page");
    let file = served.request("GET", "app", "/api/file").send().await;
    assert_eq!(header(&file, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(text(file).await, "some notes");
    let told = async |path: &str| serde_json::from_str::<Value>(&served.text("app", path).await).unwrap();
    let page = json!({ "status": 200, "type": "text/html; charset=utf-8", "text": "THE PAGE" });
    assert_eq!(told("/api/changed").await, page);
    assert_eq!(told("/api/followed").await, json!({ "redirected": true, "url": "/", "text": "the page" }));
    assert_eq!(told("/api/manual").await, json!({ "status": 307, "location": "/" }));
    // To the binding, a path of the Worker's is a path like others.
    assert_eq!(told("/api/others").await, json!([200, "10", 405, 200, "the page"]));
    assert_eq!(told("/api/often").await, 450);
    let digest: String = {
        use sha2::Digest;
        sha2::Sha256::digest(&large).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(served.text("app", "/api/large").await, digest);
    assert_eq!(body_of(served.request("GET", "app", "/large.bin").send().await).await, large);
    let refused = served.text("app", "/api/method").await;
    assert_eq!(refused, "TypeError: The static assets have no methods but fetch().");

    // A service binding meets the assets too.
    let other = Project::named(
        "other",
        "[[services]]\nbinding = \"APP\"\nservice = \"app\"",
        "export default { fetch: (request, env) => env.APP.fetch(request) };",
    );
    served.wrangler(other.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("other", "/notes.txt").await, "some notes");
    assert_eq!(served.text("other", "/api/x").await, "the API: /api/x");
}

#[tokio::test]
async fn each_version_has_its_own_assets() {
    let served = Served::start().await;
    let source =
        "export default { fetch: (request, env) => env.ASSETS ? env.ASSETS.fetch(request) : new Response(env.KEY) };";
    let assets = "[assets]\ndirectory = \"public\"\nbinding = \"ASSETS\"\nrun_worker_first = true";
    let project = Project::named("app", assets, source).file("public/page.txt", "one");
    served.wrangler(project.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("app", "/page.txt").await, "one");
    project.write("public/page.txt", "two");
    let uploaded = served.wrangler(project.path(), &["versions", "upload"]).await.ok().text();
    let second = uploaded.lines().find_map(|line| line.strip_prefix("Worker Version ID: ")).expect("an id").to_owned();
    assert_eq!(served.text("app", "/page.txt").await, "one");
    let preview = format!("{}-app.localhost", &second[..8]);
    assert_eq!(text(served.request_to("GET", &preview, "/page.txt").send().await).await, "two");
    served.wrangler(project.path(), &["versions", "deploy", &format!("{second}@100%"), "--yes"]).await.ok();
    assert_eq!(served.text("app", "/page.txt").await, "two");

    // A secret makes a version with the same assets.
    let secret = r#"{"name":"KEY","text":"secret","type":"secret_text"}"#;
    assert_eq!(served.ask("PUT", "/workers/scripts/app/secrets", secret).await.0, 200);
    assert_eq!(served.text("app", "/page.txt").await, "two");
    let (_, listed) = served.ask("GET", "/workers/scripts/app/versions", "").await;
    let first = listed["result"]["items"][2]["id"].as_str().unwrap().to_owned();
    served.wrangler(project.path(), &["rollback", &first, "--yes", "--message", "back"]).await.ok();
    assert_eq!(served.text("app", "/page.txt").await, "one");

    // A version without them has none, and can't be bound to them.
    let without = Project::named("app", "", source);
    served.wrangler(without.path(), &["deploy"]).await.ok();
    assert_eq!(served.text("app", "/page.txt").await, "secret");
    let (_, listed) = served.ask("GET", "/workers/scripts", "").await;
    assert_eq!(listed["result"][0]["has_assets"], false);
    let metadata =
        json!({ "main_module": "index.js", "bindings": [{ "name": "ASSETS", "type": "assets" }] }).to_string();
    let request = served.api("PUT", &format!("/accounts/{}/workers/scripts/app", served.account));
    let code = ("index.js", "application/javascript+module", source.as_bytes());
    let (status, refused) = send(request, &[("metadata", "application/json", metadata.as_bytes()), code]).await;
    assert_eq!(status, 400);
    assert!(refused.to_string().contains("binding ASSETS of type assets needs static assets"), "{refused}");
}

#[tokio::test]
async fn wrong_rules_are_refused_and_change_nothing() {
    let served = Served::start().await;
    let project = site("").file("public/index.html", "home");
    served.wrangler(project.path(), &["deploy"]).await.ok();
    project.write("public/_redirects", "/* /index.html 200\n/a /b 404\n");
    let refused = served.wrangler(project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("Invalid _redirects configuration") && refused.contains("100324"), "{refused}");
    assert!(refused.contains("Line 1: Infinite loop") && refused.contains("Line 2: Valid status codes"), "{refused}");
    project.write("public/_redirects", "");
    project.write("public/_headers", "X-A: b\n");
    let refused = served.wrangler(project.path(), &["deploy"]).await.refused().text();
    assert!(refused.contains("Line 1: Expected a path before headers"), "{refused}");
    assert_eq!(served.text("site", "/").await, "home");
}

#[tokio::test]
async fn an_upload_is_only_what_its_session_says() {
    let served = Served::configured("[plans.paid]\nasset_files = 2\n").await;
    let account = &served.account;
    let session = "/workers/scripts/site/assets-upload-session";
    let entry = |digit: &str, size: usize| json!({ "hash": digit.repeat(32), "size": size });
    let begin = async |manifest: Value| served.ask("POST", session, &json!({ "manifest": manifest }).to_string()).await;

    let (status, told) = begin(json!({ "/a": entry("a", 1), "/b": entry("b", 1), "/c": entry("c", 1) })).await;
    assert!(status == 413 && told.to_string().contains("has 3 files"), "{told}");
    let (status, told) = begin(json!({ "/a": entry("a", 26_214_401) })).await;
    assert!(status == 413 && told.to_string().contains("26214401 bytes"), "{told}");
    for wrong in
        [json!({ "/a": entry("/", 1) }), json!({ "a": entry("a", 1) }), json!([]), json!({ "/a": 1 }), Value::Null]
    {
        let (status, told) = begin(wrong).await;
        assert_eq!(status, 400, "{told}");
    }

    let (status, told) = begin(json!({ "/a.txt": entry("a", 3), "/b": entry("b", 3) })).await;
    assert_eq!((status, &told["result"]["buckets"]), (200, &json!([["a".repeat(32), "b".repeat(32)]])));
    let jwt = told["result"]["jwt"].as_str().unwrap().to_owned();
    let upload = |account: &str, token: &str, base64: &str| {
        let path = format!("/accounts/{account}/workers/assets/upload{base64}");
        served.api_without("POST", &path).header("authorization", &format!("Bearer {token}"))
    };
    let (a, b) = ("a".repeat(32), "b".repeat(32));
    let part = [(a.as_str(), "text/plain; charset=x", &b"YWFh"[..])];
    // Neither another's account, nor a token of the API, nor one that was changed.
    for (account, token) in
        [("other", &*jwt), (account, &*served.token), (account, &jwt[..jwt.len() - 2]), (account, "x.y.z")]
    {
        assert_eq!(send(upload(account, token, "?base64=true"), &part).await.0, 403, "{token}");
    }
    let foreign = served.api_without("GET", "/accounts").header("authorization", &format!("Bearer {jwt}"));
    assert_eq!(foreign.send().await.status(), 401);
    for (name, content) in [
        ("c".repeat(32), "YWFh"),
        (a.clone(), "YWFhYQ=="),
        (a.clone(), "YWE="),
        (a.clone(), "!!!!"),
        ("../x".into(), "YWFh"),
    ] {
        let told = send(upload(account, &jwt, "?base64=true"), &[(&name, "text/plain", content.as_bytes())]).await;
        assert_eq!(told.0, 400, "{name} {content}: {}", told.1);
    }
    let (status, told) = send(upload(account, &jwt, "?base64=true"), &part).await;
    assert_eq!((status, &told["result"]), (202, &json!({})));
    // An upload that is not over is good for no version.
    let deploy = async |name: &str, jwt: &str| {
        let metadata = json!({ "assets": { "jwt": jwt }, "compatibility_date": "2026-01-01" }).to_string();
        let request = served.api("PUT", &format!("/accounts/{account}/workers/scripts/{name}"));
        send(request, &[("metadata", "application/json", metadata.as_bytes())]).await
    };
    let (status, told) = deploy("site", &jwt).await;
    assert!(status == 400 && told.to_string().contains("completes an upload"), "{told}");
    let (status, told) = send(upload(account, &jwt, ""), &[(&b, "application/null", b"bbb")]).await;
    assert_eq!(status, 201, "{told}");
    let complete = told["result"]["jwt"].as_str().unwrap();
    assert_eq!(send(upload(account, complete, "?base64=true"), &part).await.0, 403);
    assert_eq!(deploy("elsewhere", complete).await.0, 400);
    let (status, told) = deploy("site", complete).await;
    assert_eq!(status, 200, "{told}");
    let (_, told) =
        served.ask("POST", "/workers/scripts/site/subdomain", r#"{"enabled":true,"previews_enabled":true}"#).await;
    assert_eq!(told["success"], true, "{told}");
    let file = served.request("GET", "site", "/a.txt").send().await;
    assert_eq!(header(&file, "content-type"), "text/plain; charset=x");
    assert_eq!(text(file).await, "aaa");
    let file = served.request("GET", "site", "/b").send().await;
    assert_eq!(header(&file, "content-type"), "");
    assert_eq!(text(file).await, "bbb");

    // The token with which it began may be taken back meanwhile.
    let command = ["token", "create", "t", "--scope", "workers:write", "--json", "--config", "skerry.toml"];
    let made = harness::skerry(served.folder(), &command).await.ok().stdout;
    let made: Value = serde_json::from_str(&made).unwrap();
    let (token, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    let manifest = json!({ "manifest": { "/c": entry("c", 3) } }).to_string();
    let path = format!("/accounts/{account}{session}");
    let begun = served.api_without("POST", &path).header("authorization", &format!("Bearer {token}"));
    let begun = text(begun.header("content-type", "application/json").body(manifest).await).await;
    let jwt = serde_json::from_str::<Value>(&begun).unwrap()["result"]["jwt"].as_str().unwrap().to_owned();
    harness::skerry(served.folder(), &["token", "revoke", id, "--config", "skerry.toml"]).await.ok();
    let c = "c".repeat(32);
    assert_eq!(send(upload(account, &jwt, "?base64=true"), &[(&c, "text/plain", b"Y2Nj")]).await.0, 403);
}

#[tokio::test]
async fn files_that_no_version_names_go() {
    let mut served = Served::start().await;
    let project = site("").file("public/kept.txt", "kept").file("public/gone.txt", "gone");
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let other = Project::empty()
        .file(
            "wrangler.toml",
            "name = \"other\"\ncompatibility_date = \"2026-01-01\"\n[assets]\ndirectory = \"public\"\n",
        )
        .file("public/kept.txt", "kept");
    served.wrangler(other.path(), &["deploy"]).await.ok();
    served.wrangler(project.path(), &["delete", "--force"]).await.ok();
    let folder = served.data().join("assets").join(&served.account);
    let files = || -> usize {
        let folders = std::fs::read_dir(folder.join("files")).unwrap();
        folders.map(|digits| std::fs::read_dir(digits.unwrap().path()).unwrap().count()).sum()
    };
    assert_eq!(files(), 2, "equal files are kept once, and what may be an upload's stays for a while");
    served.terminate().await;
    assert!(served.ended().await.success());
    let past = SystemTime::now() - Duration::from_secs(4 * 60 * 60);
    for manifest in std::fs::read_dir(folder.join("manifests")).unwrap() {
        std::fs::File::open(manifest.unwrap().path()).unwrap().set_modified(past).unwrap();
    }
    served.again().await;
    let swept = async {
        while files() > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, swept).await.expect("what nothing names goes");
    assert_eq!(served.text("other", "/kept.txt").await, "kept");
}

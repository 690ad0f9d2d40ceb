//! Static assets in development: served from the project's folder as they would be when deployed.

use std::time::{Duration, Instant};

use harness::{Dev, PATIENCE, Project, Served, skerry, text};
use serde_json::{Value, json};

use crate::serve_assets::paths::{Compared, answers, rules, write_files};
use crate::serve_assets::{header, site};

async fn until(dev: &Dev, path: &str, status: u16, wanted: &str) {
    let start = Instant::now();
    loop {
        let answer = dev.get(path).send().await;
        let met = answer.status().as_u16();
        let body = text(answer).await;
        if met == status && body.contains(wanted) {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{path}: still {met} {body:?} instead of {status} {wanted:?}:\n{}",
            dev.output()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Each file is served with the tag and the type that it has when the stock wrangler has deployed it.
#[tokio::test]
async fn a_folder_is_served_as_it_would_be_deployed() {
    let names = [
        "index.html",
        "app.js",
        "app.mjs",
        "app.js.map",
        "style.css",
        "data.json",
        "feed.xml",
        "notes.txt",
        "read.md",
        "icon.svg",
        "photo.png",
        "photo.jpg",
        "photo.webp",
        "photo.avif",
        "favicon.ico",
        "read.yaml",
        "sheet.xlsx",
        "upper.PNG",
        "a.tar.gz",
        "font.woff2",
        "font.ttf",
        "code.wasm",
        "film.mp4",
        "song.mp3",
        "paper.pdf",
        "pack.zip",
        "site.webmanifest",
        "data.csv",
        "strange.zzz",
        "plain",
        ".well-known/security.txt",
    ];
    let project = site("")
        .file("public/.assetsignore", "*.secret\n/drafts/\n!/drafts/kept.txt\n")
        .file("public/_headers", "/*\n  X-Own: yes\n");
    for name in names {
        project.write(&format!("public/{name}"), format!("this is {name}"));
    }
    for hidden in ["my.secret", "deep/er/my.secret", "drafts/page.html"] {
        project.write(&format!("public/{hidden}"), "hidden");
    }
    let served = Served::start().await;
    served.wrangler(project.path(), &["deploy"]).await.ok();
    let dev = Dev::start(&project).await;
    let mut wrong = Vec::new();
    for name in
        names.into_iter().chain(["my.secret", "deep/er/my.secret", "drafts/page.html", ".assetsignore", "_headers"])
    {
        let path = format!("/{}", name.trim_end_matches("index.html").trim_end_matches(".html"));
        let (ours, deployed) = (dev.get(&path).send().await, served.request("GET", "site", &path).send().await);
        for what in ["etag", "content-type", "cache-control", "x-own"] {
            if header(&ours, what) != header(&deployed, what) {
                wrong.push(format!(
                    "{path}: {what}: {:?}, deployed {:?}",
                    header(&ours, what),
                    header(&deployed, what)
                ));
            }
        }
        assert_eq!(ours.status(), deployed.status(), "{path}");
        assert_eq!(text(ours).await, text(deployed).await, "{path}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_path_is_answered_as_by_miniflare_in_development() {
    let mut compared = Compared::default();
    for (name, case) in &answers() {
        let setup = &case["setup"];
        let mut assets = json!({ "directory": "public" });
        for key in ["html_handling", "not_found_handling", "run_worker_first"] {
            if !setup[key].is_null() {
                assets[key] = setup[key].clone();
            }
        }
        let flags = setup["flags"].as_array().cloned().unwrap_or_default();
        let mut config = json!({ "name": "site", "compatibility_date": "2026-01-01", "compatibility_flags": flags, "assets": assets });
        let mut project = Project::empty();
        write_files(&project);
        if setup["worker"] == true {
            config["main"] = "index.js".into();
            project = project.file("index.js", "export default { fetch: () => new Response('worker') };");
        }
        if setup["rules"] == true {
            let [headers, redirects] = rules();
            project = project.file("public/_headers", headers).file("public/_redirects", redirects);
        }
        let project = project.file("wrangler.json", config.to_string());
        let dev = Dev::start(&project).await;
        let asked = |method: &str, path: &str| dev.request(method, path).header("host", "site.localhost");
        compared.ask(name, case, asked).await;
    }
    compared.check();
}

const APP: &str = r#"
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/file") return env.ASSETS.fetch(new URL("/notes.txt", request.url));
    return new Response("the API: " + pathname);
  }
};
"#;

#[tokio::test]
async fn saves_of_files_are_served() {
    let app = Project::named(
        "app",
        "[assets]\ndirectory = \"public\"\nbinding = \"ASSETS\"\nnot_found_handling = \"single-page-application\"\nrun_worker_first = [\"/api/*\"]",
        APP,
    )
    .file("public/index.html", "the page")
    .file("public/notes.txt", "some notes");
    let dev = Dev::start(&app).await;
    assert_eq!(dev.text("/").await, "the page");
    assert_eq!(dev.text("/some/view").await, "the page");
    assert_eq!(dev.text("/api/x").await, "the API: /api/x");
    assert_eq!(dev.text("/api/file").await, "some notes");

    app.write("public/notes.txt", "other notes");
    until(&dev, "/api/file", 200, "other notes").await;
    app.write("public/new/folder/page.html", "a new page");
    until(&dev, "/new/folder/page", 200, "a new page").await;
    app.write("public/new/folder/second.html", "a second page");
    until(&dev, "/new/folder/second", 200, "a second page").await;
    std::fs::remove_file(app.join("public/new/folder/page.html")).unwrap();
    until(&dev, "/new/folder/page", 200, "the page").await;
    app.write("public/_redirects", "/old /notes.txt 301\n");
    until(&dev, "/old", 301, "").await;

    // What can't be served is said, and mended.
    app.write("public/_redirects", "/old nowhere 777\n");
    until(&dev, "/", 500, "Invalid _redirects configuration").await;
    app.write("public/_redirects", "");
    until(&dev, "/", 200, "the page").await;
    app.write("public/new/large.bin", vec![0; (25 << 20) + 1]);
    until(&dev, "/", 500, "/new/large.bin").await;
    std::fs::remove_file(app.join("public/new/large.bin")).unwrap();
    until(&dev, "/", 200, "the page").await;
    app.write("public/_worker.js", "export default {}");
    until(&dev, "/", 500, "_worker.js").await;
    app.write("public/.assetsignore", "_worker.js");
    until(&dev, "/_worker.js", 200, "the page").await;
}

#[tokio::test]
async fn a_site_is_bound_to_and_checked() {
    let project = site("").file("public/about.html", "about us");
    let other = Project::named(
        "other",
        "[[services]]\nbinding = \"SITE\"\nservice = \"site\"",
        "export default { fetch: (request, env) => env.SITE.fetch(request) };",
    );
    let dev = Dev::with(&[], &[project.path(), other.path()]).await;
    let port = dev.address().port();
    let of = |worker: &str, path: &str| dev.get(path).header("host", &format!("{worker}.localhost:{port}"));
    assert_eq!(text(of("site", "/about").send().await).await, "about us");
    assert_eq!(text(of("other", "/about").send().await).await, "about us");
    assert_eq!(of("site", "/none").send().await.status(), 404);

    let checked = skerry(project.path(), &["check", "--json"]).await.ok().stdout;
    let checked: Value = serde_json::from_str(&checked).expect("JSON");
    assert_eq!((&checked["name"], &checked["assets"]), (&json!("site"), &json!(1)));

    for (more, told) in [
        ("binding = \"ASSETS\"", "`assets.binding` is for code, and without `main` there is none"),
        ("run_worker_first = true", "Cannot set run_worker_first without a Worker script."),
    ] {
        let wrong = site(more).file("public/index.html", "home");
        let said = skerry(wrong.path(), &["check"]).await.refused().text();
        assert!(said.contains(told), "{said}");
    }
    let said = skerry(site("").path(), &["check"]).await.refused().text();
    assert!(said.contains("wrangler.toml:4") && said.contains("public, which does not exist"), "{said}");
}

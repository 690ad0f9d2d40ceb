//! `skerry init`: every template is a project that Skerry and the stock wrangler both take.

use harness::{Project, skerry, wrangler};

const TEMPLATES: &[&str] = &["hello", "api", "kv", "durable-object", "r2", "ab-test"];

#[tokio::test]
async fn every_template_in_typescript_passes_check_and_wranglers_dry_run() {
    every_template("ts").await;
}

#[tokio::test]
async fn every_template_in_javascript_passes_check_and_wranglers_dry_run() {
    every_template("js").await;
}

async fn every_template(lang: &str) {
    let folder = Project::empty();
    for template in TEMPLATES {
        let name = format!("my-{template}-{lang}");
        skerry(folder.path(), &["init", &name, "--template", template, "--lang", lang]).await.ok();
        let project = folder.join(&name);
        let checked = skerry(&project, &["check"]).await.ok();
        assert!(!checked.text().contains("warning"), "{name}: {}", checked.text());
        let dry = wrangler(&project, &["deploy", "--dry-run", "--outdir", "dist"]).await.ok();
        assert!(dry.text().contains("Total Upload"), "{name}: {}", dry.text());
    }
}

#[tokio::test]
async fn init_never_overwrites_and_refuses_bad_names() {
    let folder = Project::empty().file("taken/keep.txt", "mine");
    let refused = skerry(folder.path(), &["init", "taken"]).await.refused();
    assert!(refused.stderr.contains("taken"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(folder.join("taken/keep.txt")).unwrap(), "mine");
    assert!(!folder.join("taken/wrangler.toml").exists());
    skerry(folder.path(), &["init", "Not A Name!"]).await.refused();
    let refused = skerry(folder.path(), &["init", "ok", "--template", "nope"]).await.refused();
    assert!(refused.stderr.contains("durable-object"), "the templates are not listed:\n{}", refused.stderr);
}

//! `skerry check`, `--help`, `--version`, and how mistakes in a project are told.

use harness::{Project, skerry};

const FINE: &str = "export default { fetch: () => new Response('ok') };";

#[tokio::test]
async fn a_good_project_is_measured() {
    let project = Project::worker(FINE);
    let checked = skerry(project.path(), &["check"]).await.ok();
    let text = checked.text();
    for wanted in ["KiB", "gzip", "ms"] {
        assert!(text.contains(wanted), "no {wanted:?} in:\n{text}");
    }
    // By path as well as from inside.
    let path = project.path().to_str().unwrap();
    skerry(std::path::Path::new("/"), &["check", path]).await.ok();
}

/// Each mistake, and what the message must say.
#[tokio::test]
async fn mistakes_are_told_in_one_clear_paragraph() {
    let head = "name = \"journey\"\nmain = \"index.js\"\ncompatibility_date = \"2026-01-01\"\n";
    let cases: &[(&str, &str, &str, &[&str])] = &[
        (
            "an unknown key",
            "compatibilty_flags = []\n",
            FINE,
            &["compatibilty_flags", "compatibility_flags", "wrangler.toml:4"],
        ),
        ("a wrong type", "workers_dev = \"yes\"\n", FINE, &["workers_dev", "wrangler.toml:4"]),
        ("broken TOML", "vars = {\n", FINE, &["wrangler.toml:"]),
        ("a syntax error", "", "export default {\n  fetch() { return new Response('x' }\n};", &["index.js:2"]),
        (
            "a missing import",
            "",
            "import x from './gone.js';\nexport default { fetch: () => x };",
            &["./gone.js", "index.js"],
        ),
        ("a throw at start", "", "const x = undefined;\nx.boom;\nexport default {};", &["index.js:2", "undefined"]),
    ];
    for (mistake, more, source, wanted) in cases {
        let project = Project::empty().file("wrangler.toml", format!("{head}{more}")).file("index.js", source);
        let refused = skerry(project.path(), &["check"]).await.refused();
        for part in *wanted {
            assert!(refused.stderr.contains(part), "{mistake}: no {part:?} in:\n{}", refused.stderr);
        }
    }

    let empty = Project::empty();
    let refused = skerry(empty.path(), &["check"]).await.refused();
    assert!(refused.stderr.contains("wrangler.toml"), "{}", refused.stderr);
    let missing = Project::empty().file("wrangler.toml", head);
    let refused = skerry(missing.path(), &["check"]).await.refused();
    assert!(refused.stderr.contains("index.js"), "{}", refused.stderr);
}

#[tokio::test]
async fn every_spelling_of_the_config_is_read() {
    let json = r#"{
        // comments and trailing commas are fine
        "name": "journey", "main": "index.js", "compatibility_date": "2026-01-01",
        "vars": { "A": 1, },
    }"#;
    let project = Project::empty().file("wrangler.jsonc", json).file("index.js", FINE);
    skerry(project.path(), &["check"]).await.ok();
    let plain = r#"{ "name": "journey", "main": "index.js", "compatibility_date": "2026-01-01" }"#;
    let project = Project::empty().file("wrangler.json", plain).file("index.js", FINE);
    skerry(project.path(), &["check"]).await.ok();
}

#[tokio::test]
async fn documented_but_unsupported_keys_warn_by_name() {
    let project = Project::configured("[browser]\nbinding = \"BROWSER\"", FINE);
    let checked = skerry(project.path(), &["check"]).await.ok();
    assert!(checked.text().contains("browser"), "{}", checked.text());
}

#[tokio::test]
async fn help_has_examples_and_version_is_one_line() {
    let here = std::path::Path::new(".");
    let version = skerry(here, &["--version"]).await.ok();
    assert_eq!(version.stdout.trim(), format!("skerry {}", env!("CARGO_PKG_VERSION")));
    let help = skerry(here, &["--help"]).await.ok();
    for command in ["dev", "init", "check", "skerry dev "] {
        assert!(help.stdout.contains(command), "no {command:?} in:\n{}", help.stdout);
    }
    for command in ["dev", "init", "check"] {
        let help = skerry(here, &[command, "--help"]).await.ok();
        assert!(help.stdout.contains(&format!("skerry {command}")), "{}", help.stdout);
    }
    let refused = skerry(here, &["dve"]).await.refused();
    assert!(refused.stderr.contains("'dve'") && refused.stderr.contains("--help"), "{}", refused.stderr);
}

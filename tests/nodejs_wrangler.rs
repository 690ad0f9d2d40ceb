//! A project with `nodejs_compat`, bundled by the stock wrangler, runs as it comes out of there: whatever its compatibility date, which
//! decides what wrangler leaves to the runtime.

use harness::{Dev, Project, wrangler};
use serde_json::json;

/// With the first date, wrangler puts much in the place of Node's modules; with the last, hardly anything.
const DATES: [&str; 4] = ["2024-09-23", "2025-03-01", "2025-09-21", "2026-04-24"];

#[tokio::test]
async fn what_wrangler_bundles_runs() {
    for date in DATES {
        let head = format!(
            "name = \"bundled\"\nmain = \"index.js\"\ncompatibility_date = \"{date}\"\ncompatibility_flags = [\"nodejs_compat\"]\n\
             [vars]\nNAME = \"value\"\n",
        );
        let project = Project::copy_of("tests/nodejs/bundled").file("wrangler.toml", &head);
        std::os::unix::fs::symlink(harness::root().join("tests/node_modules"), project.join("node_modules")).unwrap();
        wrangler(project.path(), &["deploy", "--dry-run", "--outdir", "out"]).await.ok();

        let bundle = Project::copy_of(project.join("out")).file("wrangler.toml", format!("no_bundle = true\n{head}"));
        let dev = Dev::start(&bundle).await;
        let env = if date < "2025-04-01" { json!(null) } else { json!("value") };
        let expected = json!({
            "assert": "ERR_ASSERTION",
            "buffer": ["61", true, "b"],
            "dns": { "address": "127.0.0.1", "family": 4 },
            "events": [1],
            "module": [true, true],
            "net": [6, false],
            "os": ["\n", "linux"],
            "path": ["a/b", "y"],
            "process": ["linux", env, "function", "object", "function"],
            "storage": "kept",
            "stream": "AB",
            "string_decoder": "\u{20ac}",
            "url": ["c", "/x", "http://a.com/c"],
            "util": ["{ a: [ 1 ] }", true],
            "zlib": ["zipped", "async"],
            "packages": [{ "a": "value" }, ["x", "y"]],
            "globals": ["function", "object", "object", "function"],
        });
        assert_eq!(dev.json("/").await, expected, "{date}");
    }
}

//! Node's modules. The cases of `nodejs/cases.js` ran in node v20.20.2 as well: what it said is `nodejs/answers.json`.

use std::collections::BTreeMap;

use harness::{Dev, Project};
use serde_json::Value;

const CASES: &str = include_str!("nodejs/cases.js");
const ANSWERS: &str = include_str!("nodejs/answers.json");

#[tokio::test]
async fn every_case_is_answered_as_by_node() {
    let project = Project::configured("compatibility_flags = [\"nodejs_compat\"]", CASES);
    let dev = Dev::start(&project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let ours = dev.json(&format!("/{name}")).await;
        if ours != *answer {
            wrong.push(format!("{name}\n  ours {ours}\n  node {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const STORES: &str = r#"
    import { AsyncLocalStorage } from "node:async_hooks";
    const storage = new AsyncLocalStorage();
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const late = [];
    export default { fetch: (request, env, ctx) => storage.run(new URL(request.url).search, async () => {
        ctx.waitUntil(wait(20).then(() => late.push(storage.getStore())));
        for (let i = 0; i < 5; i++) { await wait(Math.random() * 10); await Promise.resolve(); }
        return Response.json([storage.getStore(), late, typeof Buffer]);
    }) };
"#;

#[tokio::test]
async fn requests_at_the_same_time_have_stores_of_their_own() {
    let project = Project::configured("compatibility_flags = [\"nodejs_als\"]", STORES);
    let dev = Dev::start(&project).await;
    let paths: Vec<String> = (0..8).map(|n| format!("/?{n}")).collect();
    let answers = futures::future::join_all(paths.iter().map(|path| dev.json(path))).await;
    for (path, answer) in paths.iter().zip(answers) {
        assert_eq!(answer[0], path[1..], "{answer}");
        assert_eq!(answer[2], "undefined", "nodejs_als alone brings no globals");
    }
    harness::eventually(|| async { dev.json("/?last").await[1].as_array().is_some_and(|late| late.len() >= 8) }).await;
}

#[tokio::test]
async fn without_the_flag_there_is_no_such_module() {
    let project = Project::configured("no_bundle = true", STORES);
    let dev = Dev::start(&project).await;
    let page = dev.text("/").await;
    assert!(page.contains("No such module") && page.contains("node:async_hooks"), "{page}");
}

#[tokio::test]
async fn what_is_missing_says_so() {
    let worker = r#"
        import process from "node:process";
        import { AsyncLocalStorage } from "node:async_hooks";
        const told = (run) => { try { return run(); } catch ({ message }) { return message; } };
        export default { async fetch(request) {
            const name = new URL(request.url).searchParams.get("import");
            if (name !== null) return Response.json(await import(name).then(Object.keys, ({ message }) => message));
            const storage = new AsyncLocalStorage();
            return Response.json([
                told(() => storage.enterWith(1)), told(() => storage.disable()), process.version, process.cwd(), process.env, Buffer === globalThis.Buffer,
            ]);
        } };
    "#;
    let flags = "compatibility_flags = [\"nodejs_compat\"]\n[vars]\nNAME = \"value\"\nOBJECT = { a = 1 }\n";
    let project = Project::configured(flags, worker);
    let dev = Dev::start(&project).await;
    // These are workerd's.
    let expected = serde_json::json!([
        "asyncLocalStorage.enterWith() is not implemented",
        "asyncLocalStorage.disable() is not implemented",
        "v22.19.0",
        "/bundle",
        { "NAME": "value", "OBJECT": "{\"a\":1}" },
        true,
    ]);
    assert_eq!(dev.json("/").await, expected);
    for missing in ["node:crypto", "node:zlib", "node:fs", "crypto"] {
        let told = dev.json(&format!("/?import={missing}")).await;
        assert_eq!(told, format!("No such module \"{missing}\".\n  imported from \"index.js\""));
    }
}

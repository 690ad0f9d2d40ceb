//! Compatibility flags. Each case of `compatibility/cases.js` ran in workerd 2026-11-17 with its flag off and on, at the date 2026-11-16 without
//! Node.js' modules: what it said is `compatibility/answers.json`.

use std::collections::BTreeMap;

use harness::{Dev, Project, text};
use serde_json::Value;

const ANSWERS: &str = include_str!("compatibility/answers.json");

/// A Worker of the cases, with more flags.
fn worker(name: &str, date: &str, flags: &[&str]) -> Project {
    let flags = [&["no_nodejs_compat", "no_nodejs_compat_v2"], flags].concat();
    let config = format!(
        "name = \"{name}\"\nmain = \"index.js\"\ncompatibility_date = \"{date}\"\ncompatibility_flags = {flags:?}\nno_bundle = true\n\
         find_additional_modules = true\nrules = [{{ type = \"CommonJS\", globs = [\"**/*.cjs\"] }}, {{ type = \"ESModule\", globs = [\"**/*.js\"] }}]\n"
    );
    Project::copy_of("tests/compatibility").file("wrangler.toml", &config)
}

#[tokio::test]
async fn each_flag_does_what_it_does_in_workerd() {
    let answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let mut projects = vec![worker("on", "2026-11-16", &[])];
    for (number, (name, answer)) in answers.iter().enumerate() {
        // What needs the one is off with the other.
        let more: &[&str] = match &**name {
            "cache_option_enabled" => &["cache_no_cache_disabled"],
            "fetch_iterable_type_support" => &["no_fetch_iterable_type_support_override_adjustment"],
            _ => &[],
        };
        let off = answer["off_by"].as_str().unwrap();
        projects.push(worker(&format!("off{number}"), "2026-11-16", &[&[off], more].concat()));
    }
    let paths: Vec<_> = projects.iter().map(Project::path).collect();
    let dev = Dev::with(&[], &paths).await;
    let mut wrong = Vec::new();
    for (number, (name, answer)) in answers.iter().enumerate() {
        for (which, host) in [("on", "on.localhost".to_owned()), ("off", format!("off{number}.localhost"))] {
            let ours = text(dev.get(&format!("/{name}")).header("host", &host).send().await).await;
            if serde_json::from_str(&ours).ok().as_ref() != Some(&answer[which]) {
                wrong.push(format!("{name} {which}\n  ours    {ours}\n  workerd {}", answer[which]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_worker_learns_which_flags_are_on() {
    let source = r#"
        export default { fetch() {
            const { compatibilityFlags: flags } = Cloudflare;
            return Response.json([
                flags.url_standard, flags.set_tostring_tag, flags.nodejs_compat, flags.nodejs_als, Object.isFrozen(flags), "no_such_flag" in flags,
                Object.keys(flags).length > 150, origin,
            ]);
        } };
    "#;
    let project = Project::empty()
        .file("wrangler.toml", "name = \"w\"\nmain = \"index.js\"\ncompatibility_date = \"2024-09-25\"\ncompatibility_flags = [\"nodejs_als\"]\n")
        .file("index.js", source);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.json("/").await, serde_json::json!([true, false, false, true, true, false, true, "null"]));
}

#[tokio::test]
async fn a_module_with_top_level_await_is_not_for_require() {
    let project = worker("on", "2026-11-16", &[]);
    let dev = Dev::start(&project).await;
    let told = dev.json("/disable_top_level_await_in_require").await;
    assert_eq!(told, "Error: Top-level await in module is not permitted at this time.");
}

#[tokio::test]
async fn an_unknown_flag_is_told_of() {
    let project = Project::configured(
        "compatibility_flags = [\"nodejs_compatt\"]",
        "export default { fetch: () => new Response() };",
    );
    let dev = Dev::start(&project).await;
    harness::eventually(|| async { dev.output().contains("the compatibility flag `nodejs_compatt` is unknown") }).await;
}

//! Compatibility flags. Each case of `compatibility/cases.js` and `more_cases.js` ran in workerd 2026-11-17 with its flag off and on, at the date
//! 2026-11-16 without Node.js' modules: what it said is `compatibility/answers.json`. `off_by`, `on_by`: the flag that made the difference; `off_date`: the
//! date that did, where no flag does; `with`: flags that were named both times.

use std::collections::BTreeMap;

use harness::{Dev, Project, text};
use serde_json::Value;

const ANSWERS: &str = include_str!("compatibility/answers.json");
const DATE: &str = "2026-11-16";

/// A Worker of the cases, with more flags; before Node.js' modules came with the date, there are none to leave out.
fn worker(name: &str, date: &str, flags: &[&str]) -> Project {
    let without: &[&str] = if date < "2026-08-04" { &[] } else { &["no_nodejs_compat", "no_nodejs_compat_v2"] };
    let flags = [without, flags].concat();
    let config = format!(
        "name = \"{name}\"\nmain = \"index.js\"\ncompatibility_date = \"{date}\"\ncompatibility_flags = {flags:?}\nno_bundle = true\n\
         find_additional_modules = true\nrules = [{{ type = \"CommonJS\", globs = [\"**/*.cjs\"] }}, {{ type = \"ESModule\", globs = [\"**/*.js\"] }}]\n\
         [[services]]\nbinding = \"SELF\"\nservice = \"{name}\"\n\
         [[durable_objects.bindings]]\nname = \"STORE\"\nclass_name = \"Store\"\n[[migrations]]\ntag = \"v1\"\nnew_sqlite_classes = [\"Store\"]\n"
    );
    Project::copy_of("tests/compatibility").file("wrangler.toml", &config)
}

/// A question of `answers.json`, for the Worker that stands at `project`.
struct Question<'a> {
    case: &'a str,
    project: usize,
    expected: &'a Value,
    is_on: bool,
}

#[tokio::test]
async fn each_flag_does_what_it_does_in_workerd() {
    let answers: BTreeMap<String, Value> = serde_json::from_str(ANSWERS).unwrap();
    let mut settings: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut questions = Vec::new();
    for (case, answer) in &answers {
        let named = |key: &str| answer[key].as_str().into_iter();
        // What needs the one is off with the other.
        let more: &[&str] = match &**case {
            "cache_option_enabled" => &["cache_no_cache_disabled"],
            "fetch_iterable_type_support" => &["no_fetch_iterable_type_support_override_adjustment"],
            _ => &[],
        };
        let with = answer["with"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let with: Vec<&str> = with.collect();
        let on = (DATE, with.iter().copied().chain(named("on_by")).collect());
        let off_date = answer["off_date"].as_str().unwrap_or(DATE);
        let off = (off_date, with.iter().copied().chain(named("off_by")).chain(more.iter().copied()).collect());
        for (setting, key) in [(on, "on"), (off, "off")] {
            // Of a flag that is followed only as it is on, there is no other answer.
            let Some(expected) = answer.get(key) else { continue };
            let project = settings.iter().position(|known| *known == setting).unwrap_or_else(|| {
                settings.push(setting);
                settings.len() - 1
            });
            questions.push(Question { case, project, expected, is_on: key == "on" });
        }
    }
    let projects: Vec<_> =
        settings.iter().enumerate().map(|(number, (date, flags))| worker(&format!("w{number}"), date, flags)).collect();
    let paths: Vec<_> = projects.iter().map(Project::path).collect();
    let dev = Dev::with(&[], &paths).await;
    let mut wrong = Vec::new();
    for Question { case, project, expected, is_on } in questions {
        let request = dev.get(&format!("/{case}")).header("host", &format!("w{project}.localhost"));
        let ours = text(request.send().await).await;
        if serde_json::from_str(&ours).ok().as_ref() != Some(expected) {
            wrong.push(format!("{case} {}\n  ours    {ours}\n  workerd {expected}", if is_on { "on" } else { "off" }));
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

/// What is bundled has no attributes left; what is not is looked at as its flags say.
#[tokio::test]
async fn an_import_may_say_that_it_is_json() {
    let source = r#"
        import value from "./value.json" with { type: "json" };
        export default { fetch: async () => Response.json([value, (await import("./value.json", { with: { type: "json" } })).default]) };
    "#;
    let unbundled = r#"
        const later = async (run) => { try { return await run(); } catch (error) { return `${error.name}: ${error.message}`; } };
        export default { fetch: async () => Response.json([
            await later(() => import("./code.js", { with: { type: "json" } })), await later(() => import("./code.js", { with: { other: "json" } })),
        ]) };
    "#;
    let project = |name: &str, source: &str, more: &str| {
        let config = format!("name = \"{name}\"\nmain = \"index.js\"\ncompatibility_date = \"{DATE}\"\n{more}");
        let project = Project::empty().file("wrangler.toml", &config).file("index.js", source);
        project.file("value.json", "{\"a\": 1}").file("code.js", "export default 1;")
    };
    let as_it_is =
        "no_bundle = true\nfind_additional_modules = true\nrules = [{ type = \"ESModule\", globs = [\"**/*.js\"] }]\n";
    let bundled = project("bundled", source, "");
    let old = project("old", unbundled, as_it_is);
    let new = project("new", unbundled, &format!("compatibility_flags = [\"new_module_registry\"]\n{as_it_is}"));
    let dev = Dev::with(&[], &[bundled.path(), old.path(), new.path()]).await;
    let refused = "Error: Unrecognized import attributes specified";
    let (json, other) = (
        "TypeError: Module \"./code.js\" is not of type \"json\"",
        "TypeError: Unsupported import attribute \"other\"",
    );
    for (name, expected) in [
        ("bundled", serde_json::json!([{ "a": 1 }, { "a": 1 }])),
        ("old", serde_json::json!([refused, refused])),
        ("new", serde_json::json!([json, other])),
    ] {
        let told = text(dev.get("/").header("host", &format!("{name}.localhost")).send().await).await;
        assert_eq!(serde_json::from_str::<Value>(&told).ok(), Some(expected), "{name}: {told}");
    }
}

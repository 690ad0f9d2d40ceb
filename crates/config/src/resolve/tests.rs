//! Files in, Workers or golden error messages out.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Resolved, resolve};
use crate::schema::vars::Var;
use crate::source::{Format, Source};
use crate::{CompatibilityDate, ConfigError, Limits, Preset};

/// A folder with `src/index.ts` in it, gone at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("skerry-resolve-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("src")).expect("a temporary folder");
        fs::write(path.join("src/index.ts"), "export default {}").expect("a file");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn today() -> CompatibilityDate {
    let far = CompatibilityDate::today();
    CompatibilityDate::parse("2026-03-01", far).expect("a date")
}

fn load(name: &str, text: &str, env: Option<&str>, root: &Path) -> Result<Resolved, ConfigError> {
    let path = PathBuf::from(name);
    let format = Format::of(&path).expect("a known extension");
    let source = Source { path, text: text.to_owned(), format };
    resolve(&source, root, env, Limits::default(), today())
}

fn warnings(resolved: &Resolved) -> Vec<String> {
    resolved.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn toml_and_json_say_the_same() {
    let folder = Folder::new("same");
    let toml = r#"
name = "shop"
main = "src/index.ts"
compatibility_date = "2024-09-23"
compatibility_flags = ["nodejs_compat"]
route = { pattern = "shop.example/*", zone_name = "shop.example" }
alias = { react = "preact/compat" }

[limits]
cpu_ms = 20

[vars]
GREETING = "hello"
NUMBERS = [1, 2.5]

[triggers]
crons = ["0 * * * *"]

[[rules]]
type = "Text"
globs = ["**/*.html"]

[dev]
port = 9000
"#;
    let json = r#"{
  // A comment, and trailing commas, as in .jsonc.
  "name": "shop",
  "main": "src/index.ts",
  "compatibility_date": "2024-09-23",
  "compatibility_flags": ["nodejs_compat"],
  "route": { "pattern": "shop.example/*", "zone_name": "shop.example" },
  "alias": { "react": "preact/compat" },
  "limits": { "cpu_ms": 20 },
  "vars": { "GREETING": "hello", "NUMBERS": [1, 2.5] },
  "triggers": { "crons": ["0 * * * *"] },
  "rules": [{ "type": "Text", "globs": ["**/*.html"], }],
  "dev": { "port": 9000 },
}"#;
    let from_toml = load("wrangler.toml", toml, None, &folder.0).expect("valid TOML");
    let from_json = load("wrangler.jsonc", json, None, &folder.0).expect("valid JSON");
    assert_eq!(from_toml.worker, from_json.worker);
    assert!(from_toml.warnings.is_empty() && from_json.warnings.is_empty());

    let worker = from_toml.worker;
    assert_eq!(worker.name.as_str(), "shop");
    assert_eq!(worker.main, Some(folder.0.join("src/index.ts")));
    assert_eq!(worker.base_dir, folder.0.join("src"));
    assert_eq!(worker.limits.cpu, Duration::from_millis(20));
    assert_eq!(worker.limits.subrequests, Preset::Paid.limits().subrequests);
    assert_eq!(worker.vars["GREETING"], Var::Text("hello".to_owned()));
    assert_eq!(worker.vars["NUMBERS"], Var::Json(serde_json::json!([1, 2.5])));
    assert_eq!(worker.crons, ["0 * * * *"]);
    assert_eq!(worker.dev.port, Some(9000));
    assert!(worker.keep_names && !worker.minify && worker.find_additional_modules.is_none());
}

#[test]
fn environments_inherit_settings_but_not_bindings() {
    let folder = Folder::new("env");
    let text = r#"
name = "shop"
main = "src/index.ts"
compatibility_date = "2024-09-23"
minify = true
kv_namespaces = [{ binding = "CARTS", id = "1" }]

[vars]
GREETING = "hello"
REGION = "eu"

[env.staging]
compatibility_flags = ["nodejs_compat"]
[env.staging.vars]
GREETING = "hi"
[env.staging.browser]
binding = "DB"

[env.production]
name = "the-shop"
minify = false
"#;
    let staging = load("wrangler.toml", text, Some("staging"), &folder.0).expect("staging");
    assert_eq!(staging.worker.name.as_str(), "shop-staging");
    assert!(staging.worker.minify, "inherited");
    assert_eq!(staging.worker.compatibility_flags, ["nodejs_compat"]);
    assert_eq!(staging.worker.vars.len(), 1, "variables are the environment's own");
    assert!(staging.worker.environment.kv_namespaces.is_empty());
    assert_eq!(
        warnings(&staging),
        [
            "wrangler.toml:6: `kv_namespaces` is set at the top level, but environments don't inherit it: \
             add it to `env.staging` if it is needed there",
            "wrangler.toml:10: `vars.REGION` is set at the top level, but environments don't inherit it: \
             add it to `env.staging` if it is needed there",
            "wrangler.toml:16: `browser` is not supported by skerry dev yet and is ignored",
        ]
    );

    let production = load("wrangler.toml", text, Some("production"), &folder.0).expect("production");
    assert_eq!(production.worker.name.as_str(), "the-shop");
    assert!(!production.worker.minify, "overridden");

    let top = load("wrangler.toml", text, None, &folder.0).expect("the top level");
    assert_eq!(top.worker.name.as_str(), "shop");
    assert_eq!(top.worker.environment.kv_namespaces[0].binding, "CARTS");
    assert_eq!(warnings(&top), [""; 0]);

    let error = load("wrangler.toml", text, Some("stagging"), &folder.0).expect_err("no such one");
    assert_eq!(
        error.to_string(),
        "wrangler.toml has no environment \"stagging\", only production and staging. \
         Did you mean --env staging? To configure a new one, add [env.stagging]."
    );
}

#[test]
fn an_environment_that_no_file_names_uses_the_top_level() {
    let folder = Folder::new("noenv");
    let text = "{\"main\": \"src/index.ts\", \"name\": \"a\"}";
    let resolved = load("wrangler.json", text, Some("Live"), &folder.0).expect("resolved");
    assert_eq!(resolved.worker.name.as_str(), "a-live");
    assert_eq!(resolved.worker.compatibility_date, today());
    assert_eq!(
        warnings(&resolved),
        [
            "wrangler.json:1: there is no environment \"Live\", so the top level is used: \
             add \"env\": { \"Live\": {} } to configure it",
            "wrangler.json: no compatibility date is set, so today's is used: \
             add \"compatibility_date\": \"2026-03-01\"",
        ]
    );
}

/// File name, text, and everything that is printed.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "wrangler.toml",
        "name = \"a\"\nmain = \"src/index.ts\"\ncompatability_date = \"2024-01-01\"\n",
        r#"wrangler.toml:3:1: unknown key `compatability_date`; did you mean `compatibility_date`?
   |
 3 | compatability_date = "2024-01-01"
   | ^^^^^^^^^^^^^^^^^^"#,
    ),
    (
        "wrangler.jsonc",
        "{\n\t\"main\": \"src/index.ts\",\n\t\"dev\": { \"port\": \"8080\" },\n\t\"minify\": \"true\",\n\t\"name\": 7\n}",
        "wrangler.jsonc:3:19: `dev.port` should be a whole number, but is a string: write 8080 without quotes
   |
 3 | \t\"dev\": { \"port\": \"8080\" },
   | \t                 ^^^^^^

wrangler.jsonc:4:12: `minify` should be true or false, but is a string: write true without quotes
   |
 4 | \t\"minify\": \"true\",
   | \t          ^^^^^^

wrangler.jsonc:5:10: `name` should be a string, but is a number: write it in quotes, \"7\"
   |
 5 | \t\"name\": 7
   | \t        ^",
    ),
    (
        "wrangler.toml",
        "name = \"a\"\n[build]\ncommand = \"make\"\nmain = \"src/index.ts\"\n",
        r#"wrangler.toml:1:1: the key `main` is missing, so there is no code to run: add the entry point, main = "src/index.ts"
   |
 1 | name = "a"
   | ^

wrangler.toml:4:1: unknown key `main` in `build`; `main` is a top-level key, so in TOML it must stand before the first [table]
   |
 4 | main = "src/index.ts"
   | ^^^^"#,
    ),
    (
        "wrangler.toml",
        "main = \"src/indx.ts\"\nname = \"Shop\"\n",
        r#"wrangler.toml:2:8: `name` cannot be "Shop": only lowercase letters, digits, dashes and underscores are allowed
   |
 2 | name = "Shop"
   |        ^^^^^^"#,
    ),
    (
        "wrangler.toml",
        "main = \"src/index.ts\"\ncompatibility_date = \"2027-01-01\"\n[env.a]\ncompatibility_date = \"2024-02-30\"\n[env.b]\ncompatibility_date = 2024-01-01\n",
        r#"wrangler.toml:2:22: `compatibility_date` is in the future: Can't set compatibility date in the future: "2027-01-01". The latest that can be used today is 2026-03-01
   |
 2 | compatibility_date = "2027-01-01"
   |                      ^^^^^^^^^^^^

wrangler.toml:4:22: `env.a.compatibility_date` should be a day written as YYYY-MM-DD, but is "2024-02-30"
   |
 4 | compatibility_date = "2024-02-30"
   |                      ^^^^^^^^^^^^

wrangler.toml:6:22: `env.b.compatibility_date` should be a string, but is a date: write it in quotes, "2024-01-01"
   |
 6 | compatibility_date = 2024-01-01
   |                      ^^^^^^^^^^"#,
    ),
    (
        "wrangler.toml",
        "main = \"src/index.ts\"\n[[kv_namespaces]]\nid = \"1\"\n[[rules]]\ntype = \"text\"\nglobs = []\n",
        r#"wrangler.toml:2:1: the key `binding` of `kv_namespaces[0]` is required but missing
   |
 2 | [[kv_namespaces]]
   | ^^^^^^^^^^^^^^^^^

wrangler.toml:5:8: `rules[0].type` should be "ESModule", "CommonJS", "CompiledWasm", "Text", "Data", "PythonModule" or "PythonRequirement", but is "text"; did you mean "Text"?
   |
 5 | type = "text"
   |        ^^^^^^"#,
    ),
    (
        "wrangler.toml",
        "main = \"src/index.ts\"\ncompatibility_date = \"2024-01-01\"\n[vars]\nDB = \"x\"\n[[d1_databases]]\nbinding = \"DB\"\n[text_blobs]\nPAGE = \"page.html\"\n",
        r#"wrangler.toml:6:1: the name `DB` is already taken by `vars` on line 4: each binding needs a name of its own
   |
 6 | binding = "DB"
   | ^^^^^^^

wrangler.toml:8:8: `text_blobs.PAGE` names ROOT/page.html, which does not exist
   |
 8 | PAGE = "page.html"
   |        ^^^^^^^^^^^"#,
    ),
    (
        "wrangler.json",
        "{\n  \"name\": \"a\",\n  \"name\": \"b\"\n}",
        r#"wrangler.json:3:3: `name` is already set on line 2: keep one of the two
   |
 3 |   "name": "b"
   |   ^^^^^^"#,
    ),
    (
        "wrangler.json",
        "{\n  \"name\": \"a\"\n  \"main\": \"b\"\n}",
        r#"wrangler.json:2:14: this is not valid JSON: expected comma
   |
 2 |   "name": "a"
   |              ^"#,
    ),
    (
        "wrangler.toml",
        "name = \"é\" x\nmain = \"unclosed\n",
        r#"wrangler.toml:1:12: this is not valid TOML: unexpected key or value, expected newline, `#`
   |
 1 | name = "é" x
   |            ^

wrangler.toml:2:17: this is not valid TOML: invalid basic string, expected `"`
   |
 2 | main = "unclosed
   |                 ^"#,
    ),
    (
        "wrangler.toml",
        "main = \"src/gone.ts\"\nnode_compat = true\nroute = \"a/*\"\nroutes = [{ pattern = \"b/*\" }]\n[observability]\nhead_sampling_rate = 2\n",
        r#"wrangler.toml:2:1: `node_compat` was removed from wrangler: use compatibility_flags = ["nodejs_compat"] instead
   |
 2 | node_compat = true
   | ^^^^^^^^^^^

wrangler.toml:3:1: `route` and `routes` exclude each other: keep `routes`
   |
 3 | route = "a/*"
   | ^^^^^

wrangler.toml:4:11: `routes[0]` says no zone: add `zone_name`, `zone_id` or `custom_domain`, or write the pattern alone as a string
   |
 4 | routes = [{ pattern = "b/*" }]
   |           ^^^^^^^^^^^^^^^^^^^

wrangler.toml:6:22: `observability.head_sampling_rate` should be from 0 to 1, but is 2
   |
 6 | head_sampling_rate = 2
   |                      ^"#,
    ),
    (
        "wrangler.toml",
        "main = \"src/gone.ts\"\n",
        r#"wrangler.toml:1:8: `main` should be the Worker's entry point, but ROOT/src/gone.ts does not exist
   |
 1 | main = "src/gone.ts"
   |        ^^^^^^^^^^^^^"#,
    ),
];

#[test]
fn mistakes_point_at_their_place() {
    let folder = Folder::new("mistakes");
    for (name, text, expected) in MISTAKES {
        let error = load(name, text, None, &folder.0).expect_err(text);
        let printed = error.to_string().replace(&*folder.0.to_string_lossy(), "ROOT");
        assert_eq!(&printed, expected, "\n--- for ---\n{text}\n--- got ---\n{printed}\n");
    }
}

#[test]
fn a_long_line_is_shown_in_part() {
    let folder = Folder::new("long");
    let filler = "x".repeat(400);
    let text = format!(
        "{{\"main\":\"src/index.ts\",\"vars\":{{\"A\":\"{filler}\"}},\"minfy\":true,\"define\":{{\"B\":\"{filler}\"}}}}"
    );
    let printed = load("wrangler.json", &text, None, &folder.0).expect_err("minfy").to_string();
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].ends_with("unknown key `minfy`; did you mean `minify`?"), "{printed}");
    assert!(
        lines[2].chars().count() < 160 && lines[2].starts_with(" 1 | …xxx") && lines[2].ends_with('…'),
        "{printed}"
    );
    let caret = lines[3].find('^').expect("carets");
    let under: String = lines[2].chars().skip(caret).take(7).collect();
    assert_eq!(under, "\"minfy\"");
    assert_eq!(lines[3].matches('^').count(), 7);
}

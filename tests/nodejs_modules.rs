//! Node's modules, one by one: `nodejs/NAME.js` asks each, and what node v20.20.2 said to the same is `nodejs/NAME.json`, which
//! `nodejs/record.mjs` writes. What does nothing on the platform was asked of workerd instead (`nodejs/stubs.js`).

use std::collections::BTreeMap;

use harness::{Dev, Project};
use serde_json::Value;

macro_rules! answers {
    ($($name:ident $flags:expr),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                let cases = include_str!(concat!("nodejs/", stringify!($name), ".js"));
                let answers = include_str!(concat!("nodejs/", stringify!($name), ".json"));
                is_answered_alike($flags, cases, answers).await;
            }
        )*
    };
}

answers!(console [], http [], net [], url [], zlib [], stubs LATER);

/// What comes after the date of these projects.
const LATER: [&str; 9] = [
    "enable_nodejs_child_process_module",
    "enable_nodejs_dgram_module",
    "enable_nodejs_inspector_module",
    "enable_nodejs_perf_hooks_module",
    "enable_nodejs_readline_module",
    "enable_nodejs_repl_module",
    "enable_nodejs_tty_module",
    "enable_nodejs_v8_module",
    "enable_nodejs_worker_threads_module",
];

pub(crate) async fn is_answered_alike<const N: usize>(flags: [&str; N], cases: &str, answers: &str) {
    let flags = [&["nodejs_compat"][..], &flags[..]].concat();
    answers_alike(&Project::configured(&format!("compatibility_flags = {flags:?}"), cases), answers).await;
}

async fn answers_alike(project: &Project, answers: &str) {
    let dev = Dev::start(project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(answers).unwrap();
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let ours = dev.json(&format!("/{name}")).await;
        differences(name, &ours, answer, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A project of workerd 2026-11-17's newest date.
fn newest(worker: &str) -> Project {
    let config = "name = \"newest\"\nmain = \"index.js\"\nno_bundle = true\ncompatibility_date = \"2026-11-17\"\n";
    Project::empty().file("wrangler.toml", config).file("index.js", worker)
}

#[tokio::test]
async fn what_the_platform_has_beside_node_is_there() {
    answers_alike(&newest(include_str!("nodejs/more.js")), include_str!("nodejs/more.json")).await;
}

/// What workerd exports and Skerry does not: a module, and how the names begin.
const NOT_HERE: [(&str, &str); 6] = [
    ("cluster", "domain"),
    ("console", "_"),
    ("zlib", "ZSTD_"),
    ("zlib", "Zstd"),
    ("zlib", "zstd"),
    ("zlib", "createZstd"),
];

#[tokio::test]
async fn every_name_of_the_platform_is_exported() {
    let project = newest(include_str!("nodejs/names.js"));
    let dev = Dev::start(&project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(include_str!("nodejs/names.json")).unwrap();
    let mut missing = Vec::new();
    for (module, names) in &answers {
        let ours = dev.json(&format!("/{}", module.replace('/', "%2F"))).await;
        for kind in ["exports", "default"] {
            let there = ours[kind].as_array().unwrap_or_else(|| panic!("{module}: {ours}"));
            let wanted = names[kind].as_array().unwrap().iter().filter(|name| !there.contains(name));
            missing.extend(wanted.map(|name| (module.as_str(), kind, name.as_str().unwrap())));
        }
    }
    missing.retain(|(module, _, name)| !NOT_HERE.iter().any(|(of, prefix)| of == module && name.starts_with(prefix)));
    assert!(missing.is_empty(), "{missing:?}");
}

/// Where the two differ, by the path to it.
fn differences(path: &str, ours: &Value, nodes: &Value, wrong: &mut Vec<String>) {
    match (ours, nodes) {
        (Value::Array(ours), Value::Array(nodes)) if ours.len() == nodes.len() => {
            ours.iter()
                .zip(nodes)
                .enumerate()
                .for_each(|(n, (ours, nodes))| differences(&format!("{path}[{n}]"), ours, nodes, wrong));
        }
        (Value::Object(ours), Value::Object(nodes)) if ours.keys().eq(nodes.keys()) => {
            ours.iter().for_each(|(key, ours)| differences(&format!("{path}.{key}"), ours, &nodes[key], wrong));
        }
        (ours, nodes) if ours == nodes => {}
        (ours, nodes) => wrong.push(format!("{path}\n  ours {ours}\n  node {nodes}")),
    }
}

const BOMBS: &str = r#"
    import zlib from "node:zlib";
    import { promisify } from "node:util";
    import { buffer } from "node:stream/consumers";
    const { constants } = zlib;
    const many = (part, count) => Buffer.concat(Array(count).fill(part));
    export default { async fetch(request) {
        const gzipped = () => many(zlib.gzipSync(Buffer.alloc(20_000_000)), 100);
        switch (new URL(request.url).pathname) {
            case "/sync": return new Response(zlib.gunzipSync(gzipped()).length);
            case "/async": return new Response((await promisify(zlib.gunzip)(gzipped())).length);
            case "/limited": {
                const told = await promisify(zlib.unzip)(gzipped(), { maxOutputLength: 1_000_000 }).catch(({ code }) => code);
                return new Response(told);
            }
            case "/streamed": {
                let bytes = 0;
                const stream = zlib.createGunzip();
                stream.end(many(zlib.gzipSync(Buffer.alloc(20_000_000)), 5));
                for await (const chunk of stream) bytes += chunk.length;
                return new Response(bytes);
            }
            case "/engines": {
                const streams = [];
                const told = new Set();
                for (let i = 0; i < 2000; i++) {
                    const stream = zlib.createGzip({ memLevel: 9 });
                    stream.on("error", ({ code }) => told.add(code));
                    stream.write("x");
                    streams.push(stream);
                }
                for (let i = 0; i < 200 && told.size === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
                return Response.json([...told]);
            }
            case "/windows": {
                const params = { [constants.BROTLI_PARAM_LARGE_WINDOW]: 1, [constants.BROTLI_PARAM_LGWIN]: 30 };
                const told = [];
                const stream = zlib.createBrotliCompress({ params });
                stream.on("error", ({ code }) => told.push(code));
                stream.write("x".repeat(100_000));
                await new Promise((resolve) => setTimeout(resolve, 20));
                return Response.json(told);
            }
            default: return new Response("alive");
        }
    } };
"#;

/// What inflates without end is memory of the isolate's, and what engines hold has a bound.
#[tokio::test]
async fn bombs_do_no_harm() {
    let project = Project::configured("compatibility_flags = [\"nodejs_compat\"]", BOMBS);
    let mut dev = Dev::start(&project).await;
    for path in ["/sync", "/async"] {
        assert_eq!(dev.get(path).send().await.status(), 503, "{path}");
        assert_eq!(dev.text("/").await, "alive");
    }
    assert_eq!(dev.text("/limited").await, "ERR_BUFFER_TOO_LARGE");
    assert_eq!(dev.text("/streamed").await, "100000000");
    assert_eq!(dev.text("/engines").await, "[\"Z_MEM_ERROR\"]");
    assert_eq!(dev.text("/windows").await, "[\"ERR_BROTLI_COMPRESSION_FAILED\"]");
    assert_eq!(dev.text("/").await, "alive");
    dev.assert_alive();
}

const IMPORTS: &str = r#"
    import process from "node:process";
    export default { async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/write") {
            process.stdout.write("to the log\nand ");
            process.stdout.write("more of it\n");
            process.stderr.write("an error's line\n");
            return new Response("written");
        }
        if (pathname === "/exit") process.exit(3);
        const name = decodeURIComponent(pathname.slice(1));
        return Response.json([await import(name).then(() => true, () => false), process.getBuiltinModule(name) !== undefined, typeof process.stdout]);
    } };
"#;

/// A date, more flags, and which imports are there.
type Dated = (&'static str, &'static str, &'static [(&'static str, bool)]);

#[tokio::test]
async fn they_come_with_dates_and_flags() {
    let cases: [Dated; 7] = [
        (
            "2025-03-01",
            "",
            &[
                ("node:zlib", true),
                ("node:os", false),
                ("node:http", false),
                ("node:console", false),
                ("cloudflare:node", false),
            ],
        ),
        ("2025-03-01", ", \"enable_nodejs_os_module\"", &[("node:os", true), ("os", true), ("node:http", false)]),
        ("2025-08-31", "", &[("node:http", true), ("node:_http_server", false), ("cloudflare:node", false)]),
        (
            "2025-09-14",
            ", \"enable_nodejs_process_v2\"",
            &[("node:fs", false), ("node:sqlite", false), ("node:test", true), ("test", false)],
        ),
        (
            "2025-09-15",
            ", \"disable_nodejs_fs_module\"",
            &[("node:fs", false), ("node:fs/promises", false), ("node:os", true)],
        ),
        ("2025-09-15", "", &[("node:fs", true), ("fs", true), ("fs/promises", true)]),
        (
            "2026-04-24",
            ", \"disable_nodejs_console_module\"",
            &[
                ("node:console", false),
                ("cloudflare:node", true),
                ("node:v8", true),
                ("node:fs", true),
                ("node:sqlite", true),
                ("node:_stream_wrap", true),
                ("node:test", true),
                ("node:nothing", false),
            ],
        ),
    ];
    for (date, flags, imports) in cases {
        let config = format!(
            "name = \"dated\"\nmain = \"index.js\"\nno_bundle = true\ncompatibility_date = \"{date}\"\n\
             compatibility_flags = [\"nodejs_compat\"{flags}]\n"
        );
        let project = Project::empty().file("wrangler.toml", config).file("index.js", IMPORTS);
        let dev = Dev::start(&project).await;
        let stdout = if date < "2025-09-14" { "undefined" } else { "object" };
        for (name, there) in imports {
            let told = dev.json(&format!("/{}", name.replace(':', "%3A"))).await;
            assert_eq!(told, serde_json::json!([there, there, stdout]), "{date} {name}");
        }
    }
}

#[tokio::test]
async fn streams_of_the_process_are_the_log() {
    let project = Project::configured("compatibility_flags = [\"nodejs_compat\"]", IMPORTS);
    let dev = Dev::start(&project).await;
    assert_eq!(dev.text("/write").await, "written");
    for line in ["to the log", "and more of it", "an error's line"] {
        let told = dev.line(line).await;
        assert!(told.contains("index.js:"), "it was the Worker that wrote it: {told}");
    }
    let page = dev.text("/exit").await;
    assert!(page.contains("The Node.js process.exit(3) API was called. Canceling the request."), "{page}");
}

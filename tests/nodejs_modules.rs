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

async fn is_answered_alike<const N: usize>(flags: [&str; N], cases: &str, answers: &str) {
    let flags = [&["nodejs_compat"][..], &flags[..]].concat();
    let project = Project::configured(&format!("compatibility_flags = {flags:?}"), cases);
    let dev = Dev::start(&project).await;
    let answers: BTreeMap<String, Value> = serde_json::from_str(answers).unwrap();
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let ours = dev.json(&format!("/{name}")).await;
        differences(name, &ours, answer, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
    let cases: [Dated; 4] = [
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
            "2026-04-24",
            ", \"disable_nodejs_console_module\"",
            &[
                ("node:console", false),
                ("cloudflare:node", true),
                ("node:v8", true),
                ("node:fs", false),
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
        let stdout = if date < "2025-09-15" { "undefined" } else { "object" };
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

//! Workers run without sockets: the runtime's snapshot, handlers, limits.

mod gate;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::{HeaderMap, Response};
use tokio_util::sync::CancellationToken;
use webapi::body::{BodyReader, Outgoing};
use webapi::fetch::{Outbound, Policy};

use crate::*;

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| snapshot().unwrap_or_else(|error| panic!("{error}")));

/// Runs a test with V8 started before any of its threads.
fn run(test: impl Future<Output = ()>) {
    initialize();
    let _ = &*SNAPSHOT;
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test);
}

fn host() -> Arc<Host> {
    let caches = crate::Caches::new(::cache::Store::new("unused".into(), ::cache::Limits::default()), "NRT", false);
    Host::new(HostOptions {
        snapshot: SNAPSHOT.clone(),
        outbound: Outbound::new(Policy::development()),
        served: None,
        caches,
        isolates: None,
    })
}

fn worker(source: &str, limits: Limits) -> (Worker, tokio::sync::mpsc::Receiver<Notice>) {
    worker_of(&[("index.js", ModuleKind::EsModule, source)], limits)
}

fn worker_of(modules: &[(&str, ModuleKind, &str)], limits: Limits) -> (Worker, tokio::sync::mpsc::Receiver<Notice>) {
    let modules =
        modules.iter().map(|&(name, kind, source)| (name.to_owned(), ModuleSource::new(kind, source.to_owned())));
    let version = Version {
        name: "test".into(),
        modules: Arc::new(ModuleGraph::new("index.js", modules)),
        compatibility: crate::Compatibility::newest(),
        bindings: vec![Binding { name: "NAME".into(), value: BindingValue::Text("env".into()) }],
        limits,
        own: Own::default(),
        outbound: None,
    };
    let (notices, heard) = tokio::sync::mpsc::channel(64);
    (Worker::spawn(host(), Arc::new(version), notices), heard)
}

fn request(path: &str) -> Request {
    Request {
        method: http::Method::GET,
        url: format!("http://test.example{path}"),
        headers: HeaderMap::new(),
        body: None::<BodyReader>,
        cf: Some(Arc::new(|| r#"{"colo":"NRT"}"#.to_owned())),
        colo: "NRT".into(),
        gone: CancellationToken::new(),
        entrypoint: Entrypoint::default(),
        invocations: Invocations::default(),
        via: crate::Via::default(),
    }
}

async fn get(worker: &Worker, path: &str) -> Outcome<Response<Outgoing>> {
    let request = request(path);
    tokio::time::timeout(Duration::from_secs(20), worker.fetch(request, Usage::default()))
        .await
        .expect("an answer in time")
}

async fn text(worker: &Worker, path: &str) -> String {
    let response = get(worker, path).await.unwrap_or_else(|cause| panic!("{path}: {cause:?}"));
    let body = response.into_body().reader.read_all(1 << 20).await.expect("a body");
    String::from_utf8_lossy(&body).into_owned()
}

#[test]
fn a_module_answers() {
    run(async {
        let source = r#"
            let count = 0;
            export default {
              async fetch(request, env, ctx) {
                const { pathname } = new URL(request.url);
                if (pathname === "/cf") return Response.json({ colo: request.cf.colo, env: env.NAME });
                if (pathname === "/wait") { await scheduler.wait(5); return new Response("waited"); }
                if (pathname === "/random") return new Response(String(Math.random()));
                if (pathname === "/now") return new Response(String(Date.now()));
                return new Response(`hello ${++count}`);
              },
            };"#;
        let (one, _heard) = worker(source, Limits::default());
        let (two, _heard) = worker(source, Limits::default());
        assert_eq!(text(&one, "/").await, "hello 1");
        assert_eq!(text(&one, "/").await, "hello 2");
        assert_eq!(text(&two, "/").await, "hello 1");
        assert_eq!(text(&one, "/cf").await, r#"{"colo":"NRT","env":"env"}"#);
        assert_eq!(text(&one, "/wait").await, "waited");
        assert_ne!(text(&one, "/random").await, text(&two, "/random").await);
        let now: f64 = text(&one, "/now").await.parse().unwrap();
        let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as f64;
        assert!((real - now).abs() < 1000.0, "{now} is not {real}");
    });
}

#[test]
fn failures_are_told_apart() {
    run(async {
        let source = r#"
            const kept = [];
            export default {
              async fetch(request) {
                switch (new URL(request.url).pathname) {
                  case "/throw": throw new TypeError("thrown");
                  case "/nothing": return;
                  case "/hang": return new Promise(() => {});
                  case "/loop": for (;;);
                  case "/microtasks": for (;;) await null;
                  case "/memory": for (;;) kept.push(new Array(1000).fill(Math.random()));
                  case "/buffer": return new Response(String(new ArrayBuffer(1024 ** 3).byteLength));
                }
                return new Response("fine");
              },
            };"#;
        let limits = Limits { cpu: Some(Duration::from_millis(50)), ..Limits::default() };
        let (worker, _heard) = worker(source, limits);
        let cause = async |path: &str| match get(&worker, path).await {
            Ok(_) => panic!("{path} was answered"),
            Err(cause) => cause,
        };
        assert!(matches!(cause("/throw").await, Cause::Exception(e) if e.name == "TypeError" && e.message == "thrown"));
        assert!(
            matches!(cause("/nothing").await, Cause::Exception(e) if e.message.contains("did not resolve to 'Response'"))
        );
        assert!(matches!(cause("/hang").await, Cause::Runtime(Failure::Hung)));
        for path in ["/loop", "/microtasks"] {
            assert!(matches!(cause(path).await, Cause::Runtime(Failure::CpuLimit)), "{path}");
            assert_eq!(text(&worker, "/").await, "fine");
        }
        for path in ["/buffer"] {
            let cause = cause(path).await;
            assert!(matches!(cause, Cause::Runtime(Failure::MemoryLimit)), "{path}: {cause:?}");
            assert_eq!(text(&worker, "/").await, "fine");
        }
    });
}

#[test]
fn an_import_may_say_that_it_is_json() {
    let source = r#"
        import value from "./value.json" with { type: "json" };
        const later = async (run) => { try { return await run(); } catch (error) { return `${error.name}: ${error.message}`; } };
        export default { fetch: async () => Response.json([
            value, await later(async () => (await import("./value.json", { with: { type: "json" } })).default.a),
            await later(() => import("./code.js", { with: { type: "json" } })), await later(() => import("./value.json", { with: { type: "css" } })),
            await later(() => import("./value.json", { with: { other: "json" } })),
        ]) };
    "#;
    run(async {
        let modules = [
            ("index.js", ModuleKind::EsModule, source),
            ("value.json", ModuleKind::Json, "{\"a\": 1}"),
            ("code.js", ModuleKind::EsModule, "export default 1;"),
        ];
        let (worker, _heard) = worker_of(&modules, Limits::default());
        let expected = r#"[{"a":1},1,"TypeError: Module \"./code.js\" is not of type \"json\"","TypeError: Import attribute type \"css\" is not yet supported","TypeError: Unsupported import attribute \"other\""]"#;
        assert_eq!(text(&worker, "/").await, expected);
    });
}

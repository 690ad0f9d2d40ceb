//! A Worker in this process for the targets whose way leads through JavaScript, without sockets or files.

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, Method, Response};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use webapi::body::{BodyReader, Outgoing};
use webapi::fetch::{Outbound, Policy};
use workers::{
    Binding, Compatibility, Entrypoint, Host, HostOptions, Invocations, Limits, ModuleGraph, ModuleKind, ModuleSource,
    Request, Usage, Version, Worker,
};

/// What comes back of a request is read so far.
const MAX_ANSWER: usize = 16 << 20;

/// One Worker and the runtime that it is asked on.
pub struct Subject {
    runtime: Runtime,
    worker: Worker,
}

/// The Worker of this process, made of `source` at the first call.
pub fn subject(source: &'static str) -> &'static Subject {
    static SUBJECT: OnceLock<Subject> = OnceLock::new();
    SUBJECT.get_or_init(|| Subject::start(source))
}

// === impl Subject ===

impl Subject {
    fn start(source: &str) -> Self {
        workers::initialize();
        let snapshot = workers::snapshot().unwrap_or_else(|error| panic!("{error}"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_stack_size(4 << 20)
            .enable_all()
            .build()
            .expect("the async runtime starts");
        let worker = runtime.block_on(async {
            let caches =
                workers::Caches::new(cache::Store::new("unused".into(), cache::Limits::default()), "NRT", false);
            let host = Host::new(HostOptions {
                snapshot,
                outbound: Outbound::new(Policy::development()),
                served: None,
                caches,
                isolates: None,
            });
            let modules = [("index.js".to_owned(), ModuleSource::new(ModuleKind::EsModule, source.to_owned()))];
            let version = Version {
                name: "fuzz".into(),
                modules: Arc::new(ModuleGraph::new("index.js", modules)),
                compatibility: Compatibility::newest(),
                bindings: Vec::<Binding>::new(),
                limits: Limits::default(),
                own: workers::Own::default(),
                outbound: None,
            };
            let (notices, _) = tokio::sync::mpsc::channel(1);
            Worker::spawn(host, Arc::new(version), notices)
        });
        Self { runtime, worker }
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// What the Worker answers. An exception that it does not catch ends the target.
    pub async fn fetch(&self, method: Method, headers: HeaderMap, body: Option<BodyReader>) -> Response<Outgoing> {
        let request = Request {
            method,
            url: "http://fuzz.example/".into(),
            headers,
            body,
            cf: None,
            colo: "NRT".into(),
            gone: CancellationToken::new(),
            entrypoint: Entrypoint::default(),
            invocations: Invocations::default(),
            via: workers::Via::default(),
        };
        self.worker.fetch(request, Usage::default()).await.unwrap_or_else(|cause| panic!("{cause:?}"))
    }
}

/// The text of an answer.
pub async fn text(response: Response<Outgoing>) -> String {
    let body = response.into_body().reader.read_all(MAX_ANSWER).await.expect("a whole body");
    String::from_utf8(body.into()).expect("UTF-8")
}

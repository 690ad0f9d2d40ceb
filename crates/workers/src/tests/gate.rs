//! Output of a Durable Object waits for the disk: whatever leaves, and in its order. The disk here is a gate that the test opens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use isolate::{JsError, OutputGate};
use tokio::sync::watch;

use http::Response;
use webapi::body::Outgoing;

use super::{host, request, run};
use crate::event::Answer;
use crate::fetch_event::FetchEvent;
use crate::lane::Lane;
use crate::mailbox::Mailbox;
use crate::*;

struct TestGate {
    open: watch::Sender<bool>,
    /// Output that has found it closed.
    asked: AtomicUsize,
}

impl OutputGate for TestGate {
    fn passage(&self) -> Option<BoxFuture<'static, Result<(), JsError>>> {
        if *self.open.borrow() {
            return None;
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut open = self.open.subscribe();
        Some(Box::pin(async move {
            let _ = open.wait_for(|open| *open).await;
            Ok(())
        }))
    }
}

impl TestGate {
    fn new(open: bool) -> Arc<Self> {
        Arc::new(Self { open: watch::Sender::new(open), asked: AtomicUsize::new(0) })
    }

    async fn was_asked(&self, times: usize) {
        while self.asked.load(Ordering::Relaxed) < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Actor {
    id: isolate::ActorId,
    mailbox: Mailbox,
}

impl Actor {
    async fn fetch(&self, path: &str) -> Outcome<Response<Outgoing>> {
        let (answer, outcome) = Answer::new(Usage::default());
        let id = isolate::ContextId::next();
        let job = FetchEvent::job(id, request(path), answer);
        self.mailbox.send(isolate::Job { actor: Some(self.id), ..job });
        self.mailbox.outcome(id, outcome).await
    }
}

/// Something like an object, behind `gate`.
fn start(source: &str, bindings: Vec<Binding>, gate: Arc<TestGate>) -> Actor {
    let modules = [("index.js".to_owned(), ModuleSource::new(ModuleKind::EsModule, source.to_owned()))];
    let version = Version {
        name: "test".into(),
        modules: Arc::new(ModuleGraph::new("index.js", modules)),
        bindings,
        compatibility: crate::Compatibility::newest(),
        limits: Limits::default(),
        own: Own::default(),
        outbound: None,
    };
    let (notices, _heard) = tokio::sync::mpsc::channel(64);
    let lane = Lane { host: host(), version: Arc::new(version), notices };
    let (mut isolate, _) = lane.start(None, |_| Ok(())).unwrap_or_else(|error| panic!("{error}"));
    let id = isolate::ActorId::next();
    let opening = isolate::Opening { id, data: Box::new(()), gate, cpu: None, subrequests: 1000 };
    isolate.open_actor(opening, Box::new(|_, _| {}), std::iter::empty());
    let (mailbox, mut inbox) = Mailbox::new();
    tokio::spawn(async move { while isolate.run(&mut inbox).await == isolate::Exit::Actors {} });
    Actor { id, mailbox }
}

#[test]
fn what_an_object_writes_elsewhere_waits_in_its_order() {
    run(async {
        let source = r#"
            export default {
              async fetch(request, env) {
                const puts = [];
                for (let i = 0; i < 50; i++) puts.push(env.KV.put("key", String(i)));
                await Promise.all(puts);
                return new Response("written");
              },
            };"#;
        let folder = std::env::temp_dir().join(format!("skerry-gate-{}", std::process::id()));
        let namespace = ::kv::Store::local(folder.clone(), Duration::ZERO).namespace("test");
        let gate = TestGate::new(false);
        let binding = Binding { name: "KV".into(), value: BindingValue::Kv(namespace.clone()) };
        let actor = start(source, vec![binding], gate.clone());
        let answer = tokio::spawn(async move { actor.fetch("/").await.map(drop) });
        gate.was_asked(50).await;
        let get = || namespace.get(::kv::Place::Central, "key").unwrap().map(|entry| entry.value);
        assert_eq!(get(), None, "it left before the gate was open");
        gate.open.send_replace(true);
        answer.await.unwrap().unwrap();
        assert_eq!(get().as_deref(), Some(&b"49"[..]));
        let _ = std::fs::remove_dir_all(folder);
    });
}

#[test]
fn chunks_wait_after_their_responses_head() {
    run(async {
        let source = r#"
            let go;
            const going = new Promise((resolve) => { go = resolve; });
            export default {
              async fetch(request, env) {
                if (request.url.endsWith("/go")) return new Response(go());
                const pull = async (controller) => {
                  await going;
                  for (const text of ["a", "b", "c"]) controller.enqueue(new TextEncoder().encode(text));
                  controller.close();
                };
                return new Response(new ReadableStream({ pull }));
              },
            };"#;
        let gate = TestGate::new(true);
        let actor = start(source, Vec::new(), gate.clone());
        let response = actor.fetch("/").await.unwrap();
        // As if the object stored something now.
        gate.open.send_replace(false);
        let read = tokio::spawn(response.into_body().reader.read_all(1 << 20));
        let went = tokio::spawn(async move { actor.fetch("/go").await.map(drop) });
        // By the answer, and by a chunk: when it looks, and when it waits.
        gate.was_asked(3).await;
        assert!(!read.is_finished(), "a chunk and the end left before the gate was open");
        gate.open.send_replace(true);
        assert_eq!(read.await.unwrap().unwrap(), "abc");
        went.await.unwrap().unwrap();
    });
}

//! A Worker's lane: one mailbox, and one isolate at a time that serves it. The isolate is made when the first event
//! comes and replaced when it passes a limit; the mailbox stays.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use isolate::{ContextId, Exit, Failure, Inspector, Isolate, JsException, Message, StartError};

use tokio::sync::mpsc;
use webapi::body::Outgoing;

use crate::budget::Resident;
use crate::console::{Notice, Notices};
use crate::event::{Answer, Cause, Outcome, Usage};
use crate::fetch_event::Request;
use crate::inspected;
use crate::mailbox::Mailbox;
use crate::queue_event::{Deciding, Decisions, QueueBatch};
use crate::rpc::session::Session;
use crate::rpc::{Invocation, Returned};
use crate::scheduled_event::Scheduled;
use crate::tail_event::Tailed;
use crate::{Host, Version};

/// An isolate that was in use so shortly before does not make room for others.
const REST: Duration = Duration::from_secs(1);

/// A running Worker: events go in, outcomes come back. Clones are the same Worker; it ends with the last of them, after
/// the events that it has.
#[derive(Clone)]
pub struct Worker {
    mailbox: Mailbox,
}

// === impl Worker ===

impl Worker {
    /// Starts a lane for `version`. What the Worker says goes to `notices`.
    pub fn spawn(host: Arc<Host>, version: Arc<Version>, notices: mpsc::Sender<Notice>) -> Self {
        let (mailbox, inbox) = Mailbox::new();
        tokio::spawn(serve(Lane { host, version, notices }, inbox, None));
        Self { mailbox }
    }

    /// The same, under inspection: on a thread of its own, which a pause may hold and V8's profiler may look at.
    pub fn spawn_inspected(
        host: Arc<Host>,
        version: Arc<Version>,
        notices: mpsc::Sender<Notice>,
        inspector: Inspector,
    ) -> io::Result<Self> {
        let (mailbox, inbox) = Mailbox::new();
        inspected::spawn(serve(Lane { host, version, notices }, inbox, Some(inspector)))?;
        Ok(Self { mailbox })
    }

    /// Handles a request. Dropping the future says that nobody wants the response any more: the Worker's code is told,
    /// and only what it gave to `waitUntil` goes on.
    pub async fn fetch(&self, request: Request, usage: Usage) -> Outcome<Response<Outgoing>> {
        self.mailbox.fetch(request, usage).await
    }

    /// Calls a method. Dropping the future says that nobody wants the result any more: only what was given to `waitUntil` goes on.
    pub async fn call(&self, invocation: Invocation) -> Outcome<Returned> {
        let id = ContextId::next();
        let (job, outcome) = Session::on_entrypoint(id, invocation);
        self.mailbox.send(job);
        self.mailbox.outcome(id, outcome).await
    }

    /// Runs the scheduled handler, and what it waits for.
    pub async fn scheduled(&self, scheduled: Scheduled, usage: Usage) -> Outcome<()> {
        let (answer, outcome) = Answer::new(usage);
        self.mailbox.send(scheduled.job(ContextId::next(), answer));
        outcome.await.unwrap_or(Err(Cause::Runtime(Failure::IsolateGone)))
    }

    /// Runs the queue handler, and what it waits for. What it decided on the messages holds however it ended.
    pub async fn queue(&self, batch: QueueBatch, usage: Usage) -> (Outcome<()>, Decisions) {
        let (answer, outcome) = Answer::new(usage);
        let deciding = Deciding::default();
        self.mailbox.send(batch.job(ContextId::next(), answer, deciding.clone()));
        let outcome = outcome.await.unwrap_or(Err(Cause::Runtime(Failure::IsolateGone)));
        (outcome, deciding.decisions())
    }

    /// Runs the tail handler, and what it waits for.
    pub async fn tail(&self, tailed: Tailed, usage: Usage) -> Outcome<()> {
        let (answer, outcome) = Answer::new(usage);
        self.mailbox.send(tailed.job(ContextId::next(), answer));
        outcome.await.unwrap_or(Err(Cause::Runtime(Failure::IsolateGone)))
    }
}

/// One isolate at a time, made of one version.
pub(crate) struct Lane {
    pub(crate) host: Arc<Host>,
    pub(crate) version: Arc<Version>,
    pub(crate) notices: mpsc::Sender<Notice>,
}

/// Serves a mailbox until its last sender is gone. Under inspection a client that comes needs an isolate as an event does.
async fn serve(lane: Lane, mut inbox: mpsc::UnboundedReceiver<Message>, inspector: Option<Inspector>) {
    let mut waiting = VecDeque::new();
    // The last client that an isolate was started for, in vain or while it runs.
    let mut tried = 0;
    loop {
        let mut job = match waiting.pop_front() {
            Some(job) => Some(job),
            None => tokio::select! {
                biased;
                message = inbox.recv() => match message {
                    Some(Message::Event(job)) => Some(job),
                    Some(Message::EventOf(..) | Message::Within(..)) => continue,
                    None => return,
                },
                client = wanted(inspector.as_ref(), tried) => {
                    tried = client;
                    None
                }
            },
        };
        let mut isolate = match lane.start(inspector.as_ref(), |_| Ok(())) {
            Ok((isolate, cpu)) => {
                if let Some(job) = &mut job {
                    job.data.started(cpu);
                }
                isolate
            }
            Err(error) => {
                match job {
                    Some(mut job) => job.data.fail(Failure::Start(Arc::new(error))),
                    None => tracing::warn!(worker = lane.version.name, %error, "can't be started for the inspector"),
                }
                continue;
            }
        };
        job.into_iter().chain(waiting.drain(..)).for_each(|job| isolate.enqueue(job));
        let exit = run(&mut isolate, &mut inbox, &lane.host.admit(), inspector.as_ref()).await;
        tried = 0;
        isolate.end_inspection();
        waiting.extend(isolate.take_unbegun());
        if exit == Some(Exit::CpuLimit) && isolate.is_busy() {
            tokio::spawn(isolate.drain());
        } else {
            // To take down a heap takes milliseconds, for which this thread would answer nobody.
            tokio::task::spawn_blocking(move || drop(isolate));
        }
    }
}

/// The next client that wants an isolate.
async fn wanted(inspector: Option<&Inspector>, tried: u64) -> u64 {
    match inspector {
        Some(inspector) => inspector.wanted(tried).await,
        None => std::future::pending().await,
    }
}

/// Runs an isolate until it has reason to stop, or has to make room for others: `None`.
async fn run(
    isolate: &mut Isolate,
    inbox: &mut mpsc::UnboundedReceiver<Message>,
    place: &Resident,
    inspector: Option<&Inspector>,
) -> Option<Exit> {
    let is_attached = || inspector.is_some_and(Inspector::is_attached);
    loop {
        tokio::select! {
            exit = isolate.run(inbox) => return Some(exit),
            () = place.asked_to_leave() => match is_attached() || isolate.is_busy() || isolate.idle() < REST {
                true => place.used(),
                false => return None,
            },
        }
    }
}

/// What a start showed of a version.
#[derive(Clone, Debug)]
pub struct Started {
    /// CPU time that it took.
    pub cpu: Duration,
    /// The events that the Worker handles: "fetch", "scheduled", …
    pub handlers: Vec<String>,
    /// The classes that its main module exports.
    pub classes: Vec<String>,
}

/// Starts `version` once and serves nothing.
pub fn start_once(host: &Arc<Host>, version: &Arc<Version>) -> Result<Started, StartError> {
    let (notices, _heard) = mpsc::channel(1);
    let lane = Lane { host: host.clone(), version: version.clone(), notices };
    let (mut handlers, mut classes) = (Vec::new(), Vec::new());
    let (_, cpu) = lane.start(None, |scope| {
        handlers = crate::runtime::handled_events(scope)?;
        classes = crate::runtime::exported_classes(scope)?;
        Ok(())
    })?;
    Ok(Started { cpu, handlers, classes })
}

// === impl Lane ===

impl Lane {
    /// An isolate with the Worker loaded, and the CPU time that this took. `then` is done when the script has run. Under inspection the isolate
    /// must stay on this thread.
    pub(crate) fn start(
        &self,
        inspector: Option<&Inspector>,
        then: impl FnOnce(&mut isolate::v8::PinScope) -> Result<(), JsException>,
    ) -> Result<(Isolate, Duration), StartError> {
        let version = &self.version;
        let mut isolate = self.host.isolate(&version.limits);
        if let Some(inspector) = inspector {
            isolate.inspect(inspector, &version.name);
        }
        let used = isolate.load(
            version.modules.clone(),
            |scope| {
                isolate::put(scope, Notices(self.notices.clone()));
                let caches = self.host.caches().of(&version.name);
                isolate::put(scope, self.host.outbound(version).behind(Arc::new(caches.clone())));
                isolate::put(scope, caches);
                crate::runtime::prepare(scope, version)
            },
            |scope, namespace| {
                crate::runtime::start(scope, namespace)?;
                then(scope)
            },
        )?;
        tracing::debug!(worker = version.name, ?used, "started");
        Ok((isolate, used))
    }
}

//! One Worker in development: what runs of it now, and the watch that replaces it when its sources change.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bundle::watch::Watcher;
use config::Project;
use platform::Program;
use tokio::sync::{OnceCell, mpsc};
use workers::{Host, Notice, Worker};

use super::inspector::Target;
use super::print::Printer;
use super::queues::{self, Deliveries};
use super::services::Services;
use super::tails::{Consumers, ObjectTracer};
use super::trace::Sources;
use crate::load::{Code, LoadError, LoadOptions, Loaded, load};
use crate::objects::ObjectClass;

/// Notices that may wait to be printed.
const NOTICES: usize = 1024;

pub struct App {
    name: String,
    path: PathBuf,
    options: LoadOptions,
    host: Arc<Host>,
    printer: Printer,
    /// `dev.host`: the URL's origin that the Worker sees instead of this server's.
    upstream: Option<String>,
    /// The code of this location.
    colo: &'static str,
    /// Where it can be inspected.
    target: Option<Target>,
    started: OnceCell<()>,
    state: Mutex<State>,
    deliveries: Mutex<Deliveries>,
    consumers: Mutex<Consumers>,
}

/// What requests meet.
#[derive(Clone)]
pub enum State {
    Running(Arc<Running>),
    /// The sources can't be made into a Worker, and why.
    Broken(Arc<str>),
}

pub struct Running {
    pub worker: Program,
    pub sources: Arc<Sources>,
    /// CPU time of a request, as the configuration has it.
    pub cpu_limit: Duration,
}

// === impl App ===

impl App {
    pub fn new(
        path: PathBuf,
        project: &Project,
        options: LoadOptions,
        host: Arc<Host>,
        printer: Printer,
        colo: &'static str,
        target: Option<Target>,
    ) -> Arc<Self> {
        let dev = &project.worker.dev;
        let upstream = dev.host.as_ref().map(|host| {
            let scheme = if dev.upstream_protocol == Some(config::Protocol::Http) { "http" } else { "https" };
            format!("{scheme}://{host}")
        });
        Arc::new(Self {
            name: project.worker.name.as_str().to_owned(),
            path,
            options,
            host,
            printer,
            upstream,
            colo,
            target,
            started: OnceCell::new(),
            state: Mutex::new(State::Broken("The Worker has not been started.".into())),
            deliveries: Mutex::default(),
            consumers: Mutex::default(),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn printer(&self) -> &Printer {
        &self.printer
    }

    pub fn colo(&self) -> &'static str {
        self.colo
    }

    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// The Workers beside this one.
    pub fn services(&self) -> &Arc<Services> {
        &self.options.services
    }

    /// Who is told of its events.
    pub fn consumers(&self) -> Consumers {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn upstream(&self) -> Option<&str> {
        self.upstream.as_deref()
    }

    /// Loads the Worker, once, and watches its sources from then on.
    pub async fn start(self: &Arc<Self>) {
        self.started
            .get_or_init(|| async {
                let read_at = SystemTime::now();
                let watch = self.reload().await;
                tokio::spawn(self.clone().follow(watch, read_at));
            })
            .await;
    }

    /// What requests meet now; loads the Worker first where nobody has.
    pub async fn state(self: &Arc<Self>) -> State {
        if !self.started.initialized() {
            self.start().await;
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads the sources as they are; requests that were begun go on in the Worker that was. Returns what to watch.
    async fn reload(self: &Arc<Self>) -> Vec<PathBuf> {
        let mut consumed = None;
        let (state, watch) = match self.load().await {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    self.printer.warning(warning);
                }
                let Loaded { project, code, assets, watch, .. } = loaded;
                consumed = Some(project.worker.clone());
                let sources = Arc::new(Sources::new(&project.root, code.as_ref().map(|code| &code.bundle)));
                let cpu_limit = project.worker.limits.cpu;
                match code.map(|code| self.spawn(code, sources.clone())).transpose() {
                    Ok(code) => {
                        let worker = Program { assets, code };
                        (State::Running(Arc::new(Running { worker, sources, cpu_limit })), watch)
                    }
                    Err(error) => {
                        let message = format!("no thread can be had for a Worker under inspection: {error}");
                        self.printer.error(&message);
                        (State::Broken(message.into()), watch)
                    }
                }
            }
            Err(LoadError { message, watch }) => {
                self.printer.error(&message);
                (State::Broken(message.into()), watch)
            }
        };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        if let Some(worker) = consumed {
            let consumers = Consumers::of(&worker);
            for name in consumers.missing(self.services()) {
                self.printer.warning(&format!(
                    "the tail consumer {name} is told nothing: this process does not serve it. Start both together"
                ));
            }
            *self.consumers.lock().unwrap_or_else(PoisonError::into_inner) = consumers;
            let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
            deliveries.replace(self, &worker, self.options.state.queues());
        }
        watch
    }

    async fn load(&self) -> Result<Loaded, LoadError> {
        // What is wrong with the project itself, the load says.
        if let Ok(project) = Project::load(&self.path, self.options.env.as_deref()) {
            let migrated = crate::objects::migrate(&project, self.options.state.objects()).await;
            let failed = |message| LoadError { message, watch: project.config_files() };
            migrated.map_err(failed)?;
            queues::make(&project.worker, self.options.state.queues()).await.map_err(failed)?;
        }
        load(&self.path, &self.options).await
    }

    fn spawn(self: &Arc<Self>, code: Code, sources: Arc<Sources>) -> std::io::Result<Worker> {
        let Code { version, classes, .. } = code;
        let (notices, heard) = mpsc::channel(NOTICES);
        tokio::spawn(listen(heard, sources.clone(), self.printer.clone()));
        let version = Arc::new(version);
        let mut inspectors = self.target.as_ref().map(|target| target.replace(sources, &classes));
        for ObjectClass { key, name, sql } in &classes {
            self.options.state.objects().namespace(key).implement(workers::Class {
                host: self.host.clone(),
                version: version.clone(),
                name: name.clone(),
                sql: *sql,
                notices: notices.clone(),
                tracer: Some(Arc::new(ObjectTracer { app: Arc::downgrade(self), class: name.as_str().into() })),
                inspector: inspectors.as_mut().and_then(|inspectors| inspectors.classes.remove(name)),
            });
        }
        match inspectors {
            Some(inspectors) => Worker::spawn_inspected(self.host.clone(), version, notices, inspectors.worker),
            None => Ok(Worker::spawn(self.host.clone(), version, notices)),
        }
    }

    /// Reloads whenever a source changes.
    async fn follow(self: Arc<Self>, watch: Vec<PathBuf>, read_at: SystemTime) {
        let mut watcher = match Watcher::new(watch.clone()).and_then(|watcher| {
            watcher.set(watch, read_at)?;
            Ok(watcher)
        }) {
            Ok(watcher) => watcher,
            Err(error) => return self.printer.error(&format!("saves will not be noticed: {error}")),
        };
        loop {
            watcher.changed().await;
            let (began, read_at) = (Instant::now(), SystemTime::now());
            let watch = self.reload().await;
            self.printer.info(&format!("reloaded {} in {} ms", self.name, began.elapsed().as_millis()));
            if let Err(error) = watcher.set(watch, read_at) {
                return self.printer.error(&format!("further saves will not be noticed: {error}"));
            }
        }
    }
}

/// Prints what a Worker says, until its last isolate is gone.
async fn listen(mut heard: mpsc::Receiver<Notice>, sources: Arc<Sources>, printer: Printer) {
    while let Some(notice) = heard.recv().await {
        match notice {
            Notice::Log(line) => printer.log(&line, &sources),
            Notice::Uncaught(exception) => printer.thrown(&sources.exception(&exception)),
        }
    }
}

//! The Workers of this process by their names, for service bindings between them. A binding finds the Worker anew for
//! each request, so it outlives reloads of both ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use workers::{CallFuture, Cause, Entrypoint, Invocation, JsException, Props, Request, Service, ServiceFuture, Usage};

use super::app::{App, State};
use super::server::report;

#[derive(Default)]
pub struct Services {
    apps: Mutex<HashMap<String, Weak<App>>>,
    /// Which Worker consumes a queue.
    consumers: Mutex<HashMap<String, String>>,
}

/// One binding: what it is called where, and what it leads to.
struct Binding {
    services: Weak<Services>,
    worker: String,
    name: String,
    service: String,
    /// `None`: the one that is asked for.
    entrypoint: Option<Entrypoint>,
}

// === impl Services ===

impl Services {
    pub fn register(&self, app: &Arc<App>) {
        self.apps().insert(app.name().to_owned(), Arc::downgrade(app));
    }

    /// The service that a binding of `worker` leads to. It need not be there yet.
    pub fn bind(self: &Arc<Self>, worker: &str, config: &config::Service) -> Arc<dyn Service> {
        let service = match &config.environment {
            Some(environment) => format!("{}-{environment}", config.service),
            None => config.service.clone(),
        };
        let props = config.props.as_ref().map(|props| Props::Json(serde_json::json!(props).to_string().into()));
        let name = config.entrypoint.as_deref().filter(|name| *name != "default").map(Into::into);
        Arc::new(Binding {
            services: Arc::downgrade(self),
            worker: worker.to_owned(),
            name: config.binding.clone(),
            service,
            entrypoint: Some(Entrypoint { name, props }),
        })
    }

    /// What a Worker's stubs of its own entrypoints lead to.
    pub fn own(self: &Arc<Self>, worker: &str) -> Arc<dyn Service> {
        Arc::new(Binding {
            services: Arc::downgrade(self),
            worker: worker.to_owned(),
            name: "ctx.exports".to_owned(),
            service: worker.to_owned(),
            entrypoint: None,
        })
    }

    /// The Worker consumes no queue any more.
    pub fn release_queues(&self, worker: &str) {
        let mut consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        consumers.retain(|_, consumer| consumer != worker);
    }

    /// The Worker consumes this queue from now on. An error: the other one that does.
    pub fn claim_queue(&self, queue: &str, worker: &str) -> Result<(), String> {
        let mut consumers = self.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        match consumers.entry(queue.to_owned()).or_insert_with(|| worker.to_owned()) {
            known if known == worker => Ok(()),
            other => Err(other.clone()),
        }
    }

    pub fn find(&self, name: &str) -> Option<Arc<App>> {
        self.apps().get(name)?.upgrade()
    }

    fn apps(&self) -> MutexGuard<'_, HashMap<String, Weak<App>>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.apps().keys()).finish()
    }
}

// === impl Binding ===

impl Binding {
    fn missing(&self) -> Cause {
        let Self { worker, name, service, .. } = self;
        exception(format!(
            "The service binding \"{name}\" of the Worker \"{worker}\" leads to the Worker \"{service}\", which this process \
             does not serve. Start both together: skerry dev <folder of {worker}> <folder of {service}>"
        ))
    }
}

impl Service for Binding {
    fn fetch(&self, request: Request) -> ServiceFuture {
        let Some(app) = self.services.upgrade().and_then(|services| services.find(&self.service)) else {
            let missing = self.missing();
            return Box::pin(async move { Err(missing) });
        };
        let request = match self.entrypoint.clone() {
            Some(entrypoint) => Request { entrypoint, ..request },
            None => request,
        };
        Box::pin(async move {
            match app.state().await {
                State::Broken(message) => Err(exception(format!("The Worker \"{}\" can't run: {message}", app.name()))),
                State::Running(running) => {
                    let told = request.invocations.told();
                    let watched = app.watch(&Usage::default(), told, || platform::service_event(&request));
                    let watched = watched.map(|watched| watched.of_entrypoint(request.entrypoint.name.clone()));
                    let usage = watched.as_ref().map(|watched| watched.usage.clone()).unwrap_or_default();
                    let outcome = running.worker.fetch(request, usage).await;
                    if let Some(watched) = watched {
                        let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
                        watched.answered(status, outcome.as_ref().err());
                    }
                    if let Err(cause) = &outcome {
                        report(&app, &running, cause);
                    }
                    outcome
                }
            }
        })
    }

    fn call(&self, invocation: Invocation) -> CallFuture {
        let Some(app) = self.services.upgrade().and_then(|services| services.find(&self.service)) else {
            let missing = self.missing();
            return Box::pin(async move { Err(missing) });
        };
        let invocation = match self.entrypoint.clone() {
            Some(entrypoint) => invocation.at(entrypoint),
            None => invocation,
        };
        Box::pin(async move {
            match app.state().await {
                State::Broken(message) => Err(exception(format!("The Worker \"{}\" can't run: {message}", app.name()))),
                State::Running(running) => {
                    let told = invocation.invocations().told();
                    let event = || serde_json::json!({ "rpcMethod": invocation.method() });
                    let watched = app.watch(&Usage::default(), told, event);
                    let entrypoint = invocation.entrypoint().name.clone();
                    let watched = watched.map(|watched| watched.of_entrypoint(entrypoint));
                    let usage = watched.as_ref().map(|watched| watched.usage.clone()).unwrap_or_default();
                    let outcome = running.worker.call(invocation.known_by(usage)).await;
                    if let Some(watched) = watched {
                        match outcome.as_ref().is_ok_and(|returned| returned.is_thrown()) {
                            true => watched.threw(),
                            false => watched.answered(None, outcome.as_ref().err()),
                        }
                    }
                    if let Err(cause) = &outcome {
                        report(&app, &running, cause);
                    }
                    outcome
                }
            }
        })
    }
}

fn exception(message: String) -> Cause {
    Cause::Exception(JsException { name: "Error".into(), message, ..JsException::default() })
}

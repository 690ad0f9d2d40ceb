//! Service bindings: Workers of one account find each other by name, anew for each event, so a deployment of either end holds
//! at once.

use std::sync::{Arc, Weak};

use serde_json::{Value, json};
use workers::{CallFuture, Cause, Entrypoint, Invocation, JsException, Request, Service, ServiceFuture};

use crate::deployed::Live;
use crate::tail::{self, Watched};
use crate::traces::{self, Invocation as Followed};
use crate::{Inner, Platform, Unavailable};

/// One binding. It does not keep the platform alive, whose Workers have it.
pub(crate) struct Peer {
    platform: Weak<Inner>,
    account: String,
    name: String,
    /// The version that answers where its deployment has it: a Worker's stubs of its own lead to where they came from.
    version: Option<String>,
    /// `None`: the one that is asked for.
    entrypoint: Option<Entrypoint>,
}

// === impl Peer ===

impl Peer {
    /// A binding to an entrypoint of another Worker.
    pub(crate) fn bind(platform: &Platform, account: &str, name: &str, entrypoint: Entrypoint) -> Arc<dyn Service> {
        Self::to(platform, account, name, None, Some(entrypoint))
    }

    /// What a Worker's stubs of its own entrypoints lead to.
    pub(crate) fn own(platform: &Platform, account: &str, name: &str, version: &str) -> Arc<dyn Service> {
        Self::to(platform, account, name, Some(version.to_owned()), None)
    }

    fn to(
        platform: &Platform,
        account: &str,
        name: &str,
        version: Option<String>,
        entrypoint: Option<Entrypoint>,
    ) -> Arc<dyn Service> {
        let (account, name) = (account.to_owned(), name.to_owned());
        Arc::new(Self { platform: Arc::downgrade(&platform.0), account, name, version, entrypoint })
    }

    fn find(&self) -> impl Future<Output = Result<Arc<Live>, Cause>> + Send + 'static {
        let platform = self.platform.upgrade().map(Platform);
        let (account, name, version) = (self.account.clone(), self.name.clone(), self.version.clone());
        async move {
            let platform = platform.ok_or_else(|| exception("The server is stopping.".into()))?;
            let missing = |reason: &dyn std::fmt::Display| {
                exception(format!("The Worker \"{name}\" that a service binding leads to can't answer: {reason}"))
            };
            let tag = platform.router().named(&account, &name).ok_or_else(|| missing(&Unavailable::NoWorker))?;
            let deployed = platform.deployed(&tag).await.map_err(|error| missing(&error))?;
            let live = deployed.choose(version.as_deref(), None).cloned();
            live.ok_or_else(|| missing(&Unavailable::NotDeployed))
        }
    }
}

impl Service for Peer {
    fn fetch(&self, request: Request) -> ServiceFuture {
        let found = self.find();
        let request = match self.entrypoint.clone() {
            Some(entrypoint) => Request { entrypoint, ..request },
            None => request,
        };
        let platform = self.platform.clone();
        Box::pin(async move {
            let live = found.await?;
            let watched = watch(&platform, &live, &request.entrypoint, request.invocations.told(), || {
                tail::service_request(&request)
            });
            let followed = Followed::below(&live, request.invocations.followed(), "fetch");
            let usage = traces::usage(watched.as_ref(), followed.as_ref());
            let request = match &followed {
                Some(followed) => Request { invocations: followed.go_on(request.invocations.clone()), ..request },
                None => request,
            };
            let outcome = live.program.fetch(request, usage).await;
            let status = outcome.as_ref().ok().map(|response| response.status().as_u16());
            if let Some(watched) = watched {
                watched.answered(status, outcome.as_ref().err());
            }
            if let Some(followed) = followed {
                followed.answered(status, outcome.as_ref().err());
            }
            outcome
        })
    }

    fn call(&self, invocation: Invocation) -> CallFuture {
        let found = self.find();
        let invocation = match self.entrypoint.clone() {
            Some(entrypoint) => invocation.at(entrypoint),
            None => invocation,
        };
        let platform = self.platform.clone();
        Box::pin(async move {
            let live = found.await?;
            let told = invocation.invocations().told();
            let watched =
                watch(&platform, &live, invocation.entrypoint(), told, || json!({ "rpcMethod": invocation.method() }));
            let followed = Followed::below(&live, invocation.followed(), "rpc");
            let usage = traces::usage(watched.as_ref(), followed.as_ref());
            let invocation = match &followed {
                Some(followed) => followed.call(invocation),
                None => invocation,
            };
            let outcome = live.program.call(invocation.known_by(usage)).await;
            let threw = outcome.as_ref().is_ok_and(|returned| returned.is_thrown());
            if let Some(watched) = watched {
                if threw { watched.threw() } else { watched.answered(None, outcome.as_ref().err()) }
            }
            if let Some(followed) = followed {
                if threw { followed.ended(None, "exception") } else { followed.answered(None, outcome.as_ref().err()) }
            }
            outcome
        })
    }
}

/// Begins to watch an event of a Worker that another one asked for, where somebody wants to know.
fn watch(
    platform: &Weak<Inner>,
    live: &Live,
    entrypoint: &Entrypoint,
    told: &Arc<[Arc<str>]>,
    event: impl FnOnce() -> Value,
) -> Option<Watched> {
    let platform = platform.upgrade().map(Platform)?;
    let watched = platform.is_watched(&live.script).then(|| platform.begin_watch_after(live, event(), told.clone()));
    watched.map(|watched| watched.of_entrypoint(entrypoint.name.clone()))
}

fn exception(message: String) -> Cause {
    Cause::Exception(JsException { name: "Error".into(), message, ..JsException::default() })
}

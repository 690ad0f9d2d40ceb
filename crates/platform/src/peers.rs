//! Service bindings: Workers of one account find each other by name, anew for each event, so a deployment of either end holds
//! at once.

use std::sync::{Arc, Weak};

use workers::{CallFuture, Cause, Entrypoint, Invocation, JsException, Request, Service, ServiceFuture, Usage};

use crate::deployed::Live;
use crate::{Inner, Platform, Unavailable};

/// One binding. It does not keep the platform alive, whose Workers have it.
pub(crate) struct Peer {
    platform: Weak<Inner>,
    account: String,
    name: String,
    entrypoint: Entrypoint,
}

// === impl Peer ===

impl Peer {
    pub(crate) fn service(
        platform: &Platform,
        account: &str,
        name: &str,
        entrypoint: Option<&str>,
        props: Option<Arc<str>>,
    ) -> Arc<dyn Service> {
        let entrypoint = Entrypoint { name: entrypoint.filter(|name| *name != "default").map(Into::into), props };
        Arc::new(Self {
            platform: Arc::downgrade(&platform.0),
            account: account.to_owned(),
            name: name.to_owned(),
            entrypoint,
        })
    }

    fn find(&self) -> impl Future<Output = Result<Arc<Live>, Cause>> + Send + 'static {
        let (platform, account, name) =
            (self.platform.upgrade().map(Platform), self.account.clone(), self.name.clone());
        async move {
            let platform = platform.ok_or_else(|| exception("The server is stopping.".into()))?;
            let missing = |reason: &dyn std::fmt::Display| {
                exception(format!("The Worker \"{name}\" that a service binding leads to can't answer: {reason}"))
            };
            let script = platform.registry().script(&account, &name).map_err(|error| missing(&error))?;
            let script = script.ok_or_else(|| missing(&Unavailable::NoWorker))?;
            let deployed = platform.deployed(&script.tag).await.map_err(|error| missing(&error))?;
            let live = deployed.choose(None, None).cloned();
            live.ok_or_else(|| missing(&Unavailable::NotDeployed))
        }
    }
}

impl Service for Peer {
    fn fetch(&self, request: Request) -> ServiceFuture {
        let found = self.find();
        let request = Request { entrypoint: self.entrypoint.clone(), ..request };
        Box::pin(async move { found.await?.worker.fetch(request, Usage::default()).await })
    }

    fn call(&self, invocation: Invocation) -> CallFuture {
        let found = self.find();
        let invocation = invocation.at(self.entrypoint.clone());
        Box::pin(async move { found.await?.worker.call(invocation).await })
    }
}

fn exception(message: String) -> Cause {
    Cause::Exception(JsException { name: "Error".into(), message, ..JsException::default() })
}

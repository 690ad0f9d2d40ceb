//! How a request has come to this process, which a `fetch()` of the Worker that it led to must know: where that goes depends on it.

use std::sync::Arc;

use isolate::v8;
use webapi::fetch::{Inner, Inside, Passed};

use crate::event::Origin;

/// The way that an event has come.
#[derive(Clone, Debug, Default)]
pub struct Via {
    /// The zone whose host the request was for.
    pub zone: Option<Arc<str>>,
    /// Workers that it has been through, each of them by a host of its own.
    pub hops: u32,
}

/// Hosts that this process serves itself, so that a `fetch()` to them needs no network.
pub trait ServedHere: Send + Sync {
    /// `public`: the request takes the way of any client's, also where it stays in its zone (`global_fetch_strictly_public`).
    /// It comes back, ready for the network, where its host is served elsewhere.
    fn answer(&self, via: &Via, public: bool, request: Passed) -> Result<Inner, Box<Passed>>;
}

/// The hosts that are served here, as one event meets them.
#[derive(Clone)]
pub(crate) struct Here {
    pub(crate) served: Arc<dyn ServedHere>,
    pub(crate) public: bool,
    pub(crate) via: Via,
}

// === impl Here ===

impl Inside for Here {
    fn answer(&self, request: Passed) -> Result<Inner, Box<Passed>> {
        self.served.answer(&self.via, self.public, request)
    }

    fn here(&self, scope: &mut v8::PinScope) -> Option<Arc<dyn Inside>> {
        Some(Arc::new(Self { via: Origin::current(scope).via, ..self.clone() }))
    }
}

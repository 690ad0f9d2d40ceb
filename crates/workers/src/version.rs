//! One version of a Worker: its code, its bindings, its limits. Immutable; a deployment replaces it whole.

use std::sync::Arc;

use isolate::{Limits, ModuleGraph};
use webapi::fetch::Outbound;

use crate::{Binding, Compatibility, ObjectNamespace, Service};

pub struct Version {
    /// The Worker's name.
    pub name: String,
    pub modules: Arc<ModuleGraph>,
    pub bindings: Vec<Binding>,
    pub own: Own,
    pub compatibility: Compatibility,
    pub limits: Limits,
    /// Its own way out; the host's where it has none.
    pub outbound: Option<Outbound>,
}

/// What a Worker finds of itself in `ctx.exports`.
#[derive(Default)]
pub struct Own {
    /// Leads to the entrypoint that is asked for. `None`: there are no stubs of entrypoints.
    pub service: Option<Arc<dyn Service>>,
    /// The Durable Object classes that it implements, each with its namespace.
    pub objects: Vec<(String, ObjectNamespace)>,
}

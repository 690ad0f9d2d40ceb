//! One version of a Worker: its code, its bindings, its limits. Immutable; a deployment replaces it whole.

use std::sync::Arc;

use isolate::{Limits, ModuleGraph};

use crate::{Binding, Compatibility};

pub struct Version {
    /// The Worker's name.
    pub name: String,
    pub modules: Arc<ModuleGraph>,
    pub bindings: Vec<Binding>,
    pub compatibility: Compatibility,
    pub limits: Limits,
}

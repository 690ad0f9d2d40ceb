//! One Worker as it can be inspected, through all its reloads: its own isolates, and those of its Durable Objects, class by class.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use workers::Inspector;

use crate::dev::trace::Sources;
use crate::objects::ObjectClass;

#[derive(Default)]
pub struct Target {
    worker: Inspector,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    classes: BTreeMap<String, Inspector>,
    sources: Option<Arc<Sources>>,
    closed: bool,
}

/// What the isolates of one bundle are inspected by.
pub struct Inspectors {
    pub worker: Inspector,
    pub classes: BTreeMap<String, Inspector>,
}

// === impl Target ===

impl Target {
    /// For the isolates of a bundle that has just been made: those before are inspected no more.
    pub fn replace(&self, sources: Arc<Sources>, classes: &[ObjectClass]) -> Inspectors {
        let mut state = self.state();
        state.sources = Some(sources);
        state.classes.retain(|name, inspector| {
            let stays = classes.iter().any(|class| class.name == *name);
            if !stays {
                inspector.close();
            }
            stays
        });
        if !state.closed {
            for class in classes {
                state.classes.entry(class.name.clone()).or_default();
            }
        }
        Inspectors {
            worker: self.worker.successor(),
            classes: state.classes.iter().map(|(name, inspector)| (name.clone(), inspector.successor())).collect(),
        }
    }

    /// Who lets clients in, to the Worker itself or to its objects of a class. `None`: there is no such class.
    pub fn inspector(&self, class: Option<&str>) -> Option<Inspector> {
        match class {
            None => Some(self.worker.clone()),
            Some(class) => self.state().classes.get(class).cloned(),
        }
    }

    /// The classes of Durable Objects, once the Worker was started.
    pub fn classes(&self) -> Vec<String> {
        self.state().classes.keys().cloned().collect()
    }

    pub fn sources(&self) -> Option<Arc<Sources>> {
        self.state().sources.clone()
    }

    /// Lets all clients go, for good: what is paused goes on.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.classes.values().chain([&self.worker]).for_each(Inspector::close);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

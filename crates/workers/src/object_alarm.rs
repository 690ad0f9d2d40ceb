//! The alarms of a namespace: wakes each object when its time has come, and again after a failure.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use durable::ObjectId;
use tokio::sync::Notify;

use crate::object::ObjectNamespace;

/// A failed alarm is run again this often, after 2, 4, 8, … seconds
/// (https://developers.cloudflare.com/durable-objects/api/alarms/).
const RETRIES: u32 = 6;

/// When the objects of a namespace are to be woken.
#[derive(Default)]
pub(crate) struct AlarmClock {
    times: Mutex<Times>,
    changed: Notify,
}

#[derive(Default)]
struct Times {
    /// Milliseconds since the epoch.
    due: BTreeSet<(i64, ObjectId)>,
    by_id: HashMap<ObjectId, i64>,
}

// === impl AlarmClock ===

impl AlarmClock {
    /// An object's alarm: `None` for none.
    pub(crate) fn set(&self, id: ObjectId, due: Option<i64>) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match due {
            Some(due) => times.by_id.insert(id, due),
            None => times.by_id.remove(&id),
        };
        if let Some(before) = before {
            times.due.remove(&(before, id));
        }
        times.due.extend(due.map(|due| (due, id)));
        drop(times);
        self.changed.notify_one();
    }

    /// Nobody is to be woken.
    pub(crate) fn clear(&self) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = Times::default();
    }

    /// Begins to wake the namespace's objects: those with an alarm from before, and those that will have one.
    pub(crate) fn start(namespace: ObjectNamespace) {
        tokio::spawn(async move {
            let clock = &namespace.inner().clock;
            match namespace.inner().objects.alarms().all().await {
                Ok(all) => all.into_iter().for_each(|(id, due)| clock.set(id, Some(due))),
                Err(error) => tracing::error!(%error, "the alarms of {namespace:?} can't be read"),
            }
            loop {
                match clock.next() {
                    Some((due, id)) if due <= now() => {
                        clock.set(id, None);
                        tokio::spawn(wake(namespace.clone(), id, due));
                    }
                    Some((due, _)) => {
                        let wait = Duration::from_millis((due - now()).max(0).unsigned_abs());
                        let _ = tokio::time::timeout(wait, clock.changed.notified()).await;
                    }
                    None => clock.changed.notified().await,
                }
            }
        });
    }

    fn next(&self) -> Option<(i64, ObjectId)> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).due.first().copied()
    }
}

pub(crate) fn now() -> i64 {
    isolate::unix_millis() as i64
}

/// Runs an alarm until it succeeds, or has failed too often.
async fn wake(namespace: ObjectNamespace, id: ObjectId, due: i64) {
    for retry in 0..=RETRIES {
        if retry > 0 {
            tokio::time::sleep(Duration::from_secs(1 << retry)).await;
        }
        match namespace.alarm(id, due, retry).await {
            Ok(()) => return,
            Err(cause) => tracing::warn!(?cause, retry, "an alarm failed"),
        }
    }
    tracing::error!("the alarm of {id} has failed {} times and is given up", RETRIES + 1);
}

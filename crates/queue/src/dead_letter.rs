//! What becomes of messages that are not delivered any more: dead letters, or nothing.

use store::rusqlite::Connection;

use crate::Error;
use crate::queue::{count, row, signed};

/// A message that leaves its queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doomed {
    /// The key of the queue that it is in.
    pub(crate) queue: i64,
    pub(crate) sequence: i64,
    pub(crate) bytes: usize,
}

// === impl Doomed ===

impl Doomed {
    pub(crate) fn remove(self, connection: &Connection) -> Result<(), Error> {
        connection.prepare_cached("DELETE FROM message WHERE sequence = ?1")?.execute([self.sequence])?;
        count(connection, self.queue, -1, -(self.bytes as i64))
    }
}

/// Moves a message to the queue for dead letters, as if it had just come there: it keeps its id, and the time at which it was sent.
/// Where there is no such queue, it goes away: `false`.
pub(crate) fn bury(
    connection: &Connection,
    doomed: Doomed,
    dead_letter: Option<&str>,
    now: u64,
) -> Result<bool, Error> {
    let target = match dead_letter.map(|id| row(connection, id)) {
        Some(Ok(target)) if target.key != doomed.queue => target,
        Some(Err(error @ Error::Engine(_))) => return Err(error),
        other => {
            if other.is_some() {
                tracing::warn!(dead_letter, "a dead letter has no queue to go to, and is dropped");
            }
            doomed.remove(connection)?;
            return Ok(false);
        }
    };
    let due = now.saturating_add(u64::from(target.settings.delivery_delay) * 1000);
    let sql = "UPDATE message SET queue = ?2, due = ?3, holder = 0, attempts = 0, entered = ?4 WHERE sequence = ?1";
    connection.prepare_cached(sql)?.execute((doomed.sequence, target.key, signed(due), signed(now)))?;
    count(connection, doomed.queue, -1, -(doomed.bytes as i64))?;
    count(connection, target.key, 1, doomed.bytes as i64)?;
    Ok(true)
}

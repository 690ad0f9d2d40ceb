//! What a consumer made of leased messages.

use store::rusqlite::{Connection, OptionalExtension};

use crate::dead_letter::{self, Doomed};
use crate::queue::{note, row, signed};
use crate::{Error, LeaseId, Queue, Terms, limits};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    Ack,
    /// It comes again, after so many seconds; `None`: as the consumer's terms say.
    Retry {
        delay: Option<u32>,
    },
    /// It was not looked at: it comes again after so many seconds, and this time does not count.
    Release {
        delay: u32,
    },
}

/// How many messages went which way. Of those that were settled already nothing is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub acked: usize,
    pub retried: usize,
    pub released: usize,
    /// Came too often, and are in the queue for dead letters.
    pub dead: usize,
    /// Came too often, and are gone.
    pub dropped: usize,
}

/// A message that is leased still, or was.
struct Found {
    doomed: Doomed,
    attempts: u32,
    held: bool,
}

// === impl Queue ===

impl Queue {
    /// Settles messages, all or none of them. An acknowledgement counts though the lease has ended; all else only while it lasts.
    pub async fn settle(&self, settlements: Vec<(LeaseId, Settlement)>, terms: &Terms) -> Result<Settled, Error> {
        let (id, terms, now, share) = (self.id.clone(), terms.clone(), self.store.now(), self.share.clone());
        let dead_letter = terms.dead_letter.clone();
        let settle = move |connection: &Connection| {
            let queue = row(connection, &id)?.key;
            let mut settled = Settled::default();
            for (lease, settlement) in settlements {
                if let Some(found) = find(connection, queue, lease)? {
                    one(connection, lease, &found, settlement, &terms, now, &mut settled)?;
                }
            }
            note(connection, queue, share.as_deref())?;
            Ok::<_, Error>(settled)
        };
        let settled = self.store.database()?.write(settle).await?;
        if settled.retried + settled.released > 0 {
            self.store.wake(&self.id);
        }
        if let Some(dead_letter) = dead_letter.filter(|_| settled.dead > 0) {
            self.store.wake(&dead_letter);
        }
        Ok(settled)
    }
}

fn find(connection: &Connection, queue: i64, lease: LeaseId) -> Result<Option<Found>, Error> {
    let sql = "SELECT attempts, holder > 0, length(body) FROM message WHERE sequence = ?1 AND queue = ?2 AND id = ?3";
    let found = connection.prepare_cached(sql)?.query_row((lease.sequence, queue, lease.id.as_bytes()), |row| {
        let doomed = Doomed { queue, sequence: lease.sequence, bytes: row.get::<_, u32>(2)? as usize };
        Ok(Found { doomed, attempts: row.get(0)?, held: row.get(1)? })
    });
    Ok(found.optional()?)
}

fn one(
    connection: &Connection,
    lease: LeaseId,
    found: &Found,
    settlement: Settlement,
    terms: &Terms,
    now: u64,
    settled: &mut Settled,
) -> Result<(), Error> {
    // Another delivery of the message is under way, or it waits for one.
    let is_over = !found.held || found.attempts != lease.attempts;
    match settlement {
        Settlement::Ack => {
            found.doomed.remove(connection)?;
            settled.acked += 1;
        }
        Settlement::Retry { .. } | Settlement::Release { .. } if is_over => {}
        Settlement::Retry { .. } if found.attempts > terms.max_retries => {
            match dead_letter::bury(connection, found.doomed, terms.dead_letter.as_deref(), now)? {
                true => settled.dead += 1,
                false => settled.dropped += 1,
            }
        }
        Settlement::Retry { delay } => {
            again(connection, lease.sequence, delay.unwrap_or(terms.retry_delay), 0, now)?;
            settled.retried += 1;
        }
        Settlement::Release { delay } => {
            again(connection, lease.sequence, delay, 1, now)?;
            settled.released += 1;
        }
    }
    Ok(())
}

/// Ends a lease: the message is due after `delay` seconds, with so many deliveries less.
fn again(connection: &Connection, sequence: i64, delay: u32, less: u32, now: u64) -> Result<(), Error> {
    let due = now.saturating_add(u64::from(delay.min(limits::DELAY)) * 1000);
    let sql = "UPDATE message SET due = ?2, holder = 0, attempts = attempts - ?3 WHERE sequence = ?1";
    connection.prepare_cached(sql)?.execute((sequence, signed(due), less))?;
    Ok(())
}

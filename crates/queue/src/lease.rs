//! Batches on their way to a consumer: whoever leases messages has them alone until the lease ends.

use std::time::Duration;

use bytes::Bytes;
use store::rusqlite::Connection;
use uuid::Uuid;

use crate::dead_letter::{self, Doomed};
use crate::queue::{millis, row, signed};
use crate::{ContentType, Error, LeaseId, Message, Queue, limits};

/// Who leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A Worker of this process: its leases end with the process.
    Worker,
    /// Somebody outside, who goes on although the process ends.
    Outside,
}

/// What a consumer wants to be done with messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub holder: Holder,
    /// Messages of one batch.
    pub batch: usize,
    pub lease: Duration,
    /// How often a message comes again.
    pub max_retries: u32,
    /// Seconds after which a message comes again, where nothing else is said.
    pub retry_delay: u32,
    /// The id of the queue that messages go to that came too often; `None`: they go away.
    pub dead_letter: Option<String>,
}

/// A message that is leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    pub lease: LeaseId,
    pub message: Message,
}

// === impl Holder ===

impl Holder {
    pub(crate) fn column(self) -> u8 {
        match self {
            Self::Worker => 1,
            Self::Outside => 2,
        }
    }
}

// === impl Queue ===

impl Queue {
    /// Leases what is due, up to a batch of it. Nothing where delivery is paused.
    pub async fn lease(&self, terms: &Terms) -> Result<Vec<Leased>, Error> {
        let (id, terms, now) = (self.id.clone(), terms.clone(), self.store.now());
        let dead_letter = terms.dead_letter.clone();
        let (leased, buried) =
            self.store.database()?.write(move |connection| lease(connection, &id, &terms, now)).await?;
        if let Some(dead_letter) = dead_letter.filter(|_| buried) {
            self.store.wake(&dead_letter);
        }
        Ok(leased)
    }
}

/// What was leased, and whether anything became a dead letter.
fn lease(connection: &Connection, id: &str, terms: &Terms, now: u64) -> Result<(Vec<Leased>, bool), Error> {
    let row = row(connection, id)?;
    let mut leased = Vec::new();
    let mut buried = false;
    if row.settings.paused {
        return Ok((leased, buried));
    }
    let mut candidates = connection.prepare_cached(
        "SELECT sequence, attempts, entered, length(body) FROM message WHERE queue = ?1 AND due <= ?2
         ORDER BY due, sequence LIMIT ?3",
    )?;
    let candidates = candidates
        .query_map((row.key, signed(now), terms.batch.min(limits::BATCH) as i64), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, u32>(3)? as usize))
        })?
        .collect::<Result<Vec<(i64, u32, i64, usize)>, _>>()?;
    let expired = signed(now.saturating_sub(u64::from(row.settings.retention) * 1000));
    let mut bytes = 0;
    for (sequence, attempts, entered, length) in candidates {
        let doomed = Doomed { queue: row.key, sequence, bytes: length };
        if entered <= expired {
            doomed.remove(connection)?;
        } else if attempts > terms.max_retries {
            buried |= dead_letter::bury(connection, doomed, terms.dead_letter.as_deref(), now)?;
        } else if bytes == 0 || bytes + length <= limits::DELIVERED_BYTES {
            bytes += length;
            leased.push(take(connection, sequence, terms, now)?);
        } else {
            break;
        }
    }
    Ok((leased, buried))
}

fn take(connection: &Connection, sequence: i64, terms: &Terms, now: u64) -> Result<Leased, Error> {
    let until = now.saturating_add(millis(terms.lease.min(limits::LEASE)));
    let mut take = connection.prepare_cached(
        "UPDATE message SET due = ?2, holder = ?3, attempts = attempts + 1 WHERE sequence = ?1
         RETURNING id, attempts, sent, kind, body",
    )?;
    Ok(take.query_row((sequence, signed(until), terms.holder.column()), |row| {
        let id = Uuid::from_bytes(row.get(0)?);
        let attempts = row.get(1)?;
        let message = Message {
            id: id.simple().to_string(),
            body: Bytes::from(row.get::<_, Vec<u8>>(4)?),
            content_type: ContentType::of_column(row.get(3)?),
            timestamp: row.get::<_, i64>(2)?.unsigned_abs(),
            attempts,
        };
        Ok(Leased { lease: LeaseId { sequence, id, attempts }, message })
    })?)
}

//! One queue: what is sent to it, what it tells of itself, and when a batch of it is due.

use std::sync::Arc;
use std::time::Duration;

use store::quota::Share;
use store::rusqlite::{Connection, OptionalExtension};
use tokio::sync::Notify;

use crate::message::{self, Checked};
use crate::{Error, NewMessage, Settings, Store, limits};

/// A queue by its id. Clones are the same queue.
#[derive(Clone, Debug)]
pub struct Queue {
    pub(crate) store: Arc<Store>,
    pub(crate) id: Arc<str>,
    /// Seconds that what is sent by this handle is delayed for, where the message says nothing of it.
    delay: Option<u32>,
    /// What it has of its owner's quota.
    pub(crate) share: Option<Arc<Share>>,
}

/// What waits in a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    pub messages: u64,
    pub bytes: u64,
    /// When the oldest message came, in milliseconds since the Unix epoch.
    pub oldest: Option<u64>,
}

/// When a batch is to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Now,
    /// Not before so long, unless something is sent.
    In(Duration),
    /// Not before something is sent, or delivery goes on.
    Never,
}

/// A queue's row.
pub(crate) struct Row {
    pub(crate) key: i64,
    pub(crate) settings: Settings,
    pub(crate) bytes: u64,
}

// === impl Queue ===

impl Queue {
    pub(crate) fn new(store: Arc<Store>, id: &str) -> Self {
        Self { store, id: id.into(), delay: None, share: None }
    }

    /// The same queue; what is sent by this handle is delayed for so many seconds, where it does not say otherwise.
    pub fn delayed(self, delay: Option<u32>) -> Self {
        Self { delay, ..self }
    }

    /// The same queue; what is sent by this handle needs room in its owner's quota.
    pub fn charged(self, share: Arc<Share>) -> Self {
        Self { share: Some(share), ..self }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sends messages, all or none: they are durable when it returns. `delay`: seconds, for those that say nothing of it.
    pub async fn send(&self, messages: Vec<NewMessage>, delay: Option<i64>) -> Result<Metrics, Error> {
        let delay = delay.map(|seconds| limits::check_delay(seconds).map_err(|_| Error::BatchDelay(seconds)));
        let messages = message::check(messages, delay.transpose()?.or(self.delay))?;
        let bytes = messages.iter().map(|message| (limits::ENTRY + message.body.len()) as u64).sum();
        let charge = match &self.share {
            Some(share) => Some(share.charge(bytes).ok_or(Error::StorageLimit)?),
            None => None,
        };
        let (id, now, backlog) = (self.id.clone(), self.store.now(), self.store.backlog());
        let metrics = self
            .store
            .database()?
            .write(move |connection| {
                let row = row(connection, &id)?;
                insert(connection, &row, &messages, now, backlog)?;
                let metrics = metrics(connection, row.key)?;
                if let Some(charge) = charge {
                    charge.settle(metrics.kept());
                }
                Ok::<_, Error>(metrics)
            })
            .await?;
        self.store.wake(&self.id);
        Ok(metrics)
    }

    pub fn metrics(&self) -> Result<Metrics, Error> {
        self.store.database()?.read(|connection| metrics(connection, row(connection, &self.id)?.key))
    }

    pub fn settings(&self) -> Result<Settings, Error> {
        self.store.database()?.read(|connection| Ok(row(connection, &self.id)?.settings))
    }

    pub async fn configure(&self, settings: Settings) -> Result<(), Error> {
        let Settings { delivery_delay, retention, paused } = settings.check()?;
        let id = self.id.clone();
        self.store
            .database()?
            .write(move |connection| {
                let sql = "UPDATE queue SET delivery_delay = ?2, retention = ?3, paused = ?4 WHERE id = ?1";
                let key = row(connection, &id)?.key;
                connection.execute(sql, (key, delivery_delay, retention, paused)).map_err(Error::from)
            })
            .await?;
        self.store.wake(&self.id);
        Ok(())
    }

    /// When a batch is due: so many messages, or the first of them has waited for so long.
    pub fn due(&self, batch: usize, wait: Duration) -> Result<Due, Error> {
        let now = self.store.now();
        self.store.database()?.read(|connection| {
            let row = row(connection, &self.id)?;
            if row.settings.paused {
                return Ok(Due::Never);
            }
            let sql = "SELECT count(*), min(due) FROM
                         (SELECT due FROM message WHERE queue = ?1 AND due <= ?2 ORDER BY due LIMIT ?3)";
            let batch = i64::try_from(batch).unwrap_or(i64::MAX);
            let (ready, first): (i64, Option<i64>) = connection
                .prepare_cached(sql)?
                .query_row((row.key, signed(now), batch), |row| Ok((row.get(0)?, row.get(1)?)))?;
            let waited = first.map(|first| first.unsigned_abs().saturating_add(millis(wait)));
            if ready >= batch || waited.is_some_and(|until| until <= now) {
                return Ok(Due::Now);
            }
            let sql = "SELECT due FROM message WHERE queue = ?1 AND due > ?2 ORDER BY due LIMIT 1";
            let next: Option<i64> =
                connection.prepare_cached(sql)?.query_row((row.key, signed(now)), |row| row.get(0)).optional()?;
            let at = waited.into_iter().chain(next.map(i64::unsigned_abs)).min();
            Ok(at.map_or(Due::Never, |at| Due::In(Duration::from_millis(at - now))))
        })
    }

    /// Is notified when something may have become due. One may listen at a time.
    pub fn changed(&self) -> Arc<Notify> {
        self.store.listener(&self.id)
    }
}

// === impl Metrics ===

impl Metrics {
    /// Bytes that are kept, with what each message takes besides.
    pub fn kept(&self) -> u64 {
        self.bytes.saturating_add(self.messages.saturating_mul(limits::ENTRY as u64))
    }
}

/// The row of the queue with this id.
pub(crate) fn row(connection: &Connection, id: &str) -> Result<Row, Error> {
    let sql = "SELECT id, delivery_delay, retention, paused, bytes FROM queue WHERE name = ?1 AND NOT gone";
    let found = connection.prepare_cached(sql)?.query_row([id], |row| {
        let settings = Settings { delivery_delay: row.get(1)?, retention: row.get(2)?, paused: row.get(3)? };
        Ok(Row { key: row.get(0)?, settings, bytes: row.get::<_, i64>(4)?.unsigned_abs() })
    });
    found.optional()?.ok_or(Error::NotFound)
}

fn insert(connection: &Connection, row: &Row, messages: &[Checked], now: u64, backlog: u64) -> Result<(), Error> {
    let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
    if row.bytes.saturating_add(bytes as u64) > backlog {
        return Err(Error::StorageLimit);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO message (queue, due, holder, attempts, sent, entered, kind, id, body)
         VALUES (?1, ?2, 0, 0, ?3, ?3, ?4, ?5, ?6)",
    )?;
    for Checked { id, body, content_type, delay } in messages {
        let due = now.saturating_add(u64::from(delay.unwrap_or(row.settings.delivery_delay)) * 1000);
        insert.execute((row.key, signed(due), signed(now), content_type.column(), id.as_bytes(), &body[..]))?;
    }
    count(connection, row.key, messages.len() as i64, bytes as i64)
}

/// Counts messages that came (or, negative, went) and their bytes.
pub(crate) fn count(connection: &Connection, queue: i64, messages: i64, bytes: i64) -> Result<(), Error> {
    let sql = "UPDATE queue SET messages = messages + ?2, bytes = bytes + ?3 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute((queue, messages, bytes))?;
    Ok(())
}

/// Notes in the owner's quota what is kept.
pub(crate) fn note(connection: &Connection, queue: i64, share: Option<&Share>) -> Result<(), Error> {
    if let Some(share) = share {
        share.set(metrics(connection, queue)?.kept());
    }
    Ok(())
}

fn metrics(connection: &Connection, queue: i64) -> Result<Metrics, Error> {
    let sql = "SELECT messages, bytes, (SELECT min(entered) FROM message WHERE queue = ?1) FROM queue WHERE id = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([queue], |row| {
        let number = |place| row.get::<_, i64>(place).map(i64::unsigned_abs);
        let oldest: Option<i64> = row.get(2)?;
        Ok(Metrics { messages: number(0)?, bytes: number(1)?, oldest: oldest.map(i64::unsigned_abs) })
    })?)
}

/// SQLite's integers are signed; times past them are all the same.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

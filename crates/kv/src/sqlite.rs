//! The log in one SQLite database: the versions of each key that some location still sees, in the order of the writes.
//! A write that has arrived everywhere replaces all before it, so most keys have one version.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use store::quota::Charge;
use store::rusqlite::{Connection, OptionalExtension, Row};
use store::sqlite::Database;

use crate::{Clock, Error, Log, Place, Version, Write};

/// `arrives` is when (milliseconds) a version is visible everywhere; 0: it is. Before that, only `origin` sees it.
/// `value` is null for a deletion. Values stand last: what comes before a long one is read without it. `namespace.bytes` is what a
/// namespace keeps: of each version 64 bytes, its key, metadata and value.
const SCHEMA: &[&str] = &[
    "
    CREATE TABLE log (last INTEGER NOT NULL);
    INSERT INTO log VALUES (0);
    CREATE TABLE namespace (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE version (
        namespace INTEGER NOT NULL,
        key BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        arrives INTEGER NOT NULL,
        origin TEXT,
        expiration INTEGER,
        metadata TEXT,
        value BLOB,
        PRIMARY KEY (namespace, key, sequence DESC)
    ) WITHOUT ROWID;
    CREATE INDEX arriving ON version (arrives) WHERE arrives > 0;
    CREATE INDEX expiring ON version (expiration) WHERE expiration IS NOT NULL;
",
    "
    ALTER TABLE namespace ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE namespace SET bytes = coalesce((
        SELECT sum(64 + length(key) + coalesce(length(CAST(metadata AS BLOB)), 0) + coalesce(length(value), 0))
        FROM version WHERE version.namespace = namespace.id), 0);
    CREATE TRIGGER version_added AFTER INSERT ON version BEGIN
        UPDATE namespace SET bytes = bytes + 64 + length(NEW.key)
            + coalesce(length(CAST(NEW.metadata AS BLOB)), 0) + coalesce(length(NEW.value), 0)
        WHERE id = NEW.namespace;
    END;
    CREATE TRIGGER version_removed AFTER DELETE ON version BEGIN
        UPDATE namespace SET bytes = bytes - 64 - length(OLD.key)
            - coalesce(length(CAST(OLD.metadata AS BLOB)), 0) - coalesce(length(OLD.value), 0)
        WHERE id = OLD.namespace;
    END;
",
];

/// How often writes clean up behind those before them, and how many versions of each kind at a time.
const SWEEP_MILLIS: u64 = 1000;
const SWEEP: i64 = 256;

pub struct Sqlite {
    database: Database,
    clock: Clock,
    delay: Duration,
    swept: Arc<AtomicU64>,
}

// === impl Sqlite ===

impl Sqlite {
    /// `delay`: how long after it was made a write arrives at other locations.
    pub fn open(path: &Path, delay: Duration, clock: Clock) -> Result<Self, Error> {
        Ok(Self { database: Database::open(path, SCHEMA)?, clock, delay, swept: Arc::default() })
    }
}

impl Log for Sqlite {
    fn append<'a>(
        &'a self,
        namespace: &'a str,
        writes: Vec<Write>,
        origin: Place,
        charge: Option<Charge>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        let now = self.clock.millis();
        let delay = if origin == Place::Central { 0 } else { self.delay.as_millis() as u64 };
        let arrives = if delay == 0 { 0 } else { now.saturating_add(delay) };
        let (namespace, swept) = (namespace.to_owned(), self.swept.clone());
        Box::pin(self.database.write(move |connection| {
            let namespace = namespace_id(connection, &namespace)?;
            for write in &writes {
                append(connection, namespace, write, origin, arrives, now)?;
            }
            if now.saturating_sub(swept.load(Ordering::Relaxed)) >= SWEEP_MILLIS {
                swept.store(now, Ordering::Relaxed);
                sweep(connection, now)?;
            }
            if let Some(charge) = charge {
                charge.settle(bytes(connection, namespace)?);
            }
            Ok(())
        }))
    }

    fn last(&self, place: Place, namespace: &str, key: &str, at_most: usize) -> Result<Option<Version>, Error> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT metadata, expiration, value IS NULL,
                        CASE WHEN length(value) <= ?5 THEN value END
                 FROM version
                 WHERE namespace = (SELECT id FROM namespace WHERE name = ?1) AND key = ?2
                   AND (arrives <= ?3 OR origin = ?4)
                 ORDER BY sequence DESC LIMIT 1",
            )?;
            let now = visible_at(place, &self.clock);
            let found = statement.query_row((namespace, key.as_bytes(), now, place.code(), at_most), |row| {
                if row.get(2)? {
                    return Ok(None);
                }
                let value = row.get::<_, Option<Vec<u8>>>(3)?.map(Bytes::from);
                version(row, value).map(Some)
            });
            Ok(found.optional()?.flatten())
        })
    }

    fn scan(
        &self,
        place: Place,
        namespace: &str,
        prefix: &[u8],
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], Version) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT metadata, expiration, value IS NULL, key FROM version
                 WHERE namespace = (SELECT id FROM namespace WHERE name = ?1) AND key >= ?2
                   AND (arrives <= ?3 OR origin = ?4)
                 ORDER BY key, sequence DESC",
            )?;
            // The least key after another is that one with a zero byte.
            let first = after.map(|after| [after, &[0]].concat()).filter(|first| first[..] > *prefix);
            let first = first.as_deref().unwrap_or(prefix);
            let mut rows = statement.query((namespace, first, visible_at(place, &self.clock), place.code()))?;
            let mut last = Vec::new();
            while let Some(row) = rows.next()? {
                let key = row.get_ref(3)?.as_blob().map_err(store::rusqlite::Error::from)?;
                if !key.starts_with(prefix) {
                    break;
                }
                // The first one of a key is its last version here.
                if key == last {
                    continue;
                }
                last.clear();
                last.extend_from_slice(key);
                if !row.get::<_, bool>(2)? && each(key, version(row, None)?).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn clear<'a>(&'a self, namespace: &'a str, at_most: usize) -> BoxFuture<'a, Result<bool, Error>> {
        let namespace = namespace.to_owned();
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        Box::pin(self.database.write(move |connection| {
            let mut find = connection.prepare_cached("SELECT id FROM namespace WHERE name = ?1")?;
            let Some(id) = find.query_row([&namespace], |row| row.get::<_, i64>(0)).optional()? else {
                return Ok(true);
            };
            let removed = connection
                .prepare_cached(
                    "DELETE FROM version WHERE (namespace, key, sequence) IN (
                         SELECT namespace, key, sequence FROM version WHERE namespace = ?1 LIMIT ?2)",
                )?
                .execute((id, at_most))?;
            if removed > 0 {
                return Ok(false);
            }
            connection.execute("DELETE FROM namespace WHERE id = ?1", [id])?;
            Ok(true)
        }))
    }

    fn namespaces(&self) -> Result<Vec<String>, Error> {
        self.database.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM namespace ORDER BY name")?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    fn size(&self, namespace: &str) -> Result<u64, Error> {
        self.database.read(|connection| {
            let mut find = connection.prepare_cached("SELECT id FROM namespace WHERE name = ?1")?;
            let id: Option<i64> = find.query_row([namespace], |row| row.get(0)).optional()?;
            id.map_or(Ok(0), |id| bytes(connection, id))
        })
    }
}

fn bytes(connection: &Connection, namespace: i64) -> Result<u64, Error> {
    let mut find = connection.prepare_cached("SELECT bytes FROM namespace WHERE id = ?1")?;
    Ok(find.query_row([namespace], |row| row.get::<_, i64>(0))?.unsigned_abs())
}

fn visible_at(place: Place, clock: &Clock) -> i64 {
    match place {
        Place::Colo(_) => signed(clock.millis()),
        Place::Central => i64::MAX,
    }
}

/// SQLite's integers are signed; times past them are all the same.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn version(row: &Row<'_>, value: Option<Bytes>) -> store::rusqlite::Result<Version> {
    let expiration = row.get::<_, Option<i64>>(1)?.map(i64::unsigned_abs);
    Ok(Version { value, metadata: row.get(0)?, expiration })
}

fn namespace_id(connection: &Connection, name: &str) -> Result<i64, Error> {
    let mut find = connection.prepare_cached("SELECT id FROM namespace WHERE name = ?1")?;
    if let Some(id) = find.query_row([name], |row| row.get(0)).optional()? {
        return Ok(id);
    }
    connection.prepare_cached("INSERT INTO namespace (name) VALUES (?1)")?.execute([name])?;
    Ok(connection.last_insert_rowid())
}

fn append(
    connection: &Connection,
    namespace: i64,
    write: &Write,
    origin: Place,
    arrives: u64,
    now: u64,
) -> Result<(), Error> {
    let Write { key, value, metadata, expiration } = write;
    let key = key.as_bytes();
    let everywhere = arrives == 0;
    if everywhere {
        // Nobody sees what was before.
        connection
            .prepare_cached("DELETE FROM version WHERE namespace = ?1 AND key = ?2")?
            .execute((namespace, key))?;
        if value.is_none() {
            return Ok(());
        }
    }
    let sequence: i64 =
        connection.prepare_cached("UPDATE log SET last = last + 1 RETURNING last")?.query_row([], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO version (namespace, key, sequence, arrives, origin, expiration, metadata, value)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            namespace,
            key,
            sequence,
            signed(arrives),
            origin.code().filter(|_| !everywhere),
            expiration.map(signed),
            metadata,
            value.as_deref(),
        ))?;
    if !everywhere {
        forget_replaced(connection, namespace, key, now)?;
    }
    Ok(())
}

/// Deletes the versions of a key before the last one that has arrived everywhere.
fn forget_replaced(connection: &Connection, namespace: i64, key: &[u8], now: u64) -> Result<(), Error> {
    connection
        .prepare_cached(
            "DELETE FROM version WHERE namespace = ?1 AND key = ?2 AND sequence <
             (SELECT max(sequence) FROM version WHERE namespace = ?1 AND key = ?2 AND arrives <= ?3)",
        )?
        .execute((namespace, key, signed(now)))?;
    Ok(())
}

/// Cleans up some of what nobody sees any more: versions that were replaced, deletions that have arrived, and what has expired.
fn sweep(connection: &Connection, now: u64) -> Result<(), Error> {
    let arrived: Vec<(i64, Vec<u8>, i64)> = connection
        .prepare_cached(
            "SELECT namespace, key, sequence FROM version WHERE arrives > 0 AND arrives <= ?1 ORDER BY arrives LIMIT ?2",
        )?
        .query_map((signed(now), SWEEP), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (namespace, key, sequence) in arrived {
        forget_replaced(connection, namespace, &key, now)?;
        // What is left of it is the oldest version: a deletion with nothing before it says nothing.
        connection
            .prepare_cached(
                "DELETE FROM version WHERE namespace = ?1 AND key = ?2 AND sequence = ?3 AND value IS NULL",
            )?
            .execute((namespace, &key, sequence))?;
        connection
            .prepare_cached(
                "UPDATE version SET arrives = 0, origin = NULL WHERE namespace = ?1 AND key = ?2 AND sequence = ?3",
            )?
            .execute((namespace, &key, sequence))?;
    }
    // One that has not arrived everywhere still hides those before it.
    connection
        .prepare_cached(
            "DELETE FROM version WHERE (namespace, key, sequence) IN (
                 SELECT namespace, key, sequence FROM version
                 WHERE expiration IS NOT NULL AND expiration <= ?1 AND arrives = 0 LIMIT ?2)",
        )?
        .execute((signed(now / 1000), SWEEP))?;
    Ok(())
}

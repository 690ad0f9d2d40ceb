//! What goes without having been delivered: messages that are too old, those of queues that were deleted, and all of a queue that
//! is purged. Little by little, so that nobody who sends waits for long.

use store::rusqlite::{Connection, Params};

use crate::queue::{count, note, row, signed};
use crate::{Error, Queue, Store};

/// Messages that one write removes.
const BATCH: usize = 500;

// === impl Store ===

impl Store {
    /// Removes the messages that are older than their queues keep them; how many.
    pub async fn sweep(&self) -> Result<usize, Error> {
        self.remove_gone().await?;
        let queues: Vec<(i64, u32)> = self.database()?.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, retention FROM queue WHERE messages > 0")?;
            let queues = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok::<_, Error>(queues.collect::<Result<_, _>>()?)
        })?;
        let mut removed = 0;
        for (queue, retention) in queues {
            let expired = signed(self.now().saturating_sub(u64::from(retention) * 1000));
            removed += self.remove(queue, "queue = ?1 AND entered <= ?2", (queue, expired)).await?;
        }
        Ok(removed)
    }

    /// Removes the queues that were deleted.
    pub(crate) async fn remove_gone(&self) -> Result<(), Error> {
        let gone: Vec<i64> = self.database()?.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM queue WHERE gone")?;
            let gone = statement.query_map([], |row| row.get(0))?;
            Ok::<_, Error>(gone.collect::<Result<_, _>>()?)
        })?;
        for queue in gone {
            self.remove(queue, "queue = ?1", (queue,)).await?;
            let remove = move |connection: &Connection| {
                connection.execute("DELETE FROM queue WHERE id = ?1 AND gone", [queue]).map_err(Error::from)
            };
            self.database()?.write(remove).await?;
        }
        Ok(())
    }

    /// Removes the messages of a queue for which this holds; how many.
    async fn remove(
        &self,
        queue: i64,
        which: &'static str,
        parameters: impl Params + Clone + Send + 'static,
    ) -> Result<usize, Error> {
        let mut removed = 0;
        loop {
            let parameters = parameters.clone();
            let step = move |connection: &Connection| {
                let sql = format!(
                    "DELETE FROM message WHERE sequence IN (SELECT sequence FROM message WHERE {which} LIMIT {BATCH})
                     RETURNING length(body)"
                );
                let mut delete = connection.prepare_cached(&sql)?;
                let lengths = delete.query_map(parameters, |row| row.get::<_, i64>(0))?;
                let lengths = lengths.collect::<Result<Vec<_>, _>>()?;
                count(connection, queue, -(lengths.len() as i64), -lengths.iter().sum::<i64>())?;
                Ok::<_, Error>(lengths.len())
            };
            let step = self.database()?.write(step).await?;
            removed += step;
            if step < BATCH {
                return Ok(removed);
            }
        }
    }
}

// === impl Queue ===

impl Queue {
    /// Removes the messages that are in the queue now; how many.
    pub async fn purge(&self) -> Result<usize, Error> {
        let (queue, last) = self.store.database()?.read(|connection| {
            let queue = row(connection, &self.id)?.key;
            let sql = "SELECT coalesce(max(sequence), 0) FROM message";
            let last: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            Ok::<_, Error>((queue, last))
        })?;
        let removed = self.store.remove(queue, "queue = ?1 AND sequence <= ?2", (queue, last)).await?;
        let share = self.share.clone();
        self.store.database()?.write(move |connection| note(connection, queue, share.as_deref())).await?;
        Ok(removed)
    }
}

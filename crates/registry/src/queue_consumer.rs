//! Who gets a queue's messages: a Worker, or whoever pulls them over HTTP. A queue has one consumer at most.

use serde::{Deserialize, Serialize};
use store::rusqlite::{OptionalExtension, Row};

use crate::error::taken;
use crate::{Error, Registry, Stamp, new_hex_id};

#[derive(Clone, Debug, PartialEq)]
pub struct QueueConsumer {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The queue's id.
    pub queue: String,
    /// The tag of its script; `None`: messages are pulled over HTTP.
    pub script: Option<String>,
    pub created: Stamp,
    pub settings: ConsumerSettings,
}

/// How messages are delivered. What is `None` is as the platform has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerSettings {
    /// Messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait_time_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_delay: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility_timeout_ms: Option<u64>,
    /// A queue's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_queue: Option<String>,
}

// === impl Registry ===

impl Registry {
    /// Gives a queue its consumer.
    pub async fn create_queue_consumer(
        &self,
        queue: &str,
        script: Option<String>,
        settings: ConsumerSettings,
    ) -> Result<QueueConsumer, Error> {
        let consumer =
            QueueConsumer { id: new_hex_id(), queue: queue.to_owned(), script, created: Stamp::now(), settings };
        let row = consumer.clone();
        self.write(move |connection| {
            let QueueConsumer { id, queue, script, created, settings } = &row;
            let document = serde_json::to_string(settings)?;
            connection
                .execute(
                    "INSERT INTO queue_consumer VALUES (?1, ?2, ?3, ?4, ?5)",
                    (id, queue, script, created.0, document),
                )
                .map_err(|error| taken(error, "a consumer of the queue", queue))?;
            Ok(())
        })
        .await?;
        Ok(consumer)
    }

    /// The consumers of all queues.
    pub fn queue_consumers(&self) -> Result<Vec<QueueConsumer>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM queue_consumer ORDER BY id")?;
            let found = statement.query_map([], |row| Ok(consumer(row)))?.collect::<Result<Vec<_>, _>>()?;
            found.into_iter().collect()
        })
    }

    /// The consumer of a queue.
    pub fn queue_consumer(&self, queue: &str) -> Result<Option<QueueConsumer>, Error> {
        self.read(|connection| {
            let sql = "SELECT * FROM queue_consumer WHERE queue = ?1";
            connection.prepare_cached(sql)?.query_row([queue], |row| Ok(consumer(row))).optional()?.transpose()
        })
    }

    /// Whether a script consumes any queue.
    pub fn consumes_queues(&self, script: &str) -> Result<bool, Error> {
        self.read(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM queue_consumer WHERE script = ?1)";
            Ok(connection.prepare_cached(sql)?.query_row([script], |row| row.get(0))?)
        })
    }

    pub async fn change_queue_consumer(
        &self,
        id: &str,
        script: Option<String>,
        settings: ConsumerSettings,
    ) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(move |connection| {
            let sql = "UPDATE queue_consumer SET script = ?2, document = ?3 WHERE id = ?1";
            connection.execute(sql, (id, script, serde_json::to_string(&settings)?))?;
            Ok(())
        })
        .await
    }

    pub async fn delete_queue_consumer(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.write(move |connection| {
            connection.execute("DELETE FROM queue_consumer WHERE id = ?1", [id])?;
            Ok(())
        })
        .await
    }
}

fn consumer(row: &Row<'_>) -> Result<QueueConsumer, Error> {
    Ok(QueueConsumer {
        id: row.get(0)?,
        queue: row.get(1)?,
        script: row.get(2)?,
        created: Stamp(row.get(3)?),
        settings: serde_json::from_str(&row.get::<_, String>(4)?)?,
    })
}

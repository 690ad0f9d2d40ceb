//! The tables. A message's body stands last: what comes before a long one is read without it.

/// `message.due` is when (milliseconds) a message may be delivered: after its delay, or when its lease has ended. `holder` is 0 where
/// nobody has it leased, else [`crate::Holder`]'s column. `entered`: since when it is in this queue, from which its retention counts.
/// `queue.gone`: it was deleted, and its messages go too.
pub(crate) const MIGRATIONS: &[&str] = &["
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, delivery_delay INTEGER NOT NULL, retention INTEGER NOT NULL,
        paused INTEGER NOT NULL, gone INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE message (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL, due INTEGER NOT NULL, holder INTEGER NOT NULL,
        attempts INTEGER NOT NULL, sent INTEGER NOT NULL, entered INTEGER NOT NULL, kind INTEGER NOT NULL, id BLOB NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX message_due ON message (queue, due, sequence);
    CREATE INDEX message_entered ON message (queue, entered);
    CREATE INDEX message_held ON message (holder) WHERE holder > 0;
"];

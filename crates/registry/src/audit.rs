//! The audit log: every control action, who did it and how it ended.

use crate::{Error, Registry, Stamp};

/// Entries of one account that are remembered.
const KEPT: i64 = 100_000;

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub account: String,
    /// The id of the token that acted; "cli" for the command line on the machine itself.
    pub token: String,
    /// Method and route: `PUT /accounts/{account}/workers/scripts/{script}`.
    pub action: String,
    /// The path as it was asked for.
    pub subject: String,
    /// The HTTP status of the answer.
    pub status: u16,
}

/// An entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub id: i64,
    pub at: Stamp,
    pub entry: Entry,
}

// === impl Registry ===

impl Registry {
    pub async fn audit(&self, entry: Entry) -> Result<(), Error> {
        self.write(move |connection| {
            let Entry { account, token, action, subject, status } = &entry;
            connection.execute(
                "INSERT INTO audit (account, at, token, action, subject, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (account, Stamp::now().0, token, action, subject, status),
            )?;
            connection.execute(
                "DELETE FROM audit WHERE account = ?1 AND id <= (SELECT max(id) FROM audit) - ?2",
                (account, KEPT),
            )?;
            Ok(())
        })
        .await
    }

    /// An account's newest entries before `before` (an id), the newest first.
    pub fn audits(&self, account: &str, before: Option<i64>, limit: u32) -> Result<Vec<Audit>, Error> {
        self.read(|connection| {
            let sql = "SELECT id, at, token, action, subject, status FROM audit
                       WHERE account = ?1 AND (id < ?2 OR ?2 IS NULL) ORDER BY id DESC LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let entries = statement.query_map((account, before, limit), |row| {
                let entry = Entry {
                    account: account.to_owned(),
                    token: row.get(2)?,
                    action: row.get(3)?,
                    subject: row.get(4)?,
                    status: row.get(5)?,
                };
                Ok(Audit { id: row.get(0)?, at: Stamp(row.get(1)?), entry })
            })?;
            Ok(entries.collect::<Result<_, _>>()?)
        })
    }
}

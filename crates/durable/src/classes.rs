//! Which namespace each script's class has, and the migrations that have changed that. A namespace's key stays what it was when
//! the class first had it, so that ids outlive the class's name; a key is never given to a second class.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::rusqlite::{self, Connection, OptionalExtension, Transaction};
use store::sqlite;

use crate::namespace::folder_name;

/// `used.state`: 0 a class has the key, 1 its files are to be removed, 2 they are gone.
const SCHEMA: &[&str] = &["
    CREATE TABLE class (script TEXT NOT NULL, class TEXT NOT NULL, key TEXT NOT NULL UNIQUE, PRIMARY KEY (script, class)) WITHOUT ROWID;
    CREATE TABLE used (key TEXT PRIMARY KEY, state INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE applied (script TEXT NOT NULL, place INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (script, place)) WITHOUT ROWID;
"];

/// The classes of all scripts whose objects are below one folder.
#[derive(Debug)]
pub struct Classes {
    root: PathBuf,
    database: Mutex<Option<Connection>>,
}

/// One of a script's `migrations` (https://developers.cloudflare.com/durable-objects/reference/durable-objects-migrations/).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    pub tag: String,
    pub created: Vec<String>,
    /// From, to.
    pub renamed: Vec<(String, String)>,
    pub deleted: Vec<String>,
    /// From which script, which of its classes, to.
    pub transferred: Vec<(String, String, String)>,
}

/// Why migrations can't be applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// `at`: which of the migrations it is about; `None`: one that is missing.
    #[error("{message}")]
    Refused { at: Option<usize>, message: String },
    #[error(transparent)]
    Engine(#[from] sqlite::Error),
}

// === impl Classes ===

impl Classes {
    pub fn new(root: PathBuf) -> Self {
        Self { root, database: Mutex::default() }
    }

    /// The key of the namespace that a script's class has.
    pub fn key(&self, script: &str, class: &str) -> Result<String, sqlite::Error> {
        if !self.path().exists() {
            return Ok(first_key(script, class));
        }
        self.change(|transaction| match has(transaction, script, class)? {
            Some(key) => Ok(key),
            // Noted where it is not the one that anybody would expect, so that it stays the same.
            None if is_used(transaction, &first_key(script, class))? => give(transaction, script, class),
            None => Ok(first_key(script, class)),
        })
    }

    /// Applies those of a script's migrations that were not applied yet: all of them, durably, or none. What they were is returned.
    pub fn apply(&self, script: &str, migrations: &[Migration]) -> Result<Vec<String>, MigrationError> {
        if migrations.is_empty() && !self.path().exists() {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            let applied = applied(transaction, script)?;
            check_order(&applied, migrations)?;
            let kept =
                if applied.is_empty() { self.keep_present(transaction, script, migrations)? } else { BTreeSet::new() };
            let due = migrations.iter().enumerate().skip(applied.len());
            for (at, migration) in due.clone() {
                carry_out(transaction, script, migration, &kept).map_err(|error| error.at(at))?;
                let row = (script, at as i64, &migration.tag);
                transaction.execute("INSERT INTO applied VALUES (?1, ?2, ?3)", row).map_err(sqlite::Error::from)?;
            }
            Ok(due.map(|(_, migration)| migration.tag.clone()).collect())
        })
    }

    /// Applies migrations after all that were applied: all of them, durably, or none. For who keeps by himself which ones are due.
    pub fn advance(&self, script: &str, migrations: &[Migration]) -> Result<(), MigrationError> {
        self.change(|transaction| {
            let applied = applied(transaction, script)?.len();
            for (at, migration) in migrations.iter().enumerate() {
                carry_out(transaction, script, migration, &BTreeSet::new()).map_err(|error| error.at(at))?;
                let row = (script, (applied + at) as i64, &migration.tag);
                transaction.execute("INSERT INTO applied VALUES (?1, ?2, ?3)", row).map_err(sqlite::Error::from)?;
            }
            Ok(())
        })
    }

    /// Keys of deleted classes whose files may still be there.
    pub fn removed(&self) -> Result<Vec<String>, sqlite::Error> {
        if !self.path().exists() {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            let mut statement = transaction.prepare("SELECT key FROM used WHERE state = 1")?;
            let keys = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(keys)
        })
    }

    /// Removes what the objects of a deleted class have stored. None of them may be open.
    pub fn remove_files(&self, key: &str) -> Result<(), sqlite::Error> {
        let folder = self.root.join(folder_name(key));
        let removed = match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => std::fs::File::open(&self.root).and_then(|root| root.sync_all()),
        };
        removed.map_err(|source| sqlite::Error::Folder { path: folder, source })?;
        self.change(|transaction| {
            transaction.execute("UPDATE used SET state = 2 WHERE key = ?1", [key])?;
            Ok(())
        })
    }

    /// Where there are objects from before migrations were noted here, the classes that the script has now have them by their
    /// names: what brought them there need not, and must not, be done again.
    fn keep_present(
        &self,
        transaction: &Transaction<'_>,
        script: &str,
        migrations: &[Migration],
    ) -> Result<BTreeSet<String>, sqlite::Error> {
        let mut present = BTreeSet::new();
        for migration in migrations {
            let Migration { created, renamed, deleted, transferred, .. } = migration;
            present.extend(created.iter().cloned());
            for (from, to) in renamed {
                present.remove(from);
                present.insert(to.clone());
            }
            present.retain(|class| !deleted.contains(class));
            present.extend(transferred.iter().map(|(_, _, to)| to.clone()));
        }
        present.retain(|class| self.root.join(folder_name(&first_key(script, class))).exists());
        for class in &present {
            if has(transaction, script, class)?.is_none() {
                give(transaction, script, class)?;
            }
        }
        Ok(present)
    }

    fn path(&self) -> PathBuf {
        self.root.join("classes.sqlite")
    }

    /// Runs `change` in a transaction.
    fn change<T, E: From<sqlite::Error>>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut database = self.database();
        if database.is_none() {
            *database = Some(sqlite::open(&self.path(), SCHEMA)?);
        }
        let Some(connection) = &mut *database else { return Err(sqlite::Error::Closed.into()) };
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(sqlite::Error::from)?;
        let result = change(&transaction)?;
        transaction.commit().map_err(sqlite::Error::from)?;
        Ok(result)
    }

    fn database(&self) -> MutexGuard<'_, Option<Connection>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a namespace whose class has had no other name, as the platform's own local development has it.
fn first_key(script: &str, class: &str) -> String {
    format!("{script}-{class}")
}

/// What was applied is the beginning of what there is.
fn check_order(applied: &[String], migrations: &[Migration]) -> Result<(), MigrationError> {
    let all = || applied.iter().map(|tag| format!("\"{tag}\"")).collect::<Vec<_>>().join(", ");
    for (at, migration) in migrations.iter().enumerate() {
        let refused = |message| Err(MigrationError::Refused { at: Some(at), message });
        if migrations[..at].iter().any(|before| before.tag == migration.tag) {
            return refused(format!("the migration \"{}\" is there twice: each needs a tag of its own", migration.tag));
        }
        if let Some(tag) = applied.get(at).filter(|tag| **tag != migration.tag) {
            return refused(format!(
                "the migration \"{}\" stands where \"{tag}\" was applied. Those applied here so far are {}: they must stay, in this order, and new ones come after them",
                migration.tag,
                all(),
            ));
        }
    }
    match applied.get(migrations.len()) {
        None => Ok(()),
        Some(tag) => Err(MigrationError::Refused {
            at: None,
            message: format!(
                "the migration \"{tag}\" was applied here and is missing. Those applied so far are {}: they must stay, in this order",
                all()
            ),
        }),
    }
}

/// `kept`: classes whose objects are there already.
fn carry_out(
    transaction: &Transaction<'_>,
    script: &str,
    migration: &Migration,
    kept: &BTreeSet<String>,
) -> Result<(), Undone> {
    let Migration { created, renamed, deleted, transferred, .. } = migration;
    for class in created {
        if has(transaction, script, class)?.is_none() {
            give(transaction, script, class)?;
        }
    }
    let moves = renamed.iter().map(|(from, to)| (script, from, to));
    let moves = moves.chain(transferred.iter().map(|(other, from, to)| (other.as_str(), from, to)));
    for (from_script, from, to) in moves.filter(|(_, _, to)| !kept.contains(*to)) {
        if has(transaction, script, to)?.is_some() {
            return Err(Undone::Refused(format!(
                "`{from}` can't become `{to}`: there is a class of this name already"
            )));
        }
        let key = match has(transaction, from_script, from)? {
            Some(key) => key,
            None => give(transaction, from_script, from)?,
        };
        transaction.execute("UPDATE class SET script = ?1, class = ?2 WHERE key = ?3", (script, to, &key))?;
    }
    for class in deleted.iter().filter(|class| !kept.contains(*class)) {
        let key = match has(transaction, script, class)? {
            Some(key) => key,
            None => give(transaction, script, class)?,
        };
        transaction.execute("DELETE FROM class WHERE key = ?1", [&key])?;
        transaction.execute("UPDATE used SET state = 1 WHERE key = ?1", [&key])?;
    }
    Ok(())
}

/// Why a migration was not carried out.
enum Undone {
    Refused(String),
    Engine(sqlite::Error),
}

impl From<rusqlite::Error> for Undone {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl From<sqlite::Error> for Undone {
    fn from(error: sqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl Undone {
    fn at(self, at: usize) -> MigrationError {
        match self {
            Self::Refused(message) => MigrationError::Refused { at: Some(at), message },
            Self::Engine(error) => error.into(),
        }
    }
}

fn applied(transaction: &Transaction<'_>, script: &str) -> Result<Vec<String>, sqlite::Error> {
    let mut statement = transaction.prepare("SELECT tag FROM applied WHERE script = ?1 ORDER BY place")?;
    Ok(statement.query_map([script], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn has(transaction: &Transaction<'_>, script: &str, class: &str) -> Result<Option<String>, sqlite::Error> {
    let sql = "SELECT key FROM class WHERE script = ?1 AND class = ?2";
    Ok(transaction.query_row(sql, (script, class), |row| row.get(0)).optional()?)
}

fn is_used(transaction: &Transaction<'_>, key: &str) -> Result<bool, sqlite::Error> {
    Ok(transaction.prepare("SELECT 1 FROM used WHERE key = ?1")?.exists([key])?)
}

/// Gives a class a namespace of its own, with a key that none has had.
fn give(transaction: &Transaction<'_>, script: &str, class: &str) -> Result<String, sqlite::Error> {
    let mut key = first_key(script, class);
    let mut number = 1;
    while is_used(transaction, &key)? {
        number += 1;
        key = format!("{}-{number}", first_key(script, class));
    }
    transaction.execute("INSERT INTO class VALUES (?1, ?2, ?3)", (script, class, &key))?;
    transaction.execute("INSERT INTO used VALUES (?1, 0)", [&key])?;
    Ok(key)
}

#[cfg(test)]
mod tests;

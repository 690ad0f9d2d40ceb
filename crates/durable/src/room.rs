//! How far an object's database may grow: as far as there is room in its owner's quota. A statement that has none is refused before it
//! begins; one that turns out larger than its room is ended by SQLite, which may take the step's other changes along.

use store::quota::{Product, Quota, Share, Taken as TakenRoom};
use store::rusqlite::Connection;
use store::sql::Growth;
use store::sqlite;

use crate::{Error, Storage};

/// As SQLite says it.
pub(crate) const FULL: &str = "database or disk is full: SQLITE_FULL";
/// What a small change may take besides its bytes: pages of trees and indexes.
const MARGIN: u64 = 64 << 10;
/// SQLite's own default.
const MOST_PAGES: i64 = 0xffff_fffe;

/// What one object has of a quota.
pub(crate) struct Room {
    quota: Quota,
    share: Share,
}

/// Room for one statement.
pub(crate) struct Taken {
    room: TakenRoom,
    /// Bytes of pages that are in the database and unused.
    unused: u64,
}

// === impl Taken ===

impl Taken {
    /// Whether there is room for a small change of so many bytes.
    pub(crate) fn has(&self, bytes: u64) -> bool {
        bytes.saturating_add(MARGIN) <= self.room.bytes().saturating_add(self.unused)
    }
}

// === impl Storage ===

impl Storage {
    /// What is stored from now on needs room in this quota.
    pub(crate) fn charge(&mut self, quota: &Quota) {
        let share = quota.measured_share(Product::Objects, self.bytes_on_disk());
        self.room = Some(Room { quota: quota.clone(), share });
    }

    /// Takes room for a statement, and lets the database grow by no more. `None`: it may grow as it likes.
    pub(crate) fn take_room(&mut self, growth: Growth) -> Result<Option<Taken>, Error> {
        let Some(room) = self.room.as_ref().filter(|_| growth != Growth::Reads) else { return Ok(None) };
        if room.quota.limit().is_none() {
            return Ok(None);
        }
        let quota = room.quota.clone();
        self.change()?;
        self.note_size()?;
        let Some(taken) = quota.take_for_transaction(growth == Growth::Little) else { return Ok(None) };
        let connection = self.change()?;
        let [pages, unused, size] = ["PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"];
        let [pages, unused, size] =
            [number(connection, pages)?, number(connection, unused)?, number(connection, size)?];
        let most = pages.saturating_add(i64::try_from(taken.bytes()).unwrap_or(i64::MAX) / size.max(1));
        connection.pragma_update(None, "max_page_count", most.clamp(1, MOST_PAGES))?;
        Ok(Some(Taken { room: taken, unused: (unused * size).unsigned_abs() }))
    }

    /// The statement has run: what the database takes now is noted.
    pub(crate) fn give_room_back(&mut self, taken: Option<Taken>) -> Result<(), Error> {
        if taken.is_none() {
            return Ok(());
        }
        if let Some(database) = self.database.as_ref().filter(|database| !database.connection.is_autocommit()) {
            database.connection.pragma_update(None, "max_page_count", MOST_PAGES)?;
        }
        self.note_size()
    }

    /// Gives pages that nothing needs back to the file system, once they are most of a database.
    pub(crate) fn give_pages_back(&mut self) -> Result<(), Error> {
        let Some(database) = self.database.as_ref().filter(|database| !database.connection.is_autocommit()) else {
            return Ok(());
        };
        if sqlite::give_pages_back(&database.connection)? {
            self.note_size()?;
        }
        Ok(())
    }

    /// Notes in the quota what is left when the database was closed: what was not committed is gone.
    pub(crate) fn note_file(&self) {
        if let Some(room) = &self.room {
            room.share.set(self.bytes_on_disk());
        }
    }

    /// Bytes of the database's file, as a measurement of all finds it.
    fn bytes_on_disk(&self) -> u64 {
        std::fs::metadata(self.path()).map_or(0, |file| file.len())
    }

    /// Notes in the quota what the database takes, with what is not committed yet.
    pub(crate) fn note_size(&mut self) -> Result<(), Error> {
        let (Some(room), Some(database)) = (&self.room, &self.database) else { return Ok(()) };
        // Of a transaction that SQLite has ended, a commit will tell.
        if database.connection.is_autocommit() {
            return Ok(());
        }
        let pages = number(&database.connection, "PRAGMA page_count")?;
        let size = number(&database.connection, "PRAGMA page_size")?;
        room.share.set((pages * size).unsigned_abs());
        Ok(())
    }
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, Error> {
    Ok(connection.prepare_cached(pragma)?.query_row([], |row| row.get(0))?)
}

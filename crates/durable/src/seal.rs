//! How a new object's database begins: without a log. What is committed first goes straight into it, while its header says that
//! it is unsealed. It is sealed when all of that is on the disk; until then nothing was acknowledged from it, and an end of the
//! process or a loss of power leaves a file that is removed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{APPLICATION_AT, HEADER, SEALED, int};

/// A new object's database, from its making until its first commit to the log.
pub(crate) struct Seal {
    file: Arc<File>,
    state: Mutex<State>,
    /// Held while the header is written, and while SQLite may read it without a transaction of ours.
    header: Mutex<()>,
}

/// From so many bytes on a database is sealed before it changes again: what undoes a change is kept in memory until then.
const LARGE: u64 = 1 << 20;

#[derive(Default)]
struct State {
    /// A transaction is open that goes straight into the database.
    open: bool,
    /// There was one.
    committed: bool,
    sealed: bool,
    /// Somebody wanted to seal it while a transaction was open.
    wanted: bool,
    /// Commits go to the log by now.
    logs: bool,
    /// The disk refused. What it did not keep is forgotten, so that a second try would prove nothing.
    failed: bool,
}

// === impl Seal ===

impl Seal {
    pub(crate) fn new(file: Arc<File>) -> Self {
        Self { file, state: Mutex::default(), header: Mutex::default() }
    }

    /// A transaction is about to begin. Whether it will go straight into the database; else it goes to the log. Waits for who is
    /// about to seal it.
    pub(crate) fn begin(&self) -> io::Result<bool> {
        let mut state = self.state();
        let large = state.committed && self.file.metadata()?.len() > LARGE;
        if state.wanted || large && !state.sealed {
            self.seal_now(&mut state)?;
        }
        state.open = !state.sealed;
        Ok(state.open)
    }

    /// The transaction has ended.
    pub(crate) fn end(&self, committed: bool) {
        let mut state = self.state();
        state.committed |= state.open && committed;
        state.open = false;
    }

    /// A transaction has begun that goes to the log, which so is there.
    pub(crate) fn logs(&self) {
        self.state().logs = true;
    }

    pub(crate) fn has_log(&self) -> bool {
        self.state().logs
    }

    /// Whether something was committed that is not sealed yet.
    pub(crate) fn is_due(&self) -> bool {
        let state = self.state();
        state.committed && !state.sealed
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.state().sealed
    }

    /// Seals it, durably, unless a transaction is open: then the next one will do so before it begins. Whether it is sealed.
    pub(crate) fn seal(&self) -> io::Result<bool> {
        let mut state = self.state();
        if state.open {
            state.wanted = true;
            return Ok(false);
        }
        if !state.sealed {
            self.seal_now(&mut state)?;
        }
        Ok(true)
    }

    /// To SQLite it is as if another process had switched the database to a log: the next transaction reads the header again.
    fn seal_now(&self, state: &mut State) -> io::Result<()> {
        if std::mem::replace(&mut state.failed, true) {
            return Err(io::Error::other("an earlier sync failed"));
        }
        self.file.sync_all()?;
        let mut header = [0; HEADER];
        self.file.read_exact_at(&mut header, 0)?;
        // https://www.sqlite.org/fileformat2.html#the_database_header
        let changes = int(&header, CHANGES_AT).wrapping_add(1).to_be_bytes();
        header[VERSIONS_AT..VERSIONS_AT + 2].copy_from_slice(&[WITH_LOG; 2]);
        header[CHANGES_AT..CHANGES_AT + 4].copy_from_slice(&changes);
        header[APPLICATION_AT..APPLICATION_AT + 4].copy_from_slice(&SEALED.to_be_bytes());
        header[VALID_AT..VALID_AT + 4].copy_from_slice(&changes);
        let reads = self.reading();
        self.file.write_all_at(&header, 0)?;
        drop(reads);
        self.file.sync_data()?;
        (state.sealed, state.wanted, state.failed) = (true, false, false);
        Ok(())
    }

    /// The header stays as it is until this is dropped.
    pub(crate) fn reading(&self) -> MutexGuard<'_, ()> {
        self.header.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The versions of the format that are needed to write and to read it; 2: with a log.
const VERSIONS_AT: usize = 18;
const WITH_LOG: u8 = 2;
/// How often the file was changed.
const CHANGES_AT: usize = 24;
/// The change of which the header's size in pages is.
const VALID_AT: usize = 92;

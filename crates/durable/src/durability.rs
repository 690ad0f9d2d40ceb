//! When commits of one storage are durable. Those that come while the disk is busy share the next sync.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::Error;
use crate::files::Files;
use crate::seal::Seal;

/// Makes everything that was written so far survive the loss of power. A seam: tests have disks that fail.
pub(crate) trait Sync: Send + std::marker::Sync {
    /// Whether it could: a new database can't be sealed while a transaction is open. It will be before the next one.
    fn sync(&self) -> io::Result<bool>;
}

pub struct Durability {
    /// The number of the last commit.
    committed: watch::Receiver<u64>,
    durable: AtomicU64,
    disk: Arc<dyn Sync>,
    turn: tokio::sync::Mutex<Option<Arc<io::Error>>>,
    lost: AtomicBool,
    losing: Notify,
}

/// An object's database, log and folder.
pub(crate) struct Disk {
    log: PathBuf,
    files: Files,
    /// The database's file, kept open as long as SQLite has it: to close it would end SQLite's locks.
    database: Mutex<Option<Arc<File>>>,
    /// Of a database that is new.
    seal: Mutex<Option<Arc<Seal>>>,
    /// The log, once it and all else has been synced for the first time.
    synced: Mutex<Option<File>>,
}

// === impl Durability ===

impl Durability {
    pub(crate) fn new(committed: watch::Receiver<u64>, disk: Arc<dyn Sync>) -> Self {
        Self {
            committed,
            durable: AtomicU64::new(0),
            disk,
            turn: tokio::sync::Mutex::new(None),
            lost: AtomicBool::new(false),
            losing: Notify::new(),
        }
    }

    /// Whether commit `number` and all before it are durable.
    pub fn has(&self, number: u64) -> bool {
        self.durable.load(Ordering::Acquire) >= number
    }

    /// Resolves when commit `number`, which may be yet to come, and all before it survive the loss of power.
    pub async fn reach(&self, number: u64) -> Result<(), Error> {
        if self.has(number) {
            return Ok(());
        }
        let mut committed = self.committed.clone();
        committed.wait_for(|last| *last >= number).await.map_err(|_| Error::Closed)?;
        let mut failed = self.turn.lock().await;
        if let Some(error) = &*failed {
            return Err(Error::Sync(error.clone()));
        }
        // Whoever had the turn may have synced this one too.
        if self.has(number) {
            return Ok(());
        }
        loop {
            let target = *committed.borrow_and_update();
            let disk = self.disk.clone();
            let synced = tokio::task::spawn_blocking(move || disk.sync()).await;
            match synced.unwrap_or_else(|_| Err(io::Error::other("the sync broke off"))) {
                Ok(true) => {
                    self.durable.fetch_max(target, Ordering::AcqRel);
                    return Ok(());
                }
                // The storage was closed meanwhile, which syncs all of it.
                Ok(false) | Err(_) if self.has(target) => return Ok(()),
                Ok(false) => {
                    if committed.changed().await.is_err() && !self.has(target) {
                        return Err(Error::Closed);
                    }
                }
                Err(error) => {
                    // What the kernel could not write it has forgotten: a second try that succeeds would prove nothing.
                    let error = Arc::new(error);
                    *failed = Some(error.clone());
                    self.lose();
                    return Err(Error::Sync(error));
                }
            }
        }
    }

    /// Commit `number` and all before it are durable by other means.
    pub(crate) fn reached(&self, number: u64) {
        self.durable.fetch_max(number, Ordering::AcqRel);
    }

    /// Something that belongs to a commit can't be kept.
    pub fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.losing.notify_waiters();
    }

    /// Resolves when commits may have been lost: whoever knows them must begin anew from what is on the disk.
    pub async fn lost(&self) {
        let losing = self.losing.notified();
        tokio::pin!(losing);
        losing.as_mut().enable();
        if !self.lost.load(Ordering::Acquire) {
            losing.await;
        }
    }
}

// === impl Disk ===

impl Disk {
    pub(crate) fn new(files: Files) -> Self {
        Self { log: files.log(), files, database: Mutex::default(), seal: Mutex::default(), synced: Mutex::default() }
    }

    /// `seal`: of a new one.
    pub(crate) fn set_database(&self, file: Option<Arc<File>>, seal: Option<Arc<Seal>>) {
        *self.database.lock().unwrap_or_else(PoisonError::into_inner) = file;
        *self.seal.lock().unwrap_or_else(PoisonError::into_inner) = seal;
    }

    /// After a checkpoint, which has synced the database: sees to it that the folder knows of it too.
    pub(crate) fn sync_folder(&self) -> io::Result<()> {
        let synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if synced.is_some() { Ok(()) } else { File::open(&self.files.folder.path)?.sync_all() }
    }
}

impl Sync for Disk {
    fn sync(&self) -> io::Result<bool> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = &*synced {
            log.sync_data()?;
            return Ok(true);
        }
        let seal = self.seal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(seal) = seal
            && !seal.has_log()
        {
            let sealed = seal.seal()?;
            if sealed {
                File::open(&self.files.folder.path)?.sync_all()?;
            }
            return Ok(sealed);
        }
        // The database may be what a process that was killed left.
        let database = self.database.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(database) = database {
            database.sync_all()?;
        }
        let log = File::open(&self.log)?;
        log.sync_all()?;
        File::open(&self.files.folder.path)?.sync_all()?;
        *synced = Some(log);
        Ok(true)
    }
}

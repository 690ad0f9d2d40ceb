//! The journal: one log for the commits of all objects below a folder, so that one sync makes many of them durable. A commit
//! is in its object's own write-ahead log first, unsynced; the journal has a copy, from which recovery restores what a loss of
//! power took. Three rules keep the two together:
//!
//! - A record is queued after what it tells of was written in place: a sync of the file system that begins later makes it
//!   durable there, and the segment that has it may be used again.
//! - An object's records are durable before any of its log is moved into its database. Else recovery could put an older log
//!   over a newer database.
//! - Whoever changes an object's files by other means has its records forgotten first ([`Queue::settle`]).

mod queue;
mod record;
mod recovery;
mod segment;
mod writer;

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use self::queue::{InPlace, Queue};
use self::segment::Sizes;

/// How what was written is made durable. A seam: tests have disks that fail.
pub(crate) trait Sync: Send + std::marker::Sync {
    /// The contents of one file.
    fn file(&self, file: &File) -> io::Result<()>;
    /// All that was written to the file system which has this folder.
    fn file_system(&self, folder: &File) -> io::Result<()>;
}

/// The kernel's own.
struct Kernel;

/// The journal of the objects below one folder. It is made when the first of them stores something.
pub struct Journal {
    root: PathBuf,
    sizes: Sizes,
    sync: Arc<dyn Sync>,
    running: Mutex<Option<Running>>,
}

struct Running {
    queue: Arc<Queue>,
    writer: Option<std::thread::JoinHandle<()>>,
    /// Locked as long as it is open: one process has the objects below a folder.
    _lock: File,
}

// === impl Journal ===

impl Journal {
    /// That of the objects below `root`.
    pub fn new(root: PathBuf) -> Arc<Self> {
        Self::with(root, Sizes::default(), Arc::new(Kernel))
    }

    fn with(root: PathBuf, sizes: Sizes, sync: Arc<dyn Sync>) -> Arc<Self> {
        Arc::new(Self { root, sizes, sync, running: Mutex::default() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn folder(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// There is one that nobody has read yet: what is found of objects may lack what it has.
    pub(crate) fn is_unread(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).is_none() && self.folder().exists()
    }

    /// Where records go. The first time, what the last process left is restored.
    ///
    /// # Errors
    /// Another process has it, or it can't be read or applied.
    pub(crate) fn begin(&self) -> io::Result<Arc<Queue>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*running {
            return Ok(running.queue.clone());
        }
        let folder = self.folder();
        if !folder.exists() {
            fs::create_dir_all(&folder)?;
            File::open(&self.root)?.sync_all()?;
        }
        let lock = lock(&folder)?;
        let root = Arc::new(File::open(&self.root)?);
        recovery::run(&self.root, &root, &folder, &*self.sync)?;
        let queue = Arc::new(Queue::new(self.sizes.largest_record()));
        let writer = writer::start(root, folder, self.sizes, self.sync.clone(), queue.clone())?;
        *running = Some(Running { queue: queue.clone(), writer: Some(writer), _lock: lock });
        Ok(queue)
    }

    /// At the end of the process, when no object is open: leaves nothing to be restored. It is begun again when it is used again.
    pub fn close(&self) {
        drop(self.running.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Before a whole folder of objects, none of which is open, is removed: nothing of it comes back. Durable when it returns.
    pub(crate) fn forget_folder(&self, name: &str) -> io::Result<()> {
        if !self.folder().exists() {
            return Ok(());
        }
        let queue = self.begin()?;
        queue.forget_folder(name).and_then(|number| queue.wait(number)).map_err(io::Error::other)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journal").field(&self.root).finish()
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::Error(error)) => Err(error),
        Err(TryLockError::WouldBlock) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!(
                "another process uses {}, and only one can have Durable Objects in a folder: stop it, or give this one another folder with --persist-to",
                folder.parent().unwrap_or(folder).display()
            ),
        )),
    }
}

// === impl Running ===

impl Drop for Running {
    /// What was queued is written.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

// === impl Kernel ===

impl Sync for Kernel {
    fn file(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn file_system(&self, folder: &File) -> io::Result<()> {
        Ok(rustix::fs::syncfs(folder)?)
    }
}

#[cfg(test)]
mod tests;

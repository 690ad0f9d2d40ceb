//! Blobs as files: written in `incoming/`, moved into one of 256 folders once the index names them.
//!
//! So whatever a crash leaves half done lies in `incoming/`, and no start has to look through everything. Processes that share
//! the folder hold a shared lock on `lock`; who finds nobody else there may sweep.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{Blob, BlobId, BlobWriter, Blobs};

#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    incoming: PathBuf,
    lock: File,
}

struct Writer {
    path: PathBuf,
    file: File,
    finished: bool,
}

struct Reader(File);

// === impl Files ===

impl Files {
    pub(crate) fn open(root: PathBuf) -> io::Result<Self> {
        let incoming = root.join("incoming");
        fs::create_dir_all(&incoming)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(root.join("lock"))?;
        Ok(Self { root, incoming, lock })
    }

    fn incoming(&self, id: &BlobId) -> PathBuf {
        self.incoming.join(id.as_str())
    }

    /// By the last digits, which are random.
    fn kept(&self, id: &BlobId) -> PathBuf {
        let name = id.as_str();
        self.root.join(&name[name.len().saturating_sub(2)..]).join(name)
    }

    fn find(&self, id: &BlobId) -> io::Result<File> {
        // It may move from one place to the other between two looks.
        for path in [self.kept(id), self.incoming(id), self.kept(id)] {
            match File::open(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found,
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    fn unlink(&self, id: &BlobId) -> io::Result<()> {
        for path in [self.kept(id), self.incoming(id)] {
            match fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => return done,
            }
        }
        Ok(())
    }
}

impl Blobs for Files {
    fn create(&self, id: &BlobId) -> io::Result<Box<dyn BlobWriter>> {
        let path = self.incoming(id);
        let file = File::create_new(&path)?;
        Ok(Box::new(Writer { path, file, finished: false }))
    }

    fn keep(&self, id: &BlobId) -> io::Result<()> {
        let to = self.kept(id);
        match fs::rename(self.incoming(id), &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !to.exists() => {
                fs::create_dir_all(to.parent().unwrap_or(&self.root))?;
                fs::rename(self.incoming(id), &to)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn open(&self, id: &BlobId) -> io::Result<Box<dyn Blob>> {
        Ok(Box::new(Reader(self.find(id)?)))
    }

    fn remove(&self, together: &[BlobId]) -> io::Result<bool> {
        // A single file stays readable for who has it open. Of several some may not be open yet: readers lock the first.
        let first = match together {
            [first, _, ..] => self.find(first).map(Some),
            _ => Ok(None),
        };
        let first = match first {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            first => first?,
        };
        if let Some(first) = &first {
            match first.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(false),
                Err(TryLockError::Error(error)) => return Err(error),
                Ok(()) => {}
            }
        }
        // The first one goes first: its lock is free only when nobody can get hold of the others any more.
        together.iter().try_for_each(|id| self.unlink(id))?;
        Ok(true)
    }

    fn sweep(&self, is_named: &mut dyn FnMut(&BlobId) -> io::Result<bool>) -> io::Result<bool> {
        let alone = match self.lock.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        if alone {
            for entry in fs::read_dir(&self.incoming)? {
                let Ok(name) = entry?.file_name().into_string() else { continue };
                let id = BlobId::known(name);
                if is_named(&id)? {
                    self.keep(&id)?;
                } else {
                    self.unlink(&id)?;
                }
            }
            self.lock.unlock()?;
        }
        // From now on others leave what this process has under way alone.
        self.lock.lock_shared()?;
        Ok(alone)
    }
}

// === impl Writer ===

impl BlobWriter for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.sync_all()?;
        sync_folder(self.path.parent().unwrap_or(Path::new(OsStr::new("."))))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_file(&self.path)
        {
            // The next sweep finds it.
            tracing::debug!(path = %self.path.display(), %error, "an unfinished upload's file could not be removed");
        }
    }
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

// === impl Reader ===

impl Blob for Reader {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    /// What the kernel's page cache has.
    #[cfg(target_os = "linux")]
    fn read_ready_at(&self, buffer: &mut [u8], offset: u64) -> usize {
        use rustix::io::{ReadWriteFlags, preadv2};
        // File systems that don't know of it have nothing at hand; what else is wrong, the read that waits will tell.
        preadv2(&self.0, &mut [io::IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT).unwrap_or(0)
    }

    #[cfg(not(target_os = "linux"))]
    fn read_ready_at(&self, _: &mut [u8], _: u64) -> usize {
        0
    }

    fn hold(&self) -> io::Result<bool> {
        match self.0.try_lock_shared() {
            Ok(()) => Ok(self.0.metadata()?.nlink() > 0),
            // Somebody is removing it.
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

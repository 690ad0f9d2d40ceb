//! Where the bytes of larger objects are: the seam for other engines than files (any S3-compatible store).
//!
//! All calls may block. A blob is written once, found by its id, and never changed.

mod files;

use std::fmt;
use std::io;

pub(crate) use files::Files;

/// The name of a blob: made by us, fit for a file's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobId(String);

pub trait Blobs: fmt::Debug + Send + Sync {
    /// Begins a blob. Until the index names it, it is swept away by [`Blobs::sweep`].
    fn create(&self, id: &BlobId) -> io::Result<Box<dyn BlobWriter>>;

    /// The index names the blob for good.
    fn keep(&self, id: &BlobId) -> io::Result<()>;

    /// `NotFound` when it has been removed, or never was.
    fn open(&self, id: &BlobId) -> io::Result<Box<dyn Blob>>;

    /// Removes blobs that belong together, unless somebody holds the first one ([`Blob::hold`]): then `false`, and nothing is
    /// removed. Those that are gone already are no error.
    fn remove(&self, together: &[BlobId]) -> io::Result<bool>;

    /// Looks after what was begun and not kept when a process ended: keeps what `is_named`, removes the rest. Does nothing
    /// and returns `false` while another process is at work on the same blobs.
    fn sweep(&self, is_named: &mut dyn FnMut(&BlobId) -> io::Result<bool>) -> io::Result<bool>;
}

/// A blob being written. Dropped unfinished, it is removed.
pub trait BlobWriter: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all of it is durable. From here on only [`Blobs::sweep`] or [`Blobs::remove`] removes it.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A blob to read, which stays readable although it is removed meanwhile.
pub trait Blob: Send + Sync {
    /// Fills `buffer` with what lies at `offset`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Puts into `buffer` what can be had at `offset` without waiting for a disk, and returns how much that is: perhaps nothing.
    /// The one call that never blocks.
    fn read_ready_at(&self, buffer: &mut [u8], offset: u64) -> usize;

    /// Keeps this blob, and those removed together with it, from being removed while it is open. `false`: it has been.
    fn hold(&self) -> io::Result<bool>;
}

// === impl BlobId ===

impl BlobId {
    pub(crate) fn new() -> Self {
        Self(crate::id::unique())
    }

    /// A name that [`BlobId::new`] once made.
    pub(crate) fn known(name: String) -> Self {
        Self(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

//! The store: heads in memory, every body in a file, small bodies in memory besides. All of it is bounded.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream};
use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::OnceCell;

use crate::file::{self, Place};
use crate::front::{Stream, StreamError};
use crate::head::{Entry, Head, Key};
use crate::index::Index;
use crate::{CacheError, policy};

/// Bodies up to this size are also kept in memory.
const SMALL: usize = 256 * 1024;
const READ: usize = 128 * 1024;

/// What a process's cache may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of heads and small bodies in memory.
    pub memory: u64,
    /// Bytes of files.
    pub disk: u64,
    pub entries: usize,
    /// The largest body that is stored: https://developers.cloudflare.com/workers/platform/limits/#cache-api-limits
    pub body: u64,
}

/// The caches of a process. Clones are the same store. Files are opened at its first use.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    limits: Limits,
    index: Mutex<Index>,
    opened: OnceCell<()>,
    next: AtomicU64,
}

/// A stored body.
pub(crate) struct Payload {
    length: u64,
    memory: Mutex<Option<Bytes>>,
    file: Option<(PathBuf, Place)>,
    /// Written by this process, or checked by it.
    checked: AtomicBool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 256 << 20, disk: 4 << 30, entries: 200_000, body: 512 << 20 }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Store ===

impl Store {
    pub fn new(folder: PathBuf, limits: Limits) -> Self {
        let (index, opened, next) = (Mutex::default(), OnceCell::new(), AtomicU64::new(1));
        Self { inner: Arc::new(Inner { folder, limits, index, opened, next }) }
    }

    /// Makes the index of the files that an earlier process left.
    async fn open(&self) {
        let inner = self.inner.clone();
        let reading = || async move {
            if let Err(error) = tokio::task::spawn_blocking(move || inner.scan()).await {
                tracing::warn!(%error, "the cache's files were not read");
            }
        };
        self.inner.opened.get_or_init(reading).await;
    }

    /// The stored response for such a request, fresh or not.
    pub async fn get(&self, key: &Key, request: &HeaderMap) -> Option<Entry> {
        if !self.inner.opened.initialized() {
            self.open().await;
        }
        let entry = lock(&self.inner.index).get(key, request)?;
        if entry.payload.checked.load(Ordering::Acquire) {
            return Some(entry);
        }
        let payload = entry.payload.clone();
        match tokio::task::spawn_blocking(move || payload.check()).await {
            Ok(Ok(())) => Some(entry),
            failed => {
                tracing::debug!(?failed, "a cache file is not whole");
                lock(&self.inner.index).remove(entry.id);
                None
            }
        }
    }

    /// Stores a response once its body is whole. False: it can't be stored; what is left of `body` is the caller's.
    pub async fn put(&self, key: Key, head: Head, body: &mut Stream) -> Result<bool, CacheError> {
        self.open().await;
        let inner = &self.inner;
        let Some(opening) = file::opening(&key, &head) else { return Ok(false) };
        let id = inner.next.fetch_add(1, Ordering::Relaxed);
        // Names sort by time, so that the newest is known after a restart.
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let path = inner.folder.join(format!("{nanos:020x}{id:08x}.entry"));
        let mut small = BytesMut::new();
        loop {
            match body.next().await {
                None => {
                    let payload = inner.write_small(opening, small.freeze(), path).await;
                    inner.insert(key, head, id, payload);
                    return Ok(true);
                }
                Some(chunk) => small.extend_from_slice(&chunk.map_err(CacheError::Body)?),
            }
            if small.len() > SMALL {
                break;
            }
        }
        let part = path.with_extension("part");
        let written = inner.write_large(&part, &opening, small.freeze(), body).await;
        match written {
            Ok(Some(place)) => {
                tokio::fs::rename(&part, &path).await?;
                inner.insert(key, head, id, Payload::new(place.length, None, Some((path, place))));
                Ok(true)
            }
            unwritten => {
                // Nobody reads it: what is left over goes at the next start at the latest.
                let _ = tokio::fs::remove_file(&part).await;
                unwritten.map(|_| false)
            }
        }
    }

    /// Forgets all responses under a key; false when there was none.
    pub async fn delete(&self, key: &Key) -> bool {
        self.open().await;
        lock(&self.inner.index).delete(key) > 0
    }

    /// Forgets what carries any of these tags, of one owner in one location. Returns how many.
    pub async fn purge_tags(&self, colo: &str, owner: &str, tags: &[String]) -> usize {
        self.open().await;
        let tags: Vec<_> = tags.iter().map(|tag| tag.to_ascii_lowercase()).collect();
        lock(&self.inner.index).purge(&Key::prefix(colo, owner), &tags)
    }

    /// The origin says that a stored response is still good: it gets the newer headers (RFC 9111 §3.2).
    pub(crate) fn freshen(&self, entry: &Entry, newer: &HeaderMap, lifetime: policy::Lifetime) -> Entry {
        let head = Arc::new(entry.head.freshened(newer, lifetime));
        let fresh = Entry { head, payload: entry.payload.clone(), id: entry.id };
        lock(&self.inner.index).freshen(&fresh);
        fresh
    }

    /// `count` bytes of a stored body from `first` on.
    pub async fn read(&self, entry: &Entry, first: u64, count: u64) -> Result<Stream, CacheError> {
        let payload = entry.payload.clone();
        let in_memory = lock(&payload.memory).clone();
        if let Some(bytes) = in_memory {
            let range = first as usize..(first + count) as usize;
            return Ok(stream::iter((count > 0).then(|| Ok(bytes.slice(range)))).boxed());
        }
        let Some((path, place)) = payload.file.clone() else { return Err(CacheError::Torn) };
        let mut file = tokio::fs::File::open(&path).await?;
        if place.length <= SMALL as u64 {
            let mut all = vec![0; place.length as usize];
            file.seek(std::io::SeekFrom::Start(place.offset)).await?;
            file.read_exact(&mut all).await?;
            let bytes = Bytes::from(all);
            *lock(&payload.memory) = Some(bytes.clone());
            lock(&self.inner.index).charge(entry.id, &self.inner.limits);
            let range = first as usize..(first + count) as usize;
            return Ok(stream::iter((count > 0).then(|| Ok(bytes.slice(range)))).boxed());
        }
        file.set_max_buf_size(READ);
        file.seek(std::io::SeekFrom::Start(place.offset + first)).await?;
        let chunks = stream::unfold((file, count), |(mut file, left)| async move {
            if left == 0 {
                return None;
            }
            let mut chunk = BytesMut::zeroed(READ.min(usize::try_from(left).unwrap_or(READ)));
            match file.read(&mut chunk).await {
                Ok(0) => Some((Err(StreamError::from(CacheError::Torn)), (file, 0))),
                Ok(read) => {
                    chunk.truncate(read);
                    Some((Ok(chunk.freeze()), (file, left - read as u64)))
                }
                Err(error) => Some((Err(StreamError::from(error)), (file, 0))),
            }
        });
        Ok(chunks.boxed())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("folder", &self.inner.folder).finish_non_exhaustive()
    }
}

// === impl Inner ===

impl Inner {
    fn scan(&self) {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return };
        let mut paths: Vec<_> = files.filter_map(|file| Some(file.ok()?.path())).collect();
        // Names begin with the time: older ones first, so that newer ones replace them.
        paths.sort();
        for path in paths {
            let whole = path.extension().is_some_and(|end| end == "entry").then(|| file::read(&path));
            match whole {
                Some(Ok((key, head, place))) => {
                    let payload = Payload::new(place.length, None, Some((path, place)));
                    payload.checked.store(false, Ordering::Release);
                    self.insert(key, head, self.next.fetch_add(1, Ordering::Relaxed), payload);
                }
                // Torn, or the rest of a write that was cut off.
                _ => drop(std::fs::remove_file(&path)),
            }
        }
    }

    fn insert(&self, key: Key, head: Head, id: u64, payload: Payload) {
        let entry = Entry { head: Arc::new(head), payload: Arc::new(payload), id };
        lock(&self.index).insert(key, entry, &self.limits);
    }

    /// Keeps a small body in memory, and in a file where that can be written.
    async fn write_small(&self, opening: Vec<u8>, body: Bytes, path: PathBuf) -> Payload {
        let place = Place { offset: opening.len() as u64, length: body.len() as u64, sum: crc32fast::hash(&body) };
        let (folder, bytes, to) = (self.folder.clone(), body.clone(), path.clone());
        let written = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(folder)?;
            file::write(&to, &[&opening, &bytes, &file::closing(place.length, place.sum)])
        });
        let file = match written.await {
            Ok(Ok(())) => Some((path, place)),
            failed => {
                tracing::warn!(?failed, "a cached response stays in memory only");
                None
            }
        };
        Payload::new(place.length, Some(body), file)
    }

    /// Writes a large body as it comes; None when it is too large.
    async fn write_large(
        &self,
        part: &std::path::Path,
        opening: &[u8],
        start: Bytes,
        body: &mut Stream,
    ) -> Result<Option<Place>, CacheError> {
        tokio::fs::create_dir_all(&self.folder).await?;
        let mut file = tokio::fs::File::create(part).await?;
        file.write_all(opening).await?;
        let (mut length, mut sum, mut next) = (0, crc32fast::Hasher::new(), Some(start));
        while let Some(chunk) = next {
            length += chunk.len() as u64;
            if length > self.limits.body.min(self.limits.disk) {
                return Ok(None);
            }
            sum.update(&chunk);
            file.write_all(&chunk).await?;
            next = body.next().await.transpose().map_err(CacheError::Body)?;
        }
        let sum = sum.finalize();
        file.write_all(&file::closing(length, sum)).await?;
        file.flush().await?;
        Ok(Some(Place { offset: opening.len() as u64, length, sum }))
    }
}

// === impl Entry ===

impl Entry {
    /// The body's length.
    pub fn length(&self) -> u64 {
        self.payload.length
    }
}

// === impl Payload ===

impl Payload {
    fn new(length: u64, memory: Option<Bytes>, file: Option<(PathBuf, Place)>) -> Self {
        Self { length, memory: Mutex::new(memory), file, checked: AtomicBool::new(true) }
    }

    /// Bytes in memory.
    pub(crate) fn resident(&self) -> u64 {
        lock(&self.memory).as_ref().map_or(0, |bytes| bytes.len() as u64)
    }

    /// Bytes on disk, in blocks of 4 KiB.
    pub(crate) fn stored(&self) -> u64 {
        self.file.as_ref().map_or(0, |(_, place)| (place.offset + place.length).next_multiple_of(4096))
    }

    /// Gives the memory back; false when the body is nowhere else.
    pub(crate) fn leave_memory(&self) -> bool {
        *lock(&self.memory) = None;
        self.file.is_some()
    }

    fn check(&self) -> Result<(), CacheError> {
        if let Some((path, place)) = &self.file {
            file::check(path, *place)?;
        }
        self.checked.store(true, Ordering::Release);
        Ok(())
    }

    /// Removes the file, at once: what was deleted must not come back after a kill. Who has it open reads on.
    pub(crate) fn forget(&self) {
        if let Some((path, _)) = &self.file
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(%error, "a cache file could not be removed");
        }
    }
}

#[cfg(test)]
mod tests;

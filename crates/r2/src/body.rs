//! The bytes of an object on their way out, a chunk at a time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::task::spawn_blocking;

use crate::blobs::{Blob, BlobId, Blobs};
use crate::cipher::{CHUNK, Opener, SALT};
use crate::index::Segment;
use crate::receive::Stored;
use crate::{ByteRange, CustomerKey, Error};

/// Bytes that are read from a file at once.
const READ: usize = 256 * 1024;

/// What was asked for of an object, still readable after the object is overwritten or deleted.
pub struct Body {
    blobs: Arc<dyn Blobs>,
    /// Those that are still to be read, the next one last.
    segments: Vec<Piece>,
    open: Option<Source>,
    key: Option<CustomerKey>,
    left: u64,
    /// The first file, open from the beginning: as long as it is, none of the object's files goes.
    first: Option<(BlobId, Arc<dyn Blob>)>,
}

/// What is wanted of a segment.
struct Piece {
    stored: Stored,
    /// Of the whole segment.
    size: u64,
    from: u64,
    to: u64,
}

/// The segment being read.
struct Source {
    blob: Arc<dyn Blob>,
    opener: Option<Opener>,
    size: u64,
    from: u64,
    to: u64,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("left", &self.left).finish_non_exhaustive()
    }
}

// === impl Body ===

impl Body {
    /// Opens what `range` needs. `None`: the object has been removed meanwhile.
    pub(crate) async fn open(
        blobs: &Arc<dyn Blobs>,
        segments: Vec<Segment>,
        range: ByteRange,
        key: Option<CustomerKey>,
    ) -> Result<Option<Self>, Error> {
        let files = segments.iter().filter_map(|segment| match &segment.stored {
            Stored::Blob(id) => Some(id.clone()),
            Stored::Inline(_) => None,
        });
        let files: Vec<_> = files.take(2).collect();
        let mut segments = pieces(segments, range);
        segments.reverse();
        let mut body = Self { blobs: blobs.clone(), segments, open: None, key, left: range.length, first: None };
        let Some(first) = files.first().cloned() else { return Ok(Some(body)) };
        let several = files.len() > 1;
        let job = spawn_blocking(move || -> io::Result<Option<Self>> {
            let blob: Arc<dyn Blob> = match body.blobs.open(&first) {
                Ok(blob) => blob.into(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            if several && !blob.hold()? {
                return Ok(None);
            }
            body.first = Some((first, blob));
            Ok(Some(body))
        });
        let opened = job.await.map_err(io::Error::other).and_then(|opened| opened);
        opened.map_err(Error::io("an object's file can't be opened"))
    }

    /// The number of bytes still to come.
    pub fn length(&self) -> u64 {
        self.left
    }

    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        stream::try_unfold(self, |mut body| async move {
            if body.left == 0 {
                return Ok(None);
            }
            if let Some(chunk) = body.inline()? {
                return Ok(Some((chunk, body)));
            }
            // Most of what is read was written or read not long ago: another thread would only cost its wakening.
            if let Some(chunk) = body.read_ready() {
                return Ok(Some((chunk, body)));
            }
            let job = spawn_blocking(move || body.read().map(|chunk| (chunk, body)));
            let read = job.await.map_err(io::Error::other).and_then(|read| read);
            read.map(Some).map_err(Error::io("an object's file can't be read"))
        })
    }

    /// The next chunk when it lies in the index.
    fn inline(&mut self) -> Result<Option<Bytes>, Error> {
        if self.open.is_some() || !matches!(self.segments.last(), Some(Piece { stored: Stored::Inline(_), .. })) {
            return Ok(None);
        }
        let Some(Piece { stored: Stored::Inline(bytes), size, from, to }) = self.segments.pop() else {
            return Ok(None);
        };
        let bytes = match &self.key {
            None => bytes,
            Some(key) => open_inline(key, &bytes, size)?,
        };
        let Some(_) = bytes.get(from as usize..to as usize) else {
            return Err(Error::Damaged("the index holds fewer bytes than the object has".into()));
        };
        self.left -= to - from;
        Ok(Some(Bytes::from(bytes).slice(from as usize..to as usize)))
    }

    /// The next bytes, where they can be had without waiting.
    fn read_ready(&mut self) -> Option<Bytes> {
        let source = self.open.as_mut()?;
        let chunk = source.read_ready()?;
        self.left -= chunk.len() as u64;
        if source.from >= source.to {
            self.open = None;
        }
        Some(chunk)
    }

    fn read(&mut self) -> io::Result<Bytes> {
        let mut source = match self.open.take() {
            Some(source) => source,
            None => {
                let piece = self.segments.pop().ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
                self.source(piece)?
            }
        };
        let chunk = source.read()?;
        self.left -= chunk.len() as u64;
        if source.from < source.to {
            self.open = Some(source);
        }
        Ok(chunk)
    }

    fn source(&self, piece: Piece) -> io::Result<Source> {
        let Piece { stored: Stored::Blob(id), size, from, to } = piece else {
            return Err(io::Error::other("bytes of the index are read as a file"));
        };
        let blob = match &self.first {
            Some((first, blob)) if *first == id => blob.clone(),
            _ => self.blobs.open(&id)?.into(),
        };
        let opener = match &self.key {
            None => None,
            Some(key) => {
                let mut salt = [0; SALT];
                blob.read_exact_at(&mut salt, 0)?;
                Some(Opener::new(key, &salt))
            }
        };
        Ok(Source { blob, opener, size, from, to })
    }
}

/// What of each segment lies in `range`.
fn pieces(segments: Vec<Segment>, range: ByteRange) -> Vec<Piece> {
    let (from, to) = (range.offset, range.offset + range.length);
    let mut start = 0;
    let mut pieces = Vec::new();
    for Segment { stored, size } in segments {
        let end = start + size;
        if from < end && start < to {
            pieces.push(Piece { stored, size, from: from.max(start) - start, to: to.min(end) - start });
        }
        start = end;
    }
    pieces
}

fn open_inline(key: &CustomerKey, stored: &[u8], size: u64) -> Result<Vec<u8>, Error> {
    let damaged = || Error::Damaged("encrypted bytes in the index are incomplete".into());
    let opener = Opener::new(key, stored.get(..SALT).ok_or_else(damaged)?);
    let mut plain = Vec::with_capacity(size as usize);
    for number in 0..size.div_ceil(CHUNK as u64) {
        let (at, length) = Opener::place(number, size);
        let sealed = stored.get(at as usize..at as usize + length).ok_or_else(damaged)?;
        plain.extend(opener.open(number, sealed.to_vec()).map_err(Error::io("an object can't be decrypted"))?);
    }
    Ok(plain)
}

// === impl Source ===

impl Source {
    /// How many bytes are read next.
    fn next(&self) -> usize {
        usize::try_from(self.to - self.from).map_or(READ, |left| left.min(READ))
    }

    /// `None`: nothing is at hand. What is encrypted takes its time in any case.
    fn read_ready(&mut self) -> Option<Bytes> {
        if self.opener.is_some() {
            return None;
        }
        let (mut buffer, length) = (Buffer::new(), self.next());
        let read = self.blob.read_ready_at(&mut buffer.0[..length], self.from);
        self.from += read as u64;
        (read > 0).then(|| buffer.freeze(read))
    }

    fn read(&mut self) -> io::Result<Bytes> {
        let Some(opener) = &self.opener else {
            let (mut buffer, length) = (Buffer::new(), self.next());
            self.blob.read_exact_at(&mut buffer.0[..length], self.from)?;
            self.from += length as u64;
            return Ok(buffer.freeze(length));
        };
        let number = self.from / CHUNK as u64;
        let (at, length) = Opener::place(number, self.size);
        let mut sealed = vec![0; length];
        self.blob.read_exact_at(&mut sealed, at)?;
        let start = number * CHUNK as u64;
        let plain = Bytes::from(opener.open(number, sealed)?);
        let end = self.to.min(start + plain.len() as u64);
        let chunk = plain.slice((self.from - start) as usize..(end - start) as usize);
        self.from = end;
        Ok(chunk)
    }
}

/// Room for one read. It is used again: to clear fresh memory costs as much as to read into it, and what was written a moment
/// ago still lies in the processor's cache.
struct Buffer(Vec<u8>);

/// Buffers that nobody uses.
static IDLE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
/// As many are kept, 4 MiB in all.
const KEPT: usize = 16;
/// Less is copied out of a buffer: it may be held for long.
const SMALL: usize = READ / 4;

// === impl Buffer ===

impl Buffer {
    fn new() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self(idle.unwrap_or_else(|| vec![0; READ]))
    }

    fn freeze(self, length: usize) -> Bytes {
        if length < SMALL {
            return Bytes::copy_from_slice(&self.0[..length]);
        }
        Bytes::from_owner(self).slice(..length)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(std::mem::take(&mut self.0));
        }
    }
}

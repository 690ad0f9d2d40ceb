//! The bytes of a file on their way out, a piece at a time.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::task::spawn_blocking;

/// Bytes that are read at once.
const READ: u64 = 128 << 10;

/// A file from `at` on, still readable when it is removed.
#[derive(Debug, Default)]
pub struct Body {
    /// What was read with the opening.
    first: Bytes,
    file: Option<fs::File>,
    at: u64,
    left: u64,
}

// === impl Body ===

impl Body {
    /// `size` bytes of `file` from `at` on, the first of them read.
    pub(crate) fn begin(file: fs::File, at: u64, size: u64) -> io::Result<Self> {
        let first = read(&file, at, size)?;
        let read = first.len() as u64;
        Ok(Self { first, file: (read < size).then_some(file), at: at + read, left: size - read })
    }

    /// Bytes still to come.
    pub fn length(&self) -> u64 {
        self.first.len() as u64 + self.left
    }

    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold(self, |mut body| async move {
            let first = std::mem::take(&mut body.first);
            if !first.is_empty() {
                return Ok(Some((first, body)));
            }
            let Some(file) = body.file.take() else { return Ok(None) };
            let reading = spawn_blocking(move || {
                let chunk = read(&file, body.at, body.left)?;
                body.at += chunk.len() as u64;
                body.left -= chunk.len() as u64;
                body.file = (body.left > 0).then_some(file);
                Ok(Some((chunk, body)))
            });
            reading.await.map_err(io::Error::other)?
        })
    }
}

fn read(file: &fs::File, at: u64, left: u64) -> io::Result<Bytes> {
    let mut chunk = vec![0; left.min(READ) as usize];
    file.read_exact_at(&mut chunk, at)?;
    Ok(chunk.into())
}

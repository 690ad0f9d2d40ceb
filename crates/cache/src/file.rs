//! A stored response as a file: complete in itself, so that the index is made of the files at the next start, and summed, so
//! that a torn one is found.
//!
//! `magic, head length u32, head sum u32, head (JSON), body, body length u64, body sum u32, end u32`, little endian. Files are
//! written under another name and renamed when whole. Nothing is synced: after a loss of power a file may be torn, which
//! its sums tell.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::CacheError;
use crate::head::{Head, Key};

const MAGIC: &[u8; 8] = b"skcache1";
const END: u32 = 0x736b_656e;
const TRAILER: u64 = 16;
/// The most that a head may take.
pub(crate) const MAX_HEAD: usize = 256 * 1024;

#[derive(Serialize, Deserialize)]
struct Named {
    key: Key,
    head: Head,
}

/// Where a file's body is, and what it must sum up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) sum: u32,
}

/// What stands before the body; None for a head that is too large to store.
pub(crate) fn opening(key: &Key, head: &Head) -> Option<Vec<u8>> {
    let named = Named { key: key.clone(), head: head.clone() };
    let json = serde_json::to_vec(&named).ok().filter(|json| json.len() <= MAX_HEAD)?;
    let mut opening = Vec::with_capacity(json.len() + 16);
    opening.extend_from_slice(MAGIC);
    opening.extend_from_slice(&(json.len() as u32).to_le_bytes());
    opening.extend_from_slice(&crc32fast::hash(&json).to_le_bytes());
    opening.extend_from_slice(&json);
    Some(opening)
}

/// What stands after the body.
pub(crate) fn closing(length: u64, sum: u32) -> [u8; TRAILER as usize] {
    let mut closing = [0; TRAILER as usize];
    closing[..8].copy_from_slice(&length.to_le_bytes());
    closing[8..12].copy_from_slice(&sum.to_le_bytes());
    closing[12..].copy_from_slice(&END.to_le_bytes());
    closing
}

/// Writes a whole file under a name that is not read, then gives it its own.
pub(crate) fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let temporary = path.with_extension("part");
    let mut file = File::create(&temporary)?;
    for part in parts {
        file.write_all(part)?;
    }
    std::fs::rename(&temporary, path)
}

/// Reads what a file says of itself; the body's bytes are left to [`check`].
pub(crate) fn read(path: &Path) -> Result<(Key, Head, Place), CacheError> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut start = [0; 16];
    file.read_exact(&mut start).map_err(|_| CacheError::Torn)?;
    let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let (length, sum) = (word(&start[8..12]) as usize, word(&start[12..16]));
    if &start[..8] != MAGIC || length > MAX_HEAD {
        return Err(CacheError::Torn);
    }
    let mut json = vec![0; length];
    file.read_exact(&mut json).map_err(|_| CacheError::Torn)?;
    if crc32fast::hash(&json) != sum {
        return Err(CacheError::Torn);
    }
    let Named { key, head } = serde_json::from_slice(&json).map_err(|_| CacheError::Torn)?;
    let offset = 16 + length as u64;
    let body = size.checked_sub(offset + TRAILER).ok_or(CacheError::Torn)?;
    file.seek(SeekFrom::Start(offset + body))?;
    let mut end = [0; TRAILER as usize];
    file.read_exact(&mut end).map_err(|_| CacheError::Torn)?;
    let claimed = u64::from_le_bytes([end[0], end[1], end[2], end[3], end[4], end[5], end[6], end[7]]);
    if claimed != body || word(&end[12..]) != END {
        return Err(CacheError::Torn);
    }
    Ok((key, head, Place { offset, length: body, sum: word(&end[8..12]) }))
}

/// Reads a body once and compares its sum.
pub(crate) fn check(path: &Path, place: Place) -> Result<(), CacheError> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(place.offset))?;
    let (mut left, mut sum, mut buffer) = (place.length, crc32fast::Hasher::new(), vec![0; 256 * 1024]);
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut buffer[..want]).map_err(|_| CacheError::Torn)?;
        sum.update(&buffer[..want]);
        left -= want as u64;
    }
    if sum.finalize() == place.sum { Ok(()) } else { Err(CacheError::Torn) }
}

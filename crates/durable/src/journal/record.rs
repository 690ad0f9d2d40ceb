//! A record's bytes: `crc32 u32 | length u32 | number u64 | body`, little-endian. The sum covers the run that the segment is of,
//! and all that follows it, so that what an earlier use of the segment has left is none.

use std::io;

/// Bytes before a record's body.
pub(super) const HEAD: usize = 16;

const COMMIT: u8 = 1;
const FORGET: u8 = 2;

/// What a record tells. Paths are below the objects' folder, without extension.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// `log`: what a commit has put into the object's log at `offset`; `database`: that of an object that was just made, or nothing.
    Commit { object: &'a str, database: &'a [u8], offset: u64, log: &'a [u8] },
    /// What came before of an object, or of all in a folder, is void.
    Forget { path: &'a str },
}

/// A record as it was found, not unpacked yet.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) path: &'a str,
    pub(super) commit: Option<Packed<'a>>,
}

#[derive(Debug)]
pub(super) struct Packed<'a> {
    pub(super) offset: u64,
    database: usize,
    log: usize,
    bytes: &'a [u8],
}

pub(super) fn encode(body: &Body<'_>) -> Vec<u8> {
    let path = |kind: u8, path: &str| {
        let mut bytes = vec![kind];
        bytes.extend((path.len() as u16).to_le_bytes());
        bytes.extend(path.as_bytes());
        bytes
    };
    match body {
        Body::Forget { path: forgotten } => path(FORGET, forgotten),
        Body::Commit { object, database, offset, log } => {
            let mut bytes = path(COMMIT, object);
            bytes.extend(offset.to_le_bytes());
            bytes.extend((database.len() as u32).to_le_bytes());
            bytes.extend((log.len() as u32).to_le_bytes());
            // Pages are mostly zeros where little is stored.
            bytes.extend(match database.is_empty() {
                true => lz4_flex::block::compress(log),
                false => lz4_flex::block::compress(&[*database, *log].concat()),
            });
            bytes
        }
    }
}

/// Puts a record at the end of `bytes`.
pub(super) fn append(bytes: &mut Vec<u8>, run: u64, number: u64, body: &[u8]) {
    let at = bytes.len();
    bytes.extend([0; 4]);
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(body);
    let sum = sum(run, &bytes[at + 4..]);
    bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

/// The body of record `number` at the beginning of `bytes`, if that is there.
pub(super) fn find(bytes: &[u8], run: u64, number: u64) -> Option<&[u8]> {
    let head = bytes.get(..HEAD)?;
    let length = u32_at(head, 4)? as usize;
    if u64_at(head, 8)? != number {
        return None;
    }
    let body = bytes.get(HEAD..HEAD.checked_add(length)?)?;
    (sum(run, &bytes[4..HEAD + length]) == u32_at(head, 0)?).then_some(body)
}

pub(super) fn decode(body: &[u8]) -> Option<Found<'_>> {
    let (kind, rest) = body.split_first()?;
    let length = usize::from(u16::from_le_bytes(rest.get(..2)?.try_into().ok()?));
    let path = std::str::from_utf8(rest.get(2..2 + length)?).ok()?;
    // It is joined to a folder.
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    let rest = rest.get(2 + length..)?;
    let commit = match *kind {
        FORGET => None,
        COMMIT => Some(Packed {
            offset: u64_at(rest, 0)?,
            database: u32_at(rest, 8)? as usize,
            log: u32_at(rest, 12)? as usize,
            bytes: rest.get(16..)?,
        }),
        _ => return None,
    };
    Some(Found { path, commit })
}

fn sum(run: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&run.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

// === impl Packed ===

impl Packed<'_> {
    /// The database's bytes, and the log's.
    pub(super) fn unpack(&self) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let mut database =
            lz4_flex::block::decompress(self.bytes, self.database + self.log).map_err(io::Error::other)?;
        if database.len() != self.database + self.log {
            return Err(io::Error::other("a record's length is another than it says"));
        }
        let log = database.split_off(self.database);
        Ok((database, log))
    }
}

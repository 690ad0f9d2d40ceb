//! A segment of the journal: a file whose blocks are all allocated, so that a sync of it changes no metadata. Two take turns.
//! What is written at once begins at a multiple of [`BLOCK`], so that no block is written to twice.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Sync;
use super::record::{self, HEAD, u64_at};

pub(super) const BLOCK: usize = 4096;
const MAGIC: &[u8; 8] = b"skerryj1";
/// The segment's head, in a block of its own: the magic, the run, the number of the first record, their sum.
const HEAD_LENGTH: usize = 28;

/// How large segments are, in bytes. A journal that is much used grows: state with few objects stays small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) smallest: u64,
    pub(super) largest: u64,
}

/// The segment that is written to.
pub(super) struct Segment {
    file: File,
    pub(super) slot: usize,
    pub(super) first: u64,
    run: u64,
    at: u64,
    length: u64,
}

/// What was found in one.
pub(super) struct Read {
    pub(super) path: PathBuf,
    pub(super) run: u64,
    pub(super) first: u64,
    pub(super) bytes: Vec<u8>,
}

// === impl Sizes ===

impl Default for Sizes {
    fn default() -> Self {
        Self { smallest: 1 << 20, largest: 64 << 20 }
    }
}

impl Sizes {
    /// That of the segment that follows one.
    pub(super) fn after(&self, length: u64) -> u64 {
        (length * 4).clamp(self.smallest, self.largest)
    }

    /// Of a record before it is packed: packing adds a little at most.
    pub(super) fn largest_record(&self) -> usize {
        self.smallest as usize / 4
    }
}

pub(super) fn path(folder: &Path, slot: usize) -> PathBuf {
    folder.join(format!("segment-{slot}"))
}

/// Makes a file, or one that is there, at least so long. What is in it stays. Returns its length, in whole blocks.
pub(super) fn reserve(folder: &Path, slot: usize, length: u64) -> io::Result<(File, u64)> {
    let path = path(folder, slot);
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    let found = file.metadata()?.len();
    let mut end = found / BLOCK as u64 * BLOCK as u64;
    if end >= length {
        return Ok((file, end));
    }
    let zeros = vec![0; 256 << 10];
    while end < length {
        let part = zeros.len().min((length - end) as usize);
        file.write_all_at(&zeros[..part], end)?;
        end += part as u64;
    }
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok((file, end))
}

// === impl Segment ===

impl Segment {
    /// Begins to use a file, of `length` bytes at least, with record `first`. What is in it must not be needed.
    pub(super) fn begin(
        folder: &Path,
        slot: usize,
        length: u64,
        run: u64,
        first: u64,
        sync: &dyn Sync,
    ) -> io::Result<Self> {
        let (file, end) = reserve(folder, slot, length)?;
        let mut head = [0; BLOCK];
        head[..8].copy_from_slice(MAGIC);
        head[8..16].copy_from_slice(&run.to_le_bytes());
        head[16..24].copy_from_slice(&first.to_le_bytes());
        let sum = crc32fast::hash(&head[..24]);
        head[24..HEAD_LENGTH].copy_from_slice(&sum.to_le_bytes());
        file.write_all_at(&head, 0)?;
        sync.file(&file)?;
        Ok(Self { file, slot, first, run, at: BLOCK as u64, length: end })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn run(&self) -> u64 {
        self.run
    }

    /// Whether so many bytes still fit.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.at + bytes.next_multiple_of(BLOCK) as u64 <= self.length
    }

    /// Writes records, durably.
    pub(super) fn write(&mut self, bytes: &mut Vec<u8>, sync: &dyn Sync) -> io::Result<()> {
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        self.file.write_all_at(bytes, self.at)?;
        sync.file(&self.file)?;
        self.at += bytes.len() as u64;
        bytes.clear();
        Ok(())
    }
}

// === impl Read ===

impl Read {
    /// `None`: there is no segment that was begun.
    pub(super) fn open(folder: &Path, slot: usize) -> io::Result<Option<Self>> {
        let path = path(folder, slot);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some(head) = bytes.get(..HEAD_LENGTH) else { return Ok(None) };
        if &head[..8] != MAGIC || record::u32_at(head, 24) != Some(crc32fast::hash(&head[..24])) {
            return Ok(None);
        }
        let (Some(run), Some(first)) = (u64_at(head, 8), u64_at(head, 16)) else { return Ok(None) };
        Ok(Some(Self { path, run, first, bytes }))
    }

    /// The bodies of its records, up to where they end.
    pub(super) fn records(&self) -> Vec<(u64, &[u8])> {
        let (mut records, mut at, mut number) = (Vec::new(), BLOCK, self.first);
        while at < self.bytes.len() {
            match record::find(&self.bytes[at..], self.run, number) {
                Some(body) => {
                    records.push((number, body));
                    number += 1;
                    at += HEAD + body.len();
                }
                None if at.is_multiple_of(BLOCK) => break,
                // What was written at once ends here.
                None => at = at.next_multiple_of(BLOCK),
            }
        }
        records
    }

    /// Makes it one that has nothing.
    pub(super) fn empty(&self, sync: &dyn Sync) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.path)?;
        file.write_all_at(&[0; BLOCK], 0)?;
        sync.file(&file)
    }
}

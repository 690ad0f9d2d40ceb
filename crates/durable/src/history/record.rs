//! The records of a history's files. Each says its length and its sum: what a crash left of the last one is told from it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::bookmark::Point;

/// The state of the database at a point: what the pages that follow are to be put back into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Boundary {
    pub(crate) point: Point,
    /// Milliseconds since the epoch, when the database was in that state.
    pub(crate) time: i64,
    /// Its pages, and the bytes of each.
    pub(crate) pages: u32,
    pub(crate) page_size: u32,
}

pub(crate) enum Record {
    Boundary(Boundary),
    /// Pages as they were at the last boundary: their numbers, and where the first one's bytes are in the file.
    Pages {
        numbers: Vec<u32>,
        at: u64,
    },
}

/// A record's sum and length.
const HEAD: usize = 8;
const BOUNDARY: u8 = 1;
const PAGES: u8 = 2;
/// Pages in a record at most, so that it can be in memory.
pub(crate) const MAX_PAGES: usize = 256;
const MAX_LENGTH: usize = 8 + MAX_PAGES * (4 + 65_536);

impl Boundary {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut payload = vec![BOUNDARY];
        payload.extend(self.point.epoch.to_le_bytes());
        payload.extend(self.point.number.to_le_bytes());
        payload.extend(self.time.to_le_bytes());
        payload.extend(self.pages.to_le_bytes());
        payload.extend(self.page_size.to_le_bytes());
        sealed(&payload)
    }
}

/// A record of pages, with their bytes one after the other.
pub(crate) fn encode_pages(numbers: &[u32], images: &[u8]) -> Vec<u8> {
    let mut payload = vec![PAGES];
    payload.extend((numbers.len() as u32).to_le_bytes());
    numbers.iter().for_each(|number| payload.extend(number.to_le_bytes()));
    payload.extend_from_slice(images);
    sealed(&payload)
}

fn sealed(payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEAD + payload.len());
    record.extend(crc32fast::hash(payload).to_le_bytes());
    record.extend((payload.len() as u32).to_le_bytes());
    record.extend_from_slice(payload);
    record
}

/// A file's records from its beginning, to the end or to the first that is not whole; and where that is.
pub(crate) fn scan(file: &File) -> io::Result<(Vec<Record>, u64)> {
    let length = file.metadata()?.len();
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some((record, next)) = read(file, at, length)? {
        records.push(record);
        at = next;
    }
    Ok((records, at))
}

fn read(file: &File, at: u64, length: u64) -> io::Result<Option<(Record, u64)>> {
    if length - at < HEAD as u64 {
        return Ok(None);
    }
    let mut head = [0; HEAD];
    file.read_exact_at(&mut head, at)?;
    let [sum, size] = [0, 4].map(|from| number(&head, from));
    let (begin, end) = (at + HEAD as u64, at + HEAD as u64 + u64::from(size));
    if end > length || size as usize > MAX_LENGTH {
        return Ok(None);
    }
    let mut payload = vec![0; size as usize];
    file.read_exact_at(&mut payload, begin)?;
    if crc32fast::hash(&payload) != sum {
        return Ok(None);
    }
    Ok(decode(&payload, begin).map(|record| (record, end)))
}

/// `begin`: where the payload is in its file.
fn decode(payload: &[u8], begin: u64) -> Option<Record> {
    match *payload.first()? {
        BOUNDARY if payload.len() == 25 => {
            let time = i64::from_le_bytes(payload[9..17].try_into().ok()?);
            let point = Point { epoch: number(payload, 1), number: number(payload, 5) };
            let (pages, page_size) = (number(payload, 17), number(payload, 21));
            Some(Record::Boundary(Boundary { point, time, pages, page_size }))
        }
        PAGES if payload.len() >= 5 => {
            let count = number(payload, 1) as usize;
            let list = payload.get(5..5 + 4 * count.min(MAX_PAGES))?;
            let numbers = list.chunks_exact(4).map(|bytes| number(bytes, 0)).collect();
            Some(Record::Pages { numbers, at: begin + 5 + 4 * count as u64 })
        }
        _ => None,
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

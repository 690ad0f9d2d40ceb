//! What a process does with the journal that the last one left, before it opens any object: each record's bytes go where they
//! were. It can be broken off and done again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Sync;
use super::record::{Found, decode};
use super::segment::{self, Read};
use crate::files::is_unfinished;

/// `opened`: the objects' folder, `root`.
pub(super) fn run(root: &Path, opened: &File, folder: &Path, sync: &dyn Sync) -> io::Result<()> {
    let segments = segments(folder)?;
    let records = records(&segments)?;
    let mut forgotten = HashMap::new();
    for (number, record) in &records {
        if record.commit.is_none() {
            forgotten.insert(record.path, *number);
        }
    }
    let is_void = |path: &str, number: u64| forgotten.get(path).is_some_and(|at| *at > number);
    for (number, record) in &records {
        let namespace = record.path.split('/').next().unwrap_or_default();
        if !is_void(record.path, *number) && !is_void(namespace, *number) {
            apply(root, record)?;
        }
    }
    // This is also for what a process without a journal has left unsynced.
    sync.file_system(opened)?;
    segments.iter().try_for_each(|segment| segment.empty(sync))
}

/// Those that were begun, the older first: in this order they are emptied, as an older one alone would undo what a newer has.
fn segments(folder: &Path) -> io::Result<Vec<Read>> {
    let mut segments = Vec::new();
    for slot in 0..2 {
        segments.extend(Read::open(folder, slot)?);
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

fn records(segments: &[Read]) -> io::Result<Vec<(u64, Found<'_>)>> {
    let mut records = Vec::new();
    let mut before: Option<(&Read, u64)> = None;
    for segment in segments {
        // One is begun when all that belongs before it is durable in the other.
        if let Some((other, next)) = before
            && (other.run, next) != (segment.run, segment.first)
        {
            return Err(damaged(&other.path));
        }
        let mut next = segment.first;
        for (number, body) in segment.records() {
            records.push((number, decode(body).ok_or_else(|| damaged(&segment.path))?));
            next = number + 1;
        }
        before = Some((segment, next));
    }
    Ok(records)
}

fn damaged(path: &Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "{} is damaged, so that Durable Objects may lack acknowledged writes: put the folder back from a backup, or remove the journal to go on with what the objects' own files have",
            path.display()
        ),
    )
}

fn apply(root: &Path, record: &Found<'_>) -> io::Result<()> {
    let Some(commit) = &record.commit else { return Ok(()) };
    let (database, log) = commit.unpack()?;
    let place = |extension: &str| -> PathBuf { root.join(format!("{}.{extension}", record.path)) };
    let path = place("sqlite");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if !database.is_empty() && is_missing(&path)? {
        File::create(&path)?.write_all(&database)?;
    }
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(place("sqlite-wal"))?;
    file.write_all_at(&log, commit.offset)
}

/// Whether a database's first pages never came to the disk.
fn is_missing(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => is_unfinished(path, metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// When all is durable in place.
pub(super) fn empty_all(folder: &Path, sync: &dyn Sync) -> io::Result<()> {
    segments(folder)?.iter().try_for_each(|segment| segment.empty(sync))
}

/// The same where the files themselves may be bad. `newer`: the one that was written to last.
pub(super) fn remove_all(folder: &Path, newer: usize) -> io::Result<()> {
    for slot in [1 - newer, newer] {
        match fs::remove_file(segment::path(folder, slot)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => File::open(folder)?.sync_all()?,
        }
    }
    Ok(())
}

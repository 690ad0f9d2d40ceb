//! What an object's database was before: points of its past, each with the pages that have changed since, as they were at that
//! point. A page is copied before a checkpoint overwrites it, once between two points, so commits cost nothing more.
//!
//! The files are `<id>.history/<epoch>-<number>-<time>`, each beginning with the point that it is called after. The oldest go
//! when they are 30 days old, or when all together are too large.

mod record;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub(crate) use self::record::Boundary;
use self::record::{MAX_PAGES, Record, encode_pages, scan};
use crate::Error;
use crate::bookmark::Point;
use crate::files::{PAGES_AT, int, page_size};

/// https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#pitr-point-in-time-recovery-api
const KEPT: i64 = 30 * 24 * 60 * 60 * 1000;
/// Two points that nobody asked for are at least so far apart, in milliseconds.
const APART: i64 = 10_000;
/// All files of one object take so many bytes at most.
pub(crate) const MAX_BYTES: u64 = 256 << 20;
/// A file is followed by another when it has grown to this, or covers so much time.
const FILE_BYTES: u64 = 4 << 20;
const FILE_TIME: i64 = 24 * 60 * 60 * 1000;

pub(crate) struct History {
    folder: PathBuf,
    max_bytes: u64,
    /// `None`: not looked at yet.
    tail: Option<Option<Tail>>,
}

/// The end of the history, which grows.
struct Tail {
    file: File,
    length: u64,
    /// When the file begins.
    begins: i64,
    last: Boundary,
    /// Pages that have been copied since the last boundary.
    copied: HashSet<u32>,
}

/// What a database has to become.
pub(crate) struct Plan {
    pub(crate) boundary: Boundary,
    files: Vec<File>,
    /// Where each page is that differs: the file's index, and the place in it.
    pub(crate) pages: BTreeMap<u32, (usize, u64)>,
}

/// One file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    point: Point,
    time: i64,
}

/// A database's state before a checkpoint.
pub(crate) struct Before<'a> {
    pub(crate) database: &'a File,
    /// When it came to be.
    pub(crate) since: i64,
    /// The database is as one commit left it: no checkpoint was broken off.
    pub(crate) is_whole: bool,
}

// === impl History ===

impl History {
    pub(crate) fn new(folder: PathBuf, max_bytes: u64) -> Self {
        Self { folder, max_bytes, tail: None }
    }

    /// Copies pages that are about to be overwritten, durably.
    pub(crate) fn copy(&mut self, before: &Before<'_>, changing: &[u32]) -> Result<(), Error> {
        let (pages, page_size) = size(before.database)?;
        match self.tail()? {
            None if !before.is_whole => return Ok(()),
            None => self.begin(Boundary { point: Point::FIRST, time: before.since, pages, page_size })?,
            Some(Tail { last, copied, .. })
                if before.is_whole && !copied.is_empty() && before.since >= last.time + APART =>
            {
                let point = last.point.next();
                self.begin(Boundary { point, time: before.since, pages, page_size })?;
            }
            Some(_) => {}
        }
        let Some(tail) = self.tail()? else { return Ok(()) };
        let mut wanted: Vec<u32> =
            changing.iter().copied().filter(|page| *page <= tail.last.pages && !tail.copied.contains(page)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        if !self.make_room(wanted.len() as u64 * u64::from(page_size), before.since)? {
            return Ok(());
        }
        self.append_pages(before.database, &wanted, page_size)
    }

    /// The point of the state that the database is in, which is whole. Durable when it returns.
    pub(crate) fn mark(&mut self, database: &File, now: i64) -> Result<Point, Error> {
        let (pages, page_size) = size(database)?;
        let point = match self.tail()? {
            None => Point::FIRST,
            Some(Tail { last, copied, .. }) if copied.is_empty() => return Ok(last.point),
            Some(Tail { last, .. }) => last.point.next(),
        };
        self.begin(Boundary { point, time: now, pages, page_size })?;
        Ok(point)
    }

    /// Ends the epoch with the state that the database is in, and begins the next one with that of `plan`: copies what it will
    /// overwrite. Done again, it does nothing.
    pub(crate) fn turn(&mut self, database: &File, plan: &Plan, now: i64) -> Result<(), Error> {
        let (pages, page_size) = size(database)?;
        let Some(last) = self.last()? else { return Err(Error::Bookmark) };
        let end = last.point.end();
        if last.point != end {
            self.begin(Boundary { point: end, time: now, pages, page_size })?;
        }
        let changing: Vec<u32> =
            plan.pages.keys().copied().filter(|page| *page <= pages).chain(plan.boundary.pages + 1..=pages).collect();
        let copied = self.tail()?.map(|tail| tail.copied.clone()).unwrap_or_default();
        let wanted: Vec<u32> = changing.into_iter().filter(|page| !copied.contains(page)).collect();
        self.append_pages(database, &wanted, page_size)?;
        self.begin(Boundary { point: end.next(), time: now, ..plan.boundary })
    }

    /// The last point.
    pub(crate) fn last(&mut self) -> Result<Option<Boundary>, Error> {
        Ok(self.tail()?.map(|tail| tail.last))
    }

    /// The last point that is not later than `time`.
    pub(crate) fn at(&mut self, time: i64) -> Result<Point, Error> {
        if self.tail()?.is_none() {
            return Err(Error::NoHistory);
        }
        let names = self.names()?;
        let Some(name) = names.iter().rev().find(|name| name.time <= time) else { return Err(Error::BeforeHistory) };
        let (records, _) = scan(&self.open(name)?)?;
        let found = records.iter().rev().find_map(|record| match record {
            Record::Boundary(boundary) if boundary.time <= time => Some(boundary.point),
            _ => None,
        });
        found.ok_or(Error::BeforeHistory)
    }

    /// How to come from the state at `until` — the present one when it is `None` — back to that of `point`.
    pub(crate) fn plan(&mut self, point: Point, until: Option<Point>) -> Result<Plan, Error> {
        self.tail()?;
        let names = self.names()?;
        let first = names.iter().rposition(|name| name.point <= point).ok_or(Error::Bookmark)?;
        let (mut boundary, mut pages, mut files) = (None, BTreeMap::new(), Vec::new());
        'files: for name in &names[first..] {
            let file = self.open(name)?;
            let (records, end) = scan(&file)?;
            if end != file.metadata()?.len() {
                return Err(Error::Damaged(self.path(name)));
            }
            files.push(file);
            for record in records {
                match record {
                    Record::Boundary(found) if Some(found.point) == until => break 'files,
                    Record::Boundary(found) if found.point == point => boundary = Some(found),
                    Record::Pages { numbers, at } => {
                        // What a page was first after the point, it was at the point.
                        let Some(boundary) = boundary else { continue };
                        for (number, at) in numbers.iter().zip((at..).step_by(boundary.page_size as usize)) {
                            if *number <= boundary.pages {
                                pages.entry(*number).or_insert((files.len() - 1, at));
                            }
                        }
                    }
                    Record::Boundary(_) => {}
                }
            }
        }
        let boundary = boundary.ok_or(Error::Bookmark)?;
        Ok(Plan { boundary, files, pages })
    }

    fn tail(&mut self) -> Result<Option<&mut Tail>, Error> {
        if self.tail.is_none() {
            self.tail = Some(self.find_tail()?);
        }
        Ok(self.tail.as_mut().and_then(Option::as_mut))
    }

    /// What a crash left unfinished at the end is removed: nothing was overwritten yet that it would have kept.
    fn find_tail(&self) -> Result<Option<Tail>, Error> {
        while let Some(name) = self.names()?.pop() {
            let file = OpenOptions::new().read(true).write(true).open(self.path(&name))?;
            let (records, length) = scan(&file)?;
            let (mut last, mut copied) = (None, HashSet::new());
            for record in records {
                match record {
                    Record::Boundary(boundary) => {
                        last = Some(boundary);
                        copied.clear();
                    }
                    Record::Pages { numbers, .. } => copied.extend(numbers),
                }
            }
            if let Some(last) = last {
                file.set_len(length)?;
                file.sync_all()?;
                return Ok(Some(Tail { file, length, begins: name.time, last, copied }));
            }
            fs::remove_file(self.path(&name))?;
        }
        Ok(None)
    }

    /// Writes a boundary, in a new file where it is time for one.
    fn begin(&mut self, boundary: Boundary) -> Result<(), Error> {
        let time = self.last()?.map_or(boundary.time, |last| last.time.max(boundary.time));
        let boundary = Boundary { time, ..boundary };
        if let Some(tail) = self.tail()?
            && tail.length < FILE_BYTES
            && time - tail.begins < FILE_TIME
        {
            tail.append(&boundary.encode())?;
            tail.file.sync_data()?;
            (tail.last, tail.copied) = (boundary, HashSet::new());
            return Ok(());
        }
        if !self.folder.exists() {
            fs::create_dir_all(&self.folder)?;
            self.folder.parent().map_or(Ok(()), sync_folder)?;
        }
        let name = Name { point: boundary.point, time };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(self.path(&name))?;
        let mut tail = Tail { file, length: 0, begins: time, last: boundary, copied: HashSet::new() };
        tail.append(&boundary.encode())?;
        tail.file.sync_all()?;
        sync_folder(&self.folder)?;
        self.tail = Some(Some(tail));
        Ok(())
    }

    fn append_pages(&mut self, database: &File, pages: &[u32], page_size: u32) -> Result<(), Error> {
        let Some(tail) = self.tail()? else { return Ok(()) };
        for numbers in pages.chunks(MAX_PAGES) {
            let mut images = vec![0; numbers.len() * page_size as usize];
            for (number, image) in numbers.iter().zip(images.chunks_exact_mut(page_size as usize)) {
                database.read_exact_at(image, (u64::from(*number) - 1) * u64::from(page_size))?;
            }
            tail.append(&encode_pages(numbers, &images))?;
        }
        if !pages.is_empty() {
            tail.file.sync_data()?;
            tail.copied.extend(pages);
        }
        Ok(())
    }

    /// Removes files whose every point is too old, and the oldest until so many bytes more are not too much. Whether there is a
    /// history any more: where even one point's pages are too much, it begins anew.
    fn make_room(&mut self, bytes: u64, now: i64) -> Result<bool, Error> {
        let mut names = self.names()?;
        let old = names.windows(2).take_while(|pair| pair[1].time < now - KEPT).count();
        for name in names.drain(..old) {
            fs::remove_file(self.path(&name))?;
        }
        let lengths: Vec<u64> =
            names.iter().map(|name| Ok(fs::metadata(self.path(name))?.len())).collect::<io::Result<_>>()?;
        let mut total = lengths.iter().sum::<u64>() + bytes;
        for (at, (name, length)) in names.iter().zip(lengths).enumerate() {
            if total <= self.max_bytes {
                return Ok(true);
            }
            if at + 1 == names.len() {
                self.tail = Some(None);
            }
            fs::remove_file(self.path(name))?;
            total -= length;
        }
        if self.tail()?.is_none() {
            sync_folder(&self.folder)?;
        }
        Ok(self.tail()?.is_some())
    }

    /// The files, the oldest first.
    fn names(&self) -> io::Result<Vec<Name>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(Name::parse(&entry?.file_name().to_string_lossy()));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn path(&self, name: &Name) -> PathBuf {
        let Name { point: Point { epoch, number }, time } = name;
        self.folder.join(format!("{epoch:08x}-{number:08x}-{time:012x}"))
    }

    fn open(&self, name: &Name) -> io::Result<File> {
        File::open(self.path(name))
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A database's pages, by its header, and their size.
fn size(database: &File) -> io::Result<(u32, u32)> {
    let mut header = [0; 100];
    database.read_exact_at(&mut header, 0)?;
    Ok((int(&header, PAGES_AT), page_size(&header) as u32))
}

// === impl Tail ===

impl Tail {
    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(record, self.length) {
            // What of it was written must not be taken for a record.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += record.len() as u64;
        Ok(())
    }
}

// === impl Plan ===

impl Plan {
    /// Writes the pages into the database, which nobody has open. Done again, it does the same.
    pub(crate) fn carry_out(&self, database: &File) -> io::Result<()> {
        let page_size = u64::from(self.boundary.page_size);
        let mut image = vec![0; self.boundary.page_size as usize];
        for (number, (file, at)) in &self.pages {
            self.files[*file].read_exact_at(&mut image, *at)?;
            database.write_all_at(&image, (u64::from(*number) - 1) * page_size)?;
        }
        database.set_len(u64::from(self.boundary.pages) * page_size)?;
        database.sync_all()
    }
}

// === impl Name ===

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let [epoch, number, time] = [parts.next()?, parts.next()?, parts.next()?];
        let part = |text| u32::from_str_radix(text, 16).ok();
        let point = Point { epoch: part(epoch)?, number: part(number)? };
        Some(Self { point, time: i64::from_str_radix(time, 16).ok()? })
    }
}

#[cfg(test)]
mod tests;

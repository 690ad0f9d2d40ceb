//! The thread that writes the journal. Whatever has come while it was syncing goes with the next sync.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::queue::{InPlace, Item, Queue};
use super::segment::{self, Segment, Sizes};
use super::{Sync, record, recovery};

struct Writer {
    /// The objects' folder, open all the time: else errors of the file system could be told to somebody else.
    root: Arc<File>,
    folder: PathBuf,
    sizes: Sizes,
    sync: Arc<dyn Sync>,
    queue: Arc<Queue>,
    /// The segment in use; `None`: nothing was written yet.
    segment: Option<Segment>,
    /// Which of the two it is, or was.
    slot: usize,
    /// What the other segment tells of is being made durable in place.
    settling: Option<JoinHandle<io::Result<()>>>,
    /// That has failed once: what the kernel could not write it has forgotten, so a later success proves nothing.
    is_unsure: bool,
}

pub(super) fn start(
    root: Arc<File>,
    folder: PathBuf,
    sizes: Sizes,
    sync: Arc<dyn Sync>,
    queue: Arc<Queue>,
) -> io::Result<JoinHandle<()>> {
    let writer = Writer { root, folder, sizes, sync, queue, segment: None, slot: 0, settling: None, is_unsure: false };
    let queue = writer.queue.clone();
    let run = move || {
        // Whoever waits must not do so for ever.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.run())).is_err() {
            queue.end(io::Error::other("the journal's thread broke off"));
        }
    };
    thread::Builder::new().name("journal".into()).spawn(run)
}

// === impl Writer ===

impl Writer {
    fn run(mut self) {
        while let Some((first, items)) = self.queue.take() {
            let last = first + items.len() as u64 - 1;
            match self.write(first, &items) {
                Ok(()) => self.queue.reached(last),
                Err(error) => {
                    tracing::error!(%error, folder = %self.folder.display(), "the journal of Durable Objects can't be written");
                    let next = self.queue.lose(error);
                    if let Err(error) = self.begin_anew(next) {
                        tracing::error!(%error, folder = %self.folder.display(), "nor can another be begun: Durable Objects can store nothing until the process is started again");
                        self.queue.end(error);
                        return;
                    }
                }
            }
        }
        if let Err(error) = self.finish() {
            tracing::error!(%error, folder = %self.folder.display(), "the journal stays for the next process to apply");
        }
        self.queue.end(io::Error::other("the journal was closed"));
    }

    fn write(&mut self, first: u64, items: &[Item]) -> io::Result<()> {
        for in_place in items.iter().filter_map(|item| item.in_place.as_ref()) {
            self.settle(in_place)?;
        }
        let mut bytes = Vec::new();
        for (number, item) in (first..).zip(items) {
            let needed = bytes.len() + record::HEAD + item.body.len();
            let mut segment = match self.segment.take() {
                Some(segment) => segment,
                None => self.begin(0, self.sizes.smallest, new_run()?, number)?,
            };
            if !segment.has_room(needed) {
                if !bytes.is_empty() {
                    segment.write(&mut bytes, &*self.sync)?;
                }
                segment = self.rotate(segment, number)?;
            }
            record::append(&mut bytes, segment.run(), number, &item.body);
            self.segment = Some(segment);
        }
        match &mut self.segment {
            Some(segment) => segment.write(&mut bytes, &*self.sync),
            None => Ok(()),
        }
    }

    fn settle(&self, InPlace { database, log, folder }: &InPlace) -> io::Result<()> {
        database.sync_all()?;
        match File::open(log) {
            Ok(log) => log.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        File::open(folder)?.sync_all()
    }

    fn begin(&self, slot: usize, length: u64, run: u64, first: u64) -> io::Result<Segment> {
        Segment::begin(&self.folder, slot, length, run, first, &*self.sync)
    }

    /// Goes on in the other segment, once nothing in it is needed, and has the full one made needless.
    fn rotate(&mut self, full: Segment, next: u64) -> io::Result<Segment> {
        self.settled()?;
        let segment = self.begin(1 - full.slot, self.sizes.after(full.length()), full.run(), next)?;
        self.slot = segment.slot;
        self.queue.begins(full.first);
        let (sync, root, folder) = (self.sync.clone(), self.root.clone(), self.folder.clone());
        let length = self.sizes.after(segment.length());
        let settle = move || {
            sync.file_system(&root)?;
            // Else it is told when it is begun.
            let _ = segment::reserve(&folder, full.slot, length);
            Ok(())
        };
        self.settling = Some(thread::Builder::new().name("journal-settle".into()).spawn(settle)?);
        Ok(segment)
    }

    /// Waits until the other segment is not needed.
    fn settled(&mut self) -> io::Result<()> {
        let Some(settling) = self.settling.take() else { return Ok(()) };
        let settled =
            settling.join().unwrap_or_else(|_| Err(io::Error::other("the sync of the file system broke off")));
        self.is_unsure |= settled.is_err();
        settled
    }

    /// After a write or a sync that failed: makes all durable in place, so that no segment is needed. The next record is
    /// written to a new file.
    fn begin_anew(&mut self, next: u64) -> io::Result<()> {
        self.segment = None;
        self.settled()?;
        if self.is_unsure {
            return Err(io::Error::other("what the file system could not write is lost but for the journal"));
        }
        self.sync.file_system(&self.root)?;
        recovery::remove_all(&self.folder, self.slot)?;
        self.queue.begins(next);
        self.slot = 0;
        Ok(())
    }

    /// At the end nothing is left to be restored, so that files may be copied, put back and removed.
    fn finish(&mut self) -> io::Result<()> {
        if self.segment.take().is_none() {
            return Ok(());
        }
        self.settled()?;
        self.sync.file_system(&self.root)?;
        recovery::empty_all(&self.folder, &*self.sync)
    }
}

/// Tells what is written from what an earlier process has left in the same file.
fn new_run() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}

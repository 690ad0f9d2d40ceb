//! Tells when the files of a bundle change, for reload on save.
//!
//! What is watched is the folders of the files, for editors replace files rather than write to them and files
//! may not exist yet. Events only say that it is time to look: what changed is decided by comparing the files
//! with how they were, so noise in a folder is not a change and a change is never told twice.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// A save is over when nothing has happened for this long …
const QUIET: Duration = Duration::from_millis(25);
/// … or when it has gone on for this long.
const PATIENCE: Duration = Duration::from_millis(250);

/// A file that is new to a set and was written to so shortly before is looked at once more.
const FRESH: Duration = Duration::from_secs(1);

/// A debounced watch over a set of files. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watcher {
    id: SetId,
    changed: Arc<Notify>,
}

/// The operating system refused to watch a folder.
#[derive(Debug, thiserror::Error)]
#[error("Cannot watch {} for changes: {source}.{}", .folder.display(), hint(.source))]
pub struct WatchError {
    folder: PathBuf,
    source: notify::Error,
}

type SetId = u64;

/// All sets of the process share one watch of the operating system, which gives each user only a few (inotify: 128).
static WATCHES: OnceLock<Mutex<Watches>> = OnceLock::new();

#[derive(Debug)]
struct Watches {
    watcher: RecommendedWatcher,
    folders: HashMap<PathBuf, Folder>,
    sets: HashMap<SetId, Set>,
    last_id: SetId,
}

/// A folder under watch.
#[derive(Debug)]
struct Folder {
    /// What it was when the watch began: another may have taken its place.
    stamp: Stamp,
    /// How many sets have files in it.
    sets: usize,
}

#[derive(Debug, Default)]
struct Set {
    files: HashMap<PathBuf, Stamp>,
    folders: HashSet<PathBuf>,
    pending: BTreeSet<PathBuf>,
    changed: Arc<Notify>,
}

/// How a file was when last looked at; `None` when it was not there.
type Stamp = Option<Identity>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    inode: u64,
    /// Absent for folders, which change with every file in them.
    content: Option<(u64, Option<SystemTime>)>,
}

// === impl Watcher ===

impl Watcher {
    /// Watches `files`, absolute paths of files that exist or may come to. A folder among them changes
    /// when a file is added to it or removed from it.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, WatchError> {
        let watcher = {
            let mut watches = watches()?;
            watches.last_id += 1;
            let (id, set) = (watches.last_id, Set::default());
            let changed = set.changed.clone();
            watches.sets.insert(id, set);
            Self { id, changed }
        };
        watcher.set(files, SystemTime::now())?;
        Ok(watcher)
    }

    /// Watches `files` from now on, and no others. Those modified after `read_at`, when the bundle made of them
    /// began to be made, count as changed.
    pub fn set(&self, files: impl IntoIterator<Item = PathBuf>, read_at: SystemTime) -> Result<(), WatchError> {
        let mut watches = watches()?;
        let Watches { watcher, folders, sets, .. } = &mut *watches;
        let Some(set) = sets.get_mut(&self.id) else { return Ok(()) };
        set.replace(files, read_at);
        set.tell();
        set.watch_folders(watcher, folders)
    }

    /// Waits for a change and returns the files that changed: written, replaced, created or removed.
    /// Changes between two calls are not lost, nor is one that happens while a call is cancelled.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        loop {
            let pending = self.take_pending();
            if !pending.is_empty() {
                return pending.into_iter().collect();
            }
            self.changed.notified().await;
        }
    }

    fn take_pending(&self) -> BTreeSet<PathBuf> {
        let mut watches = watches().ok();
        let set = watches.as_mut().and_then(|watches| watches.sets.get_mut(&self.id));
        set.map(|set| std::mem::take(&mut set.pending)).unwrap_or_default()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let Ok(mut watches) = watches() else { return };
        let Some(set) = watches.sets.remove(&self.id) else { return };
        let Watches { watcher, folders, .. } = &mut *watches;
        for folder in set.folders {
            unwatch(watcher, folders, &folder);
        }
    }
}

/// The process's watches; the first call begins them.
fn watches() -> Result<MutexGuard<'static, Watches>, WatchError> {
    // A panic while it is held leaves at worst a stale stamp, which only tells a change twice.
    let lock = |watches: &'static Mutex<Watches>| watches.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(watches) = WATCHES.get() {
        return Ok(lock(watches));
    }
    let (events, received) = mpsc::channel();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Opening and reading is what bundling does; errors (an overflown queue) are a reason to look again.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = events.send(());
        }
    })
    .map_err(|source| WatchError { folder: PathBuf::new(), source })?;
    std::thread::Builder::new()
        .name("bundle-watch".into())
        .spawn(move || observe(&received))
        .map_err(|error| WatchError { folder: PathBuf::new(), source: notify::Error::io(error) })?;
    // Another thread may have been first: then ours ends with its watcher.
    let ours = Watches { watcher, folders: HashMap::new(), sets: HashMap::new(), last_id: 0 };
    let _ = WATCHES.set(Mutex::new(ours));
    watches()
}

/// Waits for events to settle, then looks.
fn observe(events: &Receiver<()>) {
    while events.recv().is_ok() {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match events.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        let Ok(mut watches) = watches() else { return };
        watches.look();
    }
}

// === impl Watches ===

impl Watches {
    /// Tells each set what has changed in it.
    fn look(&mut self) {
        let Self { watcher, folders, sets, .. } = self;
        // A folder may have gone, or been replaced. The watch of one that was removed went with it.
        folders.retain(|folder, known| {
            let stays = Identity::of_folder(folder) == known.stamp;
            if !stays {
                let _ = watcher.unwatch(folder);
            }
            stays
        });
        for set in sets.values_mut() {
            set.look();
            set.folders.retain(|folder| folders.contains_key(folder));
            // What comes with a folder has no event of its own before the folder is under watch, so look again after.
            match set.watch_folders(watcher, folders) {
                Ok(()) => set.look(),
                Err(error) => tracing::warn!("{error}"),
            }
            set.tell();
        }
    }
}

// === impl Set ===

impl Set {
    fn replace(&mut self, files: impl IntoIterator<Item = PathBuf>, read_at: SystemTime) {
        let mut before = std::mem::take(&mut self.files);
        let is_first = before.is_empty();
        // A file from the future would never cease to be newer than the bundle.
        let now = SystemTime::now();
        for file in files {
            let file = normalize(&file);
            let stamp = Identity::of_file(&file);
            let modified = stamp.as_ref().and_then(|identity| identity.content?.1);
            let (known_otherwise, may_grow) = match before.remove(&file) {
                Some(known) => (known != stamp, false),
                // It has just come, and a write that had begun before it was watched may have ended after it was read.
                None => (false, !is_first && modified.is_some_and(|modified| read_at < modified + FRESH)),
            };
            if known_otherwise || may_grow || modified.is_some_and(|modified| read_at < modified && modified <= now) {
                self.pending.insert(file.clone());
            }
            self.files.insert(file, stamp);
        }
        let files = &self.files;
        self.pending.retain(|file| files.contains_key(file));
    }

    /// Compares the files with how they were.
    fn look(&mut self) {
        for (file, stamp) in &mut self.files {
            let now = Identity::of_file(file);
            if now != *stamp {
                *stamp = now;
                self.pending.insert(file.clone());
            }
        }
    }

    fn tell(&self) {
        if !self.pending.is_empty() {
            self.changed.notify_one();
        }
    }

    /// Watches the folder of every file, or the nearest one that exists.
    fn watch_folders(
        &mut self,
        watcher: &mut RecommendedWatcher,
        folders: &mut HashMap<PathBuf, Folder>,
    ) -> Result<(), WatchError> {
        let folder_of = |file: &PathBuf| {
            // A folder among the files is watched for what comes and goes in it.
            let from = if file.is_dir() { 0 } else { 1 };
            file.ancestors().skip(from).find(|folder| folder.is_dir()).map(PathBuf::from)
        };
        let wanted: HashSet<PathBuf> = self.files.keys().filter_map(folder_of).collect();
        self.folders.retain(|folder| {
            let stays = wanted.contains(folder);
            if !stays {
                unwatch(watcher, folders, folder);
            }
            stays
        });
        for folder in wanted {
            if self.folders.contains(&folder) {
                continue;
            }
            match watch(watcher, folders, &folder) {
                Ok(()) => {
                    self.folders.insert(folder);
                }
                // It went away just now, which its parent's events tell.
                Err(_) if !folder.is_dir() => {}
                Err(source) => return Err(WatchError { folder, source }),
            }
        }
        Ok(())
    }
}

/// Watches a folder for one set more.
fn watch(
    watcher: &mut RecommendedWatcher,
    folders: &mut HashMap<PathBuf, Folder>,
    folder: &Path,
) -> Result<(), notify::Error> {
    if let Some(known) = folders.get_mut(folder) {
        known.sets += 1;
        return Ok(());
    }
    let stamp = Identity::of_folder(folder);
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    folders.insert(folder.to_owned(), Folder { stamp, sets: 1 });
    Ok(())
}

/// Watches a folder for one set less.
fn unwatch(watcher: &mut RecommendedWatcher, folders: &mut HashMap<PathBuf, Folder>, folder: &Path) {
    let Some(known) = folders.get_mut(folder) else { return };
    known.sets -= 1;
    if known.sets == 0 {
        // It fails for a folder that is gone: its watch went with it.
        let _ = watcher.unwatch(folder);
        folders.remove(folder);
    }
}

// === impl Identity ===

impl Identity {
    fn of_file(path: &Path) -> Stamp {
        let metadata = fs::metadata(path).ok()?;
        Some(Self { inode: inode(&metadata), content: Some((metadata.len(), metadata.modified().ok())) })
    }

    fn of_folder(path: &Path) -> Stamp {
        Some(Self { inode: inode(&fs::metadata(path).ok()?), content: None })
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

fn hint(error: &notify::Error) -> &'static str {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => " Raise the limit: sysctl fs.inotify.max_user_watches=524288.",
        _ => "",
    }
}

/// `path` without `.` and `..`, as far as text alone can tell.
pub(crate) fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests;

//! Tells when the files of a bundle change, for reload on save.
//!
//! What is watched is the folders of the files, for editors replace files rather than write to them and files
//! may not exist yet. Events only say that it is time to look: what changed is decided by comparing the files
//! with how they were, so noise in a folder is not a change and a change is never told twice.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// A save is over when nothing has happened for this long …
const QUIET: Duration = Duration::from_millis(25);
/// … or when it has gone on for this long.
const PATIENCE: Duration = Duration::from_millis(250);

/// A debounced watch over a set of files. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
}

/// The operating system refused to watch a folder.
#[derive(Debug, thiserror::Error)]
#[error("Cannot watch {} for changes: {source}.{}", .folder.display(), hint(.source))]
pub struct WatchError {
    folder: PathBuf,
    source: notify::Error,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    watcher: RecommendedWatcher,
    files: HashMap<PathBuf, Stamp>,
    /// The folders under watch, each with what it was when the watch began: another may have taken its place.
    folders: HashMap<PathBuf, Stamp>,
    pending: BTreeSet<PathBuf>,
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
        let (events, received) = mpsc::channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Opening and reading is what bundling does; errors (an overflown queue) are a reason to look again.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                // The other end goes away with the `Watcher`.
                let _ = events.send(());
            }
        })
        .map_err(|source| WatchError { folder: PathBuf::new(), source })?;
        let state = State { watcher, files: HashMap::new(), folders: HashMap::new(), pending: BTreeSet::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
        let observer = Arc::downgrade(&shared);
        std::thread::Builder::new()
            .name("bundle-watch".into())
            .spawn(move || observe(&received, &observer))
            .map_err(|error| WatchError { folder: PathBuf::new(), source: notify::Error::io(error) })?;
        let watcher = Self { shared };
        watcher.set(files, SystemTime::now())?;
        Ok(watcher)
    }

    /// Watches `files` from now on, and no others. Those modified after `read_at`, when the bundle made of them
    /// began to be made, count as changed.
    pub fn set(&self, files: impl IntoIterator<Item = PathBuf>, read_at: SystemTime) -> Result<(), WatchError> {
        let mut state = self.shared.state();
        let mut before = std::mem::take(&mut state.files);
        // A file from the future would never cease to be newer than the bundle.
        let now = SystemTime::now();
        for file in files {
            let file = normalize(&file);
            let stamp = Identity::of_file(&file);
            let modified = stamp.as_ref().and_then(|identity| identity.content?.1);
            let known_otherwise = before.remove(&file).is_some_and(|known| known != stamp);
            if known_otherwise || modified.is_some_and(|modified| read_at < modified && modified <= now) {
                state.pending.insert(file.clone());
            }
            state.files.insert(file, stamp);
        }
        let State { pending, files, .. } = &mut *state;
        pending.retain(|file| files.contains_key(file));
        if !state.pending.is_empty() {
            self.shared.changed.notify_one();
        }
        state.watch_folders()
    }

    /// Waits for a change and returns the files that changed: written, replaced, created or removed.
    /// Changes between two calls are not lost, nor is one that happens while a call is cancelled.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        loop {
            let pending = std::mem::take(&mut self.shared.state().pending);
            if !pending.is_empty() {
                return pending.into_iter().collect();
            }
            self.shared.changed.notified().await;
        }
    }
}

/// Waits for events to settle, then looks. Ends with the watcher, whose end of the channel goes with it.
fn observe(events: &Receiver<()>, shared: &Weak<Shared>) {
    while events.recv().is_ok() {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match events.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        let Some(shared) = shared.upgrade() else { return };
        let mut state = shared.state();
        state.look();
        // A folder may have come, gone or been replaced. What comes with a folder has no event of its own
        // before the folder is under watch, so look again after.
        match state.watch_folders() {
            Ok(()) => state.look(),
            Err(error) => tracing::warn!("{error}"),
        }
        if !state.pending.is_empty() {
            shared.changed.notify_one();
        }
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it is held leaves at worst a stale stamp, which only tells a change twice.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
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

    /// Watches the folder of every file, or the nearest one that exists.
    fn watch_folders(&mut self) -> Result<(), WatchError> {
        let folder_of = |file: &PathBuf| {
            // A folder among the files is watched for what comes and goes in it.
            let from = if file.is_dir() { 0 } else { 1 };
            file.ancestors().skip(from).find(|folder| folder.is_dir()).map(PathBuf::from)
        };
        let wanted: HashSet<PathBuf> = self.files.keys().filter_map(folder_of).collect();
        let gone: Vec<_> = self
            .folders
            .iter()
            .filter(|(folder, stamp)| !wanted.contains(*folder) || Identity::of_folder(folder) != **stamp)
            .map(|(folder, _)| folder.clone())
            .collect();
        for folder in gone {
            // The watch of a folder that was removed went with it.
            let _ = self.watcher.unwatch(&folder);
            self.folders.remove(&folder);
        }
        for folder in wanted {
            if self.folders.contains_key(&folder) {
                continue;
            }
            let stamp = Identity::of_folder(&folder);
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder, stamp);
                }
                // It went away just now, which its parent's events tell.
                Err(_) if !folder.is_dir() => {}
                Err(source) => return Err(WatchError { folder, source }),
            }
        }
        Ok(())
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

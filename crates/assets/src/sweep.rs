//! What no version needs any more goes: manifests first, then the files that no manifest names.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::store::names;
use crate::{Account, ManifestId};

/// How long a manifest stays that no version names: longer than the time that an upload has, and what comes after it.
pub const FRESH: Duration = Duration::from_secs(3 * 60 * 60);

// === impl Account ===

impl Account {
    /// Removes all but what the manifests in `named` need and what an upload may be about to name. Returns how many files went.
    pub fn sweep(&self, named: &BTreeSet<ManifestId>) -> io::Result<usize> {
        let _lock = self.lock();
        let manifests = self.folder("manifests");
        let mut needed = HashSet::new();
        for name in names(&manifests)? {
            let Ok(id) = ManifestId::try_from(name) else { continue };
            let path = manifests.join(id.as_str());
            if !named.contains(&id) && !is_fresh(&path)? {
                fs::remove_file(path)?;
            } else if let Some(manifest) = self.manifest(&id)? {
                needed.extend(manifest.files().into_keys().map(|hash| hash.as_str().to_owned()));
            }
        }
        let mut removed = 0;
        let files = self.folder("files");
        for digits in names(&files)? {
            for name in names(&files.join(&digits))? {
                if !needed.contains(&name) {
                    fs::remove_file(files.join(&digits).join(name))?;
                    removed += 1;
                }
            }
        }
        let incoming = self.folder("incoming");
        for name in names(&incoming)? {
            let path = incoming.join(name);
            if !is_fresh(&path)? {
                fs::remove_file(path)?;
            }
        }
        Ok(removed)
    }
}

/// A file that has gone meanwhile counts as fresh: there is nothing to remove.
fn is_fresh(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        known => Ok(known?.modified()?.elapsed().map_or(true, |age| age < FRESH)),
    }
}

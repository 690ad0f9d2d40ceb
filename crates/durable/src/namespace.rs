//! A namespace: the objects of one class, a database file each, in one folder.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use store::quota::Quota;

use crate::files::{Files, Folder};
use crate::{Alarms, Error, ObjectId, Storage};

/// The objects of one class. Its folder is made when the first of them stores something.
#[derive(Debug)]
pub struct Namespace {
    key: String,
    folder: Arc<Folder>,
    alarms: Alarms,
    /// Its owner's.
    quota: OnceLock<Quota>,
}

// === impl Namespace ===

impl Namespace {
    /// The namespace of this key, unlike any other's on this machine, with its files below `root`.
    pub fn new(key: impl Into<String>, root: &Path) -> Self {
        let key = key.into();
        let folder = root.join(folder_name(&key));
        Self {
            alarms: Alarms::new(folder.join("alarms.sqlite")),
            key,
            folder: Arc::new(Folder::new(folder)),
            quota: OnceLock::new(),
        }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// Opens an object's storage. Only one may be open at a time. `history`: what it was before can be restored.
    pub fn open(&self, id: &ObjectId, history: bool) -> Result<Storage, Error> {
        let mut storage = Storage::open(self.files(id), history.then_some(*id))?;
        if let Some(quota) = self.quota.get() {
            storage.charge(quota);
        }
        Ok(storage)
    }

    /// What objects that are opened from now on store needs room in this quota, which has what is stored already.
    pub fn charge(&self, quota: &Quota) {
        // Whose class it is never changes.
        let _ = self.quota.set(quota.clone());
    }

    /// Bytes of the databases of all objects.
    pub fn size(&self) -> io::Result<u64> {
        let entries = match std::fs::read_dir(&self.folder.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            entries => entries?,
        };
        let mut bytes = 0;
        for entry in entries {
            let entry = entry?;
            if entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_suffix(".sqlite"))
                .is_some_and(|stem| stem.parse::<ObjectId>().is_ok())
            {
                match entry.metadata() {
                    Ok(file) => bytes += file.len(),
                    // It has gone meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(bytes)
    }

    /// Whether the object has stored anything.
    pub fn has(&self, id: &ObjectId) -> bool {
        self.files(id).database.exists()
    }

    /// The objects that have stored something, in the order of their ids from the one after `after`, with the bytes of their databases.
    pub fn stored(&self, after: Option<&ObjectId>, most: usize) -> io::Result<Vec<(ObjectId, u64)>> {
        let entries = match std::fs::read_dir(&self.folder.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut first = BTreeMap::new();
        for entry in entries {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".sqlite"));
            let Some(id) = stem.and_then(|stem| stem.parse::<ObjectId>().ok()) else { continue };
            if after.is_some_and(|after| id.as_bytes() <= after.as_bytes()) {
                continue;
            }
            first.insert(*id.as_bytes(), id);
            if first.len() > most {
                first.pop_last();
            }
        }
        let size = |id: &ObjectId| std::fs::metadata(self.files(id).database).map_or(0, |metadata| metadata.len());
        Ok(first.into_values().map(|id| (id, size(&id))).collect())
    }

    fn files(&self, id: &ObjectId) -> Files {
        Files::new(self.folder.clone(), &id.to_string())
    }

    /// Whether anything was ever stored here.
    pub fn exists(&self) -> bool {
        self.folder.path.exists()
    }
}

/// A namespace's key as the name of a folder: letters, digits, hyphens and underscores as they are, all else escaped.
pub(crate) fn folder_name(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte as char),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_with_storage_are_listed_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let namespace = Namespace::new("class", folder.path());
        assert!(namespace.stored(None, 10).unwrap().is_empty());
        let mut ids: Vec<ObjectId> = (0..5).map(|name| ObjectId::from_name("class", None, &name.to_string())).collect();
        for id in &ids {
            let mut storage = namespace.open(id, false).unwrap();
            storage.put("key", b"value").unwrap();
            storage.commit().unwrap();
        }
        ids.sort_by_key(|id| *id.as_bytes());
        let first = namespace.stored(None, 3).unwrap();
        assert_eq!(first.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[..3]);
        assert!(first.iter().all(|(_, size)| *size > 0));
        let rest = namespace.stored(Some(&ids[2]), 3).unwrap();
        assert_eq!(rest.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[3..]);
    }
}

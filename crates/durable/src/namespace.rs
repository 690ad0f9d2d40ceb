//! A namespace: the objects of one class, a database file each, in one folder.

use std::path::Path;
use std::sync::Arc;

use crate::files::{Files, Folder};
use crate::{Alarms, Error, ObjectId, Storage};

/// The objects of one class. Its folder is made when the first of them stores something.
#[derive(Debug)]
pub struct Namespace {
    key: String,
    folder: Arc<Folder>,
    alarms: Alarms,
}

// === impl Namespace ===

impl Namespace {
    /// The namespace of this key, unlike any other's on this machine, with its files below `root`.
    pub fn new(key: impl Into<String>, root: &Path) -> Self {
        let key = key.into();
        let folder = root.join(folder_name(&key));
        Self { alarms: Alarms::new(folder.join("alarms.sqlite")), key, folder: Arc::new(Folder::new(folder)) }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// Opens an object's storage. Only one may be open at a time. `history`: what it was before can be restored.
    pub fn open(&self, id: &ObjectId, history: bool) -> Result<Storage, Error> {
        Storage::open(self.files(id), history.then_some(*id))
    }

    /// Whether the object has stored anything.
    pub fn has(&self, id: &ObjectId) -> bool {
        self.files(id).database.exists()
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

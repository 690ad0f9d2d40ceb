//! Files and manifests on disk, each account's in a folder of its own: `files/<two digits>/<hash>` and `manifests/<id>`. What is
//! written is on the disk before it has its name there, so a crash leaves nothing half done but in `incoming/`.
//!
//! A file begins with [`HEAD`] bytes that hold its content type, so one rename brings both.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::HeaderValue;

use crate::{Body, Hash, Manifest, ManifestId};

/// Bytes before a file's own: its content type, filled up with line feeds.
pub(crate) const HEAD: usize = 256;

/// The assets of all accounts. Clones are the same store.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    root: PathBuf,
    accounts: Mutex<HashMap<String, Account>>,
}

/// The assets of one account. What it does blocks; clones are the same.
#[derive(Clone)]
pub struct Account(Arc<Folder>);

struct Folder {
    path: PathBuf,
    /// Held while it is found out which files are missing, and while files are removed.
    lock: Mutex<()>,
    /// Makes names in `incoming/` differ.
    written: AtomicU64,
}

/// A file to be read.
#[derive(Debug)]
pub struct File {
    pub(crate) file: fs::File,
    /// Where in `file` it begins.
    pub(crate) at: u64,
    pub content_type: Option<HeaderValue>,
    /// Bytes.
    pub size: u64,
}

// === impl Store ===

impl Store {
    pub fn new(root: PathBuf) -> Self {
        Self(Arc::new(Inner { root, accounts: Mutex::default() }))
    }

    /// `id`: an account's, which becomes the name of its folder.
    pub fn account(&self, id: &str) -> Account {
        let mut accounts = self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = || Folder { path: self.0.root.join(id), lock: Mutex::default(), written: AtomicU64::new(0) };
        accounts.entry(id.to_owned()).or_insert_with(|| Account(Arc::new(folder()))).clone()
    }

    /// The accounts that have assets.
    pub fn accounts(&self) -> io::Result<Vec<String>> {
        names(&self.0.root)
    }
}

// === impl Account ===

impl Account {
    /// Keeps a manifest, and says which of its files are missing, each with its size. From now on none of them goes before the
    /// time for an upload is over.
    pub fn begin(&self, manifest: &Manifest) -> io::Result<(ManifestId, Vec<(Hash, u64)>)> {
        let (text, id) = manifest.write()?;
        let _lock = self.lock();
        let path = self.manifest_path(&id);
        if !path.try_exists()? {
            self.write(&path, &[&text])?;
        }
        self.renew(&id)?;
        Ok((id, self.missing(manifest)?))
    }

    /// Nothing that the manifest names goes before the time for an upload is over again.
    pub fn renew(&self, id: &ManifestId) -> io::Result<()> {
        fs::File::open(self.manifest_path(id))?.set_modified(SystemTime::now())
    }

    /// The manifest of this name.
    pub fn manifest(&self, id: &ManifestId) -> io::Result<Option<Manifest>> {
        let text = match fs::read(self.manifest_path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        Ok(Some(serde_json::from_slice(&text)?))
    }

    /// The files that a manifest names and that are not here, each with its size.
    pub fn missing(&self, manifest: &Manifest) -> io::Result<Vec<(Hash, u64)>> {
        let mut missing = Vec::new();
        for (hash, size) in manifest.files() {
            match fs::metadata(self.file_path(hash)) {
                Ok(known) if known.len() == HEAD as u64 + size => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => missing.push((hash.clone(), size)),
            }
        }
        Ok(missing)
    }

    /// Keeps a file. Returns when it is on the disk.
    pub fn put(&self, hash: &Hash, content_type: Option<&HeaderValue>, bytes: &[u8]) -> io::Result<()> {
        let content_type = content_type.map_or(&b""[..], HeaderValue::as_bytes);
        if content_type.len() >= HEAD {
            return Err(io::Error::other("the content type is too long"));
        }
        let mut head = [b'\n'; HEAD];
        head[..content_type.len()].copy_from_slice(content_type);
        self.write(&self.file_path(hash), &[&head, bytes])
    }

    /// Whether there is a file of this hash.
    pub fn has(&self, hash: &Hash) -> bool {
        self.file_path(hash).exists()
    }

    /// Bytes of all files and manifests.
    pub fn size(&self) -> io::Result<u64> {
        let mut folders = vec![self.folder("manifests")];
        let files = self.folder("files");
        folders.extend(names(&files)?.iter().map(|digits| files.join(digits)));
        let mut bytes = 0;
        for folder in folders {
            for name in names(&folder)? {
                match fs::metadata(folder.join(name)) {
                    Ok(file) => bytes += file.len(),
                    // It has gone meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(bytes)
    }

    pub fn open(&self, hash: &Hash) -> io::Result<File> {
        let file = fs::File::open(self.file_path(hash))?;
        let mut head = [0; HEAD];
        file.read_exact_at(&mut head, 0)?;
        let content_type = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let content_type = (!content_type.is_empty()).then(|| HeaderValue::from_bytes(content_type)).transpose();
        let content_type = content_type.map_err(io::Error::other)?;
        let size = file.metadata()?.len().saturating_sub(HEAD as u64);
        Ok(File { file, at: HEAD as u64, content_type, size })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.0.path.join(name)
    }

    fn file_path(&self, hash: &Hash) -> PathBuf {
        let name = hash.as_str();
        self.folder("files").join(&name[..2]).join(name)
    }

    fn manifest_path(&self, id: &ManifestId) -> PathBuf {
        self.folder("manifests").join(id.as_str())
    }

    /// Writes a file so that it is there whole or not at all, whatever happens meanwhile.
    fn write(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        let folder = path.parent().ok_or_else(|| io::Error::other("a file has a folder"))?;
        let incoming = self.folder("incoming");
        make_folder(&incoming)?;
        make_folder(folder)?;
        let number = self.0.written.fetch_add(1, Ordering::Relaxed);
        let temporary = incoming.join(format!("{}-{number}", std::process::id()));
        let written = (|| {
            let mut file = fs::File::create(&temporary)?;
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            fs::File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            // What could not be kept is not left behind; that it can't be removed either says nothing more.
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

// === impl File ===

impl File {
    pub(crate) fn into_body(self) -> io::Result<Body> {
        Body::begin(self.file, self.at, self.size)
    }
}

/// Makes a folder with those above it, all of them on the disk when it returns.
fn make_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folder(above)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => fs::File::open(above)?.sync_all()?,
        }
    }
    Ok(())
}

/// The names in a folder, where there is one.
pub(crate) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}

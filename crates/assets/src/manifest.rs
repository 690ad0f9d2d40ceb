//! Which path leads to which file. A manifest never changes; it is named by the SHA-256 of its text.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::Hash;

/// The largest file: <https://developers.cloudflare.com/workers/platform/limits/#static-assets>
pub const MAX_FILE: u64 = 25 << 20;
/// The longest path, in bytes.
const MAX_PATH: usize = 2048;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub hash: Hash,
    /// Bytes.
    pub size: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Manifest(BTreeMap<String, Entry>);

/// 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ManifestId(Box<str>);

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("the manifest has {files} files, but there may be {most}")]
    TooMany { files: usize, most: usize },
    #[error("the path {0:?} does not begin with a slash, or is longer than {MAX_PATH} bytes")]
    Path(String),
    #[error("{path:?} has {size} bytes, but a file may have {MAX_FILE}")]
    TooLarge { path: String, size: u64 },
    #[error("two files have the hash {0}, but not the same size")]
    Contradiction(Hash),
}

// === impl Manifest ===

impl Manifest {
    /// The object of an upload's `manifest`, with `most` files.
    pub fn read(json: &serde_json::Value, most: usize) -> Result<Self, ManifestError> {
        let manifest = Self::deserialize(json)?;
        manifest.check(most)?;
        Ok(manifest)
    }

    /// Of these paths, at most `most`.
    pub(crate) fn new(files: impl IntoIterator<Item = (String, Entry)>, most: usize) -> Result<Self, ManifestError> {
        let manifest = Self(files.into_iter().collect());
        manifest.check(most)?;
        Ok(manifest)
    }

    fn check(&self, most: usize) -> Result<(), ManifestError> {
        let files = self.0.len();
        if files > most {
            return Err(ManifestError::TooMany { files, most });
        }
        let mut sizes = HashMap::new();
        for (path, Entry { hash, size }) in &self.0 {
            if !path.starts_with('/') || path.len() > MAX_PATH {
                return Err(ManifestError::Path(path.chars().take(MAX_PATH).collect()));
            }
            check_size(path, *size)?;
            if *sizes.entry(hash).or_insert(*size) != *size {
                return Err(ManifestError::Contradiction(hash.clone()));
            }
        }
        Ok(())
    }

    /// Its text, and its name.
    pub(crate) fn write(&self) -> Result<(Vec<u8>, ManifestId), serde_json::Error> {
        let text = serde_json::to_vec(self)?;
        let digits: String = digest(&SHA256, &text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((text, ManifestId(digits.into())))
    }

    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.0.get(path)
    }

    /// Each file once, by its hash, with its size.
    pub fn files(&self) -> BTreeMap<&Hash, u64> {
        self.0.values().map(|entry| (&entry.hash, entry.size)).collect()
    }

    pub fn paths(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }
}

pub(crate) fn check_size(path: &str, size: u64) -> Result<(), ManifestError> {
    match size > MAX_FILE {
        true => Err(ManifestError::TooLarge { path: path.to_owned(), size }),
        false => Ok(()),
    }
}

// === impl ManifestId ===

impl ManifestId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ManifestId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let legal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == 64 && text.bytes().all(legal) {
            true => Ok(Self(text.into())),
            false => Err("a manifest is named by 64 hexadecimal digits".into()),
        }
    }
}

impl From<ManifestId> for String {
    fn from(id: ManifestId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for ManifestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

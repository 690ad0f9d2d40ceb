//! A folder of static assets that is served where it lies, for development: what wrangler would upload of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{fs, io};

use http::HeaderValue;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::store::File;
use crate::{Entry, Hash, Manifest, ManifestError};

/// Patterns of what is not served, as in `.gitignore`.
const IGNORE: &str = ".assetsignore";
const HEADERS: &str = "_headers";
const REDIRECTS: &str = "_redirects";
/// Content types by extension, those of wrangler's (third_party/mime/README.md).
static TYPES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    include_str!("../../../third_party/mime/types.txt").lines().filter_map(|line| line.split_once(' ')).collect()
});
/// The code of a Pages project: nobody means to show it.
const PAGES_WORKER: &str = "_worker.js";

/// The files of a folder, as they were when it was read.
pub struct Folder {
    files: HashMap<Hash, Listed>,
}

struct Listed {
    path: PathBuf,
    content_type: Option<HeaderValue>,
}

/// What there is in a folder.
pub struct Listing {
    pub folder: Folder,
    pub manifest: Manifest,
    /// The text of `_headers`.
    pub headers: Option<String>,
    /// The text of `_redirects`.
    pub redirects: Option<String>,
}

/// Why a folder can't be served.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{} can't be read: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is no text in UTF-8", .0.display())]
    NoText(PathBuf),
    #[error("{}", .0)]
    Ignore(#[from] ignore::Error),
    #[error(
        "{} is a Pages project's code, which would be shown to everybody as a static asset: move it elsewhere, or write {PAGES_WORKER} into {IGNORE} \
         in the folder of the assets. An empty {IGNORE} says that it is meant to be shown.",
        .0.display()
    )]
    PagesWorker(PathBuf),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

// === impl Folder ===

impl Folder {
    /// Reads the folder `root`, of at most `most` files. `watch` gets the files and folders whose changes change what there is, also where it
    /// fails.
    pub fn read(root: &Path, most: usize, watch: &mut Vec<PathBuf>) -> Result<Listing, FolderError> {
        watch.extend([root.to_owned()].into_iter().chain([HEADERS, REDIRECTS, IGNORE].map(|name| root.join(name))));
        let ignored = ignored(root)?;
        let mut listing = Listing {
            folder: Self { files: HashMap::new() },
            manifest: Manifest::default(),
            headers: text(&root.join(HEADERS))?,
            redirects: text(&root.join(REDIRECTS))?,
        };
        let mut found = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            watch.push(folder.clone());
            for entry in fs::read_dir(&folder).map_err(unreadable(&folder))? {
                let entry = entry.map_err(unreadable(&folder))?;
                let path = entry.path();
                let is_folder = entry.file_type().map_err(unreadable(&path))?.is_dir();
                if ignored.matched(&path, is_folder).is_ignore() {
                    continue;
                }
                match is_folder {
                    true => folders.push(path),
                    // A link to a folder is not followed.
                    false if path.is_dir() => {}
                    false => {
                        watch.push(path.clone());
                        listing.add(root, path, &mut found)?;
                    }
                }
            }
        }
        listing.manifest = Manifest::new(found, most)?;
        Ok(listing)
    }

    pub(crate) fn open(&self, hash: &Hash) -> io::Result<File> {
        let listed = self.files.get(hash).ok_or(io::ErrorKind::NotFound)?;
        let file = fs::File::open(&listed.path)?;
        let size = file.metadata()?.len();
        Ok(File { file, at: 0, content_type: listed.content_type.clone(), size })
    }
}

// === impl Listing ===

impl Listing {
    fn add(&mut self, root: &Path, path: PathBuf, found: &mut Vec<(String, Entry)>) -> Result<(), FolderError> {
        // A path of an URL is text: others lead to no file.
        let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str).map(|name| format!("/{name}")) else {
            tracing::warn!(path = %path.display(), "the name of a static asset is no text in UTF-8: it is not served");
            return Ok(());
        };
        if name.strip_prefix('/').is_some_and(|name| name.starts_with(PAGES_WORKER)) && !root.join(IGNORE).exists() {
            return Err(FolderError::PagesWorker(path));
        }
        let bytes = read_whole(&name, &path)?;
        let hash = hash(&path, &bytes)?;
        found.push((name, Entry { hash: hash.clone(), size: bytes.len() as u64 }));
        let content_type = content_type(&path);
        self.folder.files.insert(hash, Listed { path, content_type });
        Ok(())
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    |source| FolderError::Unreadable { path: path.to_owned(), source }
}

/// A file that somebody may be writing: it is read again until it has been read to its end. A watch tells of a change that it has seen begin, and
/// of one write the end goes unseen.
fn read_whole(name: &str, path: &Path) -> Result<Vec<u8>, FolderError> {
    let size = || fs::metadata(path).map(|file| file.len()).map_err(unreadable(path));
    loop {
        crate::manifest::check_size(name, size()?)?;
        let bytes = fs::read(path).map_err(unreadable(path))?;
        if size()? == bytes.len() as u64 {
            return Ok(bytes);
        }
    }
}

/// What is in a file of text, where there is one.
fn text(path: &Path) -> Result<Option<String>, FolderError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => match String::from_utf8(bytes.map_err(unreadable(path))?) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(FolderError::NoText(path.to_owned())),
        },
    }
}

fn ignored(root: &Path) -> Result<Gitignore, FolderError> {
    let mut patterns = GitignoreBuilder::new(root);
    for name in [IGNORE, HEADERS, REDIRECTS] {
        patterns.add_line(None, &format!("/{name}"))?;
    }
    let path = root.join(IGNORE);
    for line in text(&path)?.unwrap_or_default().lines() {
        patterns.add_line(Some(path.clone()), line)?;
    }
    Ok(patterns.build()?)
}

/// The name that wrangler gives a file: BLAKE3 over its base64 text and its extension.
fn hash(path: &Path, bytes: &[u8]) -> Result<Hash, FolderError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(base64_simd::STANDARD.encode_to_string(bytes).as_bytes());
    hasher.update(path.extension().unwrap_or_default().as_encoded_bytes());
    let digits = hasher.finalize().to_hex()[..32].to_owned();
    Hash::try_from(digits).map_err(|why| unreadable(path)(io::Error::other(why)))
}

/// As wrangler finds it: by what follows the last dot.
fn content_type(path: &Path) -> Option<HeaderValue> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let kind = TYPES.get(name.rsplit_once('.')?.1)?;
    let text = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { (*kind).to_owned() };
    HeaderValue::try_from(text).ok()
}

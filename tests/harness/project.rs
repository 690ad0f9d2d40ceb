//! A Worker's source tree in a temporary folder.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub struct Project {
    folder: TempDir,
}

// === impl Project ===

impl Project {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: TempDir::with_prefix("skerry-journey-").expect("a temporary folder") }
    }

    /// A Worker of one JavaScript module, with the least configuration.
    pub fn worker(source: &str) -> Self {
        Self::configured("", source)
    }

    /// A Worker of one JavaScript module, with more lines for its wrangler.toml.
    pub fn configured(more: &str, source: &str) -> Self {
        Self::named("journey", more, source)
    }

    /// The same, with a name of its own.
    pub fn named(name: &str, more: &str, source: &str) -> Self {
        let config = format!("name = \"{name}\"\nmain = \"index.js\"\ncompatibility_date = \"2026-01-01\"\n{more}\n");
        Self::empty().file("wrangler.toml", &config).file("index.js", source)
    }

    /// Writes a file, with the folders that lead to it.
    pub fn file(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.write(path, contents);
        self
    }

    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders for a file");
        std::fs::write(&path, contents).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// A copy of a folder of the repository, so that a run leaves no state in it.
    pub fn copy_of(folder: impl AsRef<Path>) -> Self {
        let project = Self::empty();
        copy(&crate::root().join(folder), project.path());
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }
}

fn copy(from: &Path, to: &Path) {
    let entries = std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.expect("a folder's entry");
        let target = to.join(entry.file_name());
        if entry.file_name() == "node_modules" || entry.file_name() == ".skerry" {
            continue;
        }
        if entry.file_type().expect("a file's type").is_dir() {
            std::fs::create_dir_all(&target).expect("a folder's copy");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file's copy");
        }
    }
}

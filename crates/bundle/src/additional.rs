//! Modules found on disk rather than imported: `find_additional_modules`.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::Problem;
use crate::output::{Module, ModuleKind};
use crate::rules::{RuleSet, Verdict};

/// The most bytes a file may have to be read, far above the platform's script size limit.
pub(crate) const MAX_FILE: u64 = 64 << 20;
/// The most files that one Worker may be made of in this way.
const MAX_FILES: usize = 10_000;

/// A module with the file it was read from.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) module: Module,
}

/// Every file below `root` that a rule matches, named relative to `root`, without the entry point.
/// The folders looked into are added to `watch`, for another file may come.
pub(crate) fn find(
    root: &Path,
    entry: &Path,
    rules: &RuleSet,
    watch: &mut Vec<PathBuf>,
) -> Result<Vec<Found>, Problem> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if !folder.iter().any(|segment| segment == "node_modules") {
            watch.push(folder.clone());
        }
        let unreadable = |error| Problem::new(format!("Cannot list {}: {error}.", folder.display()));
        for file in fs::read_dir(&folder).map_err(unreadable)? {
            let file = file.map_err(unreadable)?;
            let path = file.path();
            let kind = file.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                if ![".wrangler", ".skerry", ".git"].iter().any(|skipped| file.file_name() == *skipped) {
                    folders.push(path);
                }
                continue;
            }
            let Some(name) = name_in(root, &path).filter(|_| path != entry) else { continue };
            match rules.of_file(&name) {
                Verdict::Unmatched => {}
                Verdict::Removed(why) => return Err(Problem::new(why)),
                Verdict::Matched(kind) => {
                    let content = read(&path).map_err(|why| Problem::new(format!("Cannot read {name}: {why}.")))?;
                    let module = Module { name, kind: ModuleKind::from(kind), content, source_map: None };
                    found.push(Found { path, module });
                }
            }
            if found.len() > MAX_FILES {
                return Err(Problem::new(format!(
                    "More than {MAX_FILES} files below {} are modules by their rules. Narrow the rules' globs or set `base_dir`.",
                    root.display()
                )));
            }
        }
    }
    found.sort_by(|a, b| a.module.name.cmp(&b.module.name));
    Ok(found)
}

/// The name of the module in the file `path`: relative to `root`, with `/` between segments.
pub(crate) fn name_in(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).ok()?;
    Some(relative.iter().map(|segment| segment.to_string_lossy()).collect::<Vec<_>>().join("/"))
}

/// The content of a file, if it is one and of a sensible size. Errors read after "Cannot read X: ".
pub(crate) fn read(path: &Path) -> Result<Bytes, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".into());
    }
    if metadata.len() > MAX_FILE {
        return Err(format!(
            "it has {} MiB, and {} MiB is the most a module may have",
            metadata.len() >> 20,
            MAX_FILE >> 20
        ));
    }
    fs::read(path).map(Bytes::from).map_err(|error| error.to_string())
}

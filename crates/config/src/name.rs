//! A Worker's name, by wrangler's rule.

use std::fmt;
use std::path::Path;

use crate::error::ConfigError;
use crate::read::{Read, Reader};
use crate::value::Value;

/// Lowercase letters, digits, `_` and `-`, not beginning with `-`, at most 63 characters: it is a host name's label too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerName(String);

const MAX_LENGTH: usize = 63;

// === impl WorkerName ===

impl WorkerName {
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        match Self::check(name) {
            Ok(()) => Ok(Self(name.to_owned())),
            Err(reason) => Err(ConfigError::Name { name: name.to_owned(), reason }),
        }
    }

    /// The name of a project that gives none: its folder's, made to fit.
    pub fn of_folder(folder: &Path) -> Self {
        Self::fitted(&folder.file_name().unwrap_or_default().to_string_lossy())
    }

    /// The name of a script without a project: the file's without its extension, made to fit.
    pub fn of_script(script: &Path) -> Self {
        Self::fitted(&script.file_stem().unwrap_or_default().to_string_lossy())
    }

    /// The name of this Worker's named environment, as wrangler makes it.
    pub(crate) fn in_environment(&self, env: &str) -> Self {
        Self::fitted(&format!("{}-{env}", self.0))
    }

    fn fitted(wish: &str) -> Self {
        let fitting: String = wish
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' })
            .take(MAX_LENGTH)
            .collect();
        match fitting.trim_matches('-') {
            "" => Self("worker".to_owned()),
            name => Self(name.to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(name: &str) -> Result<(), &'static str> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if name.is_empty() {
            Err("it is empty")
        } else if name.starts_with('-') {
            Err("it must not begin with a dash")
        } else if !name.chars().all(allowed) {
            Err("only lowercase letters, digits, dashes and underscores are allowed")
        } else if name.len() > MAX_LENGTH {
            Err("it has more than 63 characters")
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for WorkerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Read for WorkerName {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let name = String::read(value, reader)?;
        match Self::check(&name) {
            Ok(()) => Some(Self(name)),
            Err(reason) => {
                let message = format!("`{}` cannot be \"{name}\": {reason}", reader.here());
                reader.problem(&value.span, message);
                None
            }
        }
    }
}

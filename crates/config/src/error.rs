//! What can be wrong with a configuration, said so that the reader knows where to look and what to do.

use std::fmt;
use std::path::PathBuf;

/// Why a project could not be loaded. Its `Display` is complete: print it and stop.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(
        "no wrangler.json, wrangler.jsonc or wrangler.toml in {folder}. Make a project with \
         `skerry init NAME`, or name a script to run: `skerry dev {folder}/index.js`"
    )]
    NoConfig { folder: String },
    #[error("{path} does not exist")]
    NotFound { path: String },
    #[error(
        "{path} is neither a wrangler configuration (.toml, .json, .jsonc) nor a script (.js, .mjs, .ts, .mts, .jsx, .tsx)"
    )]
    UnknownFile { path: String },
    #[error("could not read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} has {size} bytes, which is too many for a configuration file", path.display())]
    TooLarge { path: PathBuf, size: u64 },
    #[error("{}", Problems(.0))]
    Invalid(Vec<Problem>),
    #[error("{message}")]
    UnknownEnvironment { name: String, message: String },
    #[error("`{argument}` is not a variable: write it as NAME:VALUE, as in `--var GREETING:hello`")]
    Variable { argument: String },
    #[error("`{name}` is not a Worker's name: {reason}")]
    Name { name: String, reason: &'static str },
}

/// One thing that is wrong at one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong and what to do about it.
    pub message: String,
    /// The line, with carets under the place.
    pub excerpt: String,
}

/// Something that does not stop the Worker but that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    pub path: PathBuf,
    /// From 1; 0 when the warning is about the whole file.
    pub line: usize,
    /// The key that it is about, as in `kv_namespaces`.
    pub key: String,
    pub message: String,
}

// === impl ConfigError ===

impl ConfigError {
    /// The problems of one file, in the order of its lines.
    pub(crate) fn invalid(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self::Invalid(problems)
    }
}

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, message, excerpt } = self;
        write!(f, "{}:{line}:{column}: {message}\n{excerpt}", path.display())
    }
}

struct Problems<'a>(&'a [Problem]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

// === impl Warning ===

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.message)
    }
}

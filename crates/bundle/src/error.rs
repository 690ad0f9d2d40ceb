//! What goes wrong while bundling, said for the person who wrote the Worker.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

/// A source tree that doesn't make a Worker: every problem found, not just the first.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", join(.problems))]
pub struct BundleError {
    pub problems: Vec<Problem>,
    /// The files to watch: a change in one of them may be the repair.
    pub watch: Vec<PathBuf>,
}

/// One error or warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, in a sentence; for an import, with its place.
    pub message: String,
    pub location: Option<Location>,
    /// The source lines around the place, with a marker under it.
    pub frame: Option<String>,
    /// What to do about it.
    pub note: Option<String>,
}

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Relative to the project's folder, with `/` between segments.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in UTF-16 code units as editors count.
    pub column: u32,
}

fn join(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

// === impl BundleError ===

impl BundleError {
    pub(crate) fn of(problem: Problem, watch: Vec<PathBuf>) -> Self {
        Self { problems: vec![problem], watch }
    }
}

// === impl Problem ===

impl Problem {
    /// A problem of the whole bundle rather than of a place in it.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: None, frame: None, note: None }
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Sources are shown to terminals, and may hold what steers them.
        let mut show = |text: &str| text.chars().try_for_each(|c| f.write_char(if steers(c) { '\u{fffd}' } else { c }));
        if let Some(location) = self.location.as_ref().filter(|at| !self.message.contains(&at.to_string())) {
            show(&format!("{location}: "))?;
        }
        show(&self.message)?;
        for part in [&self.frame, &self.note].into_iter().flatten() {
            show("\n")?;
            show(part)?;
        }
        Ok(())
    }
}

/// Whether `c` makes a terminal do something or show text out of order.
fn steers(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

// === impl Location ===

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

//! A configuration file's text, and how a place in it is shown to people.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{ConfigError, Problem};
use crate::value::{Span, Value};

/// The syntax of a file, chosen by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Toml,
    Json,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub text: String,
    pub format: Format,
}

/// Configuration is small; a file past this size is a mistake (a wrong path), not a configuration.
const MAX_BYTES: u64 = 4 << 20;

// === impl Format ===

impl Format {
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "json" | "jsonc" => Some(Self::Json),
            _ => None,
        }
    }
}

// === impl Source ===

impl Source {
    pub fn read(path: &Path, format: Format) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read { path: path.to_owned(), source };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > MAX_BYTES {
            return Err(ConfigError::TooLarge { path: path.to_owned(), size });
        }
        Ok(Self::of_text(path, std::fs::read_to_string(path).map_err(failed)?, format))
    }

    /// `path`: what errors call it.
    pub fn of_text(path: &Path, text: String, format: Format) -> Self {
        // Some editors begin a file with a byte order mark, which neither syntax knows.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Self { path: path.to_owned(), text, format }
    }

    /// The file as a tree, or its syntax errors.
    pub fn parse(&self) -> Result<Value, Vec<Problem>> {
        match self.format {
            Format::Toml => crate::toml_tree::parse(self),
            Format::Json => crate::json_tree::parse(self),
        }
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.before(offset);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    pub fn line(&self, offset: usize) -> usize {
        self.position(offset).0
    }

    pub fn problem(&self, span: &Span, message: impl Into<String>) -> Problem {
        let (line, column) = self.position(span.start);
        Problem { path: self.path.clone(), line, column, message: message.into(), excerpt: self.excerpt(span) }
    }

    /// The line that `span` begins on, with carets under the part of it that `span` covers.
    fn excerpt(&self, span: &Span) -> String {
        let (line, column) = self.position(span.start);
        let line_text = self.text.lines().nth(line - 1).unwrap_or_default();
        let covered = self.text.get(span.clone()).unwrap_or_default();
        let wanted = covered.lines().next().unwrap_or_default().chars().count();
        let (text, column) = window(line_text, column);
        let rest = text.chars().count().saturating_sub(column - 1);
        let carets = wanted.min(rest).max(1);

        // Tabs stay tabs in the margin, so that the carets line up in any terminal.
        let margin: String = text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let mut excerpt = String::new();
        let _ = writeln!(excerpt, " {gutter} |");
        let _ = writeln!(excerpt, " {number} | {text}");
        let _ = write!(excerpt, " {gutter} | {margin}{}", "^".repeat(carets));
        excerpt
    }

    fn before(&self, offset: usize) -> &str {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

/// The part of a long line (generated JSON is often one) around a column, and the column in it.
fn window(line: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 140;
    const BEFORE: usize = 40;
    let length = line.chars().count();
    if length <= WIDTH {
        return (line.to_owned(), column);
    }
    let start = (column - 1).saturating_sub(BEFORE).min(length - WIDTH);
    let shown: String = line.chars().skip(start).take(WIDTH).collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if start + WIDTH < length { "…" } else { "" });
    let shift = before.chars().count();
    (format!("{before}{shown}{after}"), column - start + shift)
}

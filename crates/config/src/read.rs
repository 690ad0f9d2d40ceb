//! Walks the value tree once, turning it into typed values and collecting everything that is wrong on the way.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::date::CompatibilityDate;
use crate::error::{Problem, Warning};
use crate::source::{Format, Source};
use crate::suggest::{did_you_mean, listed};
use crate::value::{Kind, Span, Table, Value};

/// A type that a configuration value can become.
pub(crate) trait Read: Sized {
    /// `None` when the value is wrong, which has then been reported.
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self>;

    /// What an absent key means, where it may be absent.
    fn absent() -> Option<Self> {
        None
    }
}

/// Where the walk is and what it has found.
pub(crate) struct Reader<'s> {
    pub source: &'s Source,
    /// The last day that a compatibility date may name.
    pub today: CompatibilityDate,
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
    /// Keys that belong at the top of the file: one of them found deeper is a misplaced line.
    top_level_keys: &'s [&'s str],
    trail: Vec<String>,
}

/// The keys of one table, taken one by one; what is left at the end is unknown.
pub(crate) struct Fields<'v> {
    table: &'v Table,
    span: Span,
    known: Vec<&'static str>,
}

// === impl Reader ===

impl<'s> Reader<'s> {
    pub fn new(source: &'s Source, today: CompatibilityDate, top_level_keys: &'s [&'s str]) -> Self {
        Self { source, today, problems: Vec::new(), warnings: Vec::new(), top_level_keys, trail: Vec::new() }
    }

    /// Reads `inner` as the part of the file called `segment`: a key, or `[index]`.
    pub fn within<T>(&mut self, segment: String, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.trail.push(segment);
        let result = inner(self);
        self.trail.pop();
        result
    }

    /// The full name of where the walk is: `kv_namespaces[0].binding`.
    pub fn here(&self) -> String {
        let mut here = String::new();
        for segment in &self.trail {
            if !here.is_empty() && !segment.starts_with('[') {
                here.push('.');
            }
            here.push_str(segment);
        }
        here
    }

    pub fn problem(&mut self, span: &Span, message: impl Into<String>) {
        self.problems.push(self.source.problem(span, message));
    }

    pub fn warn(&mut self, span: &Span, key: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(Warning {
            path: self.source.path.clone(),
            line: self.source.line(span.start),
            key: key.into(),
            message: message.into(),
        });
    }

    /// Reports that `value` should have been `wanted`, a noun phrase.
    pub fn expected(&mut self, value: &Value, wanted: &str) {
        let here = self.here();
        let advice = match &value.kind {
            Kind::String(text) if !wanted.contains("string") && matches!(text.as_str(), "true" | "false") => {
                format!(": write {text} without quotes")
            }
            Kind::String(text) if wanted.contains("number") && text.parse::<f64>().is_ok() => {
                format!(": write {text} without quotes")
            }
            Kind::Bool(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Datetime(_) if wanted.contains("string") => {
                let text = self.source.text.get(value.span.clone()).unwrap_or_default();
                format!(": write it in quotes, \"{text}\"")
            }
            _ => String::new(),
        };
        let subject = if here.is_empty() { "the file".to_owned() } else { format!("`{here}`") };
        let message = format!("{subject} should be {wanted}, but is {}{advice}", value.noun());
        self.problem(&value.span, message);
    }

    /// Reports that `text` is none of `choices`.
    pub fn not_a_choice(&mut self, value: &Value, text: &str, choices: &[&str]) {
        let hint = did_you_mean(text, choices.iter().copied())
            .map(|near| format!("; did you mean \"{near}\"?"))
            .unwrap_or_default();
        let quoted: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
        let message = format!("`{}` should be {}, but is \"{text}\"{hint}", self.here(), listed(&quoted, "or"));
        self.problem(&value.span, message);
    }
}

// === impl Fields ===

impl<'v> Fields<'v> {
    pub fn of(value: &'v Value, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.as_table() else {
            reader.expected(value, "a table of keys");
            return None;
        };
        Some(Self { table, span: value.span.clone(), known: Vec::new() })
    }

    pub fn take<T: Read>(&mut self, key: &'static str, reader: &mut Reader<'_>) -> Option<T> {
        self.known.push(key);
        let Some(entry) = self.table.get(key) else {
            let absent = T::absent();
            if absent.is_none() {
                let here = reader.here();
                let owner = if here.is_empty() { String::new() } else { format!(" of `{here}`") };
                reader.problem(&self.span, format!("the key `{key}`{owner} is required but missing"));
            }
            return absent;
        };
        reader.within(key.to_owned(), |reader| T::read(&entry.value, reader))
    }

    /// Lets a key pass without reading it.
    pub fn ignore(&mut self, key: &'static str) {
        self.known.push(key);
    }

    /// The keys not taken, for tables that hold whatever their owner likes.
    pub fn rest<T: Read>(self, reader: &mut Reader<'_>) -> Option<BTreeMap<String, T>> {
        read_entries(self.table, |key| !self.known.contains(&key), reader)
    }

    /// Reports the keys that nobody took.
    pub fn finish(self, reader: &mut Reader<'_>) {
        for entry in &self.table.entries {
            let key = entry.key.as_str();
            if self.known.contains(&key) {
                continue;
            }
            let here = reader.here();
            let place = if here.is_empty() { String::new() } else { format!(" in `{here}`") };
            let advice = if let Some(near) = did_you_mean(key, self.known.iter().copied()) {
                format!("; did you mean `{near}`?")
            } else if !here.is_empty() && reader.top_level_keys.contains(&key) {
                match reader.source.format {
                    Format::Toml => {
                        format!("; `{key}` is a top-level key, so in TOML it must stand before the first [table]")
                    }
                    Format::Json => {
                        format!("; `{key}` is a top-level key, so move it out of `{here}`")
                    }
                }
            } else if here.is_empty() || self.known.is_empty() {
                "; remove it, or check its spelling in the wrangler configuration reference".to_owned()
            } else {
                let mut known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
                known.sort();
                format!("; the keys known here are {}", listed(&known, "and"))
            };
            let message = format!("unknown key `{key}`{place}{advice}");
            reader.problem(&entry.key_span, message);
        }
    }
}

fn read_entries<T: Read>(
    table: &Table,
    wanted: impl Fn(&str) -> bool,
    reader: &mut Reader<'_>,
) -> Option<BTreeMap<String, T>> {
    let mut map = BTreeMap::new();
    let mut complete = true;
    for entry in table.entries.iter().filter(|entry| wanted(&entry.key)) {
        match reader.within(entry.key.clone(), |reader| T::read(&entry.value, reader)) {
            Some(item) => {
                map.insert(entry.key.clone(), item);
            }
            None => complete = false,
        }
    }
    complete.then_some(map)
}

// === impl Read for plain types ===

impl<T: Read> Read for Option<T> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(value, reader).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(items) = value.as_array() else {
            reader.expected(value, "a list");
            return None;
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| reader.within(format!("[{index}]"), |reader| T::read(item, reader)))
            .collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(table) = value.as_table() else {
            reader.expected(value, "a table of keys");
            return None;
        };
        read_entries(table, |_| true, reader)
    }

    fn absent() -> Option<Self> {
        Some(BTreeMap::new())
    }
}

impl Read for String {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = value.as_str();
        if text.is_none() {
            reader.expected(value, "a string");
        }
        text.map(str::to_owned)
    }
}

/// A path as written; the project resolves it against its root.
impl Read for PathBuf {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?;
        if text.is_empty() {
            let message = format!("`{}` should be a path, but is empty", reader.here());
            reader.problem(&value.span, message);
            return None;
        }
        Some(PathBuf::from(text))
    }
}

impl Read for bool {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value.kind {
            Kind::Bool(flag) => Some(flag),
            _ => {
                reader.expected(value, "true or false");
                None
            }
        }
    }
}

impl Read for f64 {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value.kind {
            Kind::Integer(number) => Some(number as f64),
            Kind::Float(number) => Some(number),
            _ => {
                reader.expected(value, "a number");
                None
            }
        }
    }
}

/// A whole number between two bounds, said in the error when it is not.
pub(crate) fn whole_number(value: &Value, reader: &mut Reader<'_>, least: u64, most: u64) -> Option<u64> {
    let number = match value.kind {
        Kind::Integer(number) => u64::try_from(number).ok(),
        // JSON writers may say 10.0 for ten.
        Kind::Float(number) if number.fract() == 0.0 && (0.0..9e15).contains(&number) => Some(number as u64),
        Kind::Float(_) => None,
        _ => {
            reader.expected(value, "a whole number");
            return None;
        }
    };
    let number = number.filter(|number| (least..=most).contains(number));
    if number.is_none() {
        let bounds = if most == u64::MAX { format!("of at least {least}") } else { format!("from {least} to {most}") };
        let written = reader.source.text.get(value.span.clone()).unwrap_or_default();
        let message = format!("`{}` should be a whole number {bounds}, but is {written}", reader.here());
        reader.problem(&value.span, message);
    }
    number
}

impl Read for u64 {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        whole_number(value, reader, 0, u64::MAX)
    }
}

impl Read for u32 {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let number = whole_number(value, reader, 0, u32::MAX.into())?;
        u32::try_from(number).ok()
    }
}

/// Any JSON value, or any TOML value but a date.
impl Read for serde_json::Value {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        Some(match &value.kind {
            Kind::Null => Self::Null,
            Kind::Bool(flag) => Self::Bool(*flag),
            Kind::Integer(number) => Self::from(*number),
            Kind::Float(number) => match serde_json::Number::from_f64(*number) {
                Some(number) => Self::Number(number),
                None => {
                    reader.expected(value, "a finite number");
                    return None;
                }
            },
            Kind::String(text) => Self::String(text.clone()),
            Kind::Datetime(date) => {
                let message = format!(
                    "`{}` is a TOML date, which a Worker cannot receive: write it in quotes, \"{date}\"",
                    reader.here()
                );
                reader.problem(&value.span, message);
                return None;
            }
            Kind::Array(_) => Self::Array(Vec::read(value, reader)?),
            Kind::Table(_) => Self::Object(BTreeMap::<String, Self>::read(value, reader)?.into_iter().collect()),
        })
    }
}

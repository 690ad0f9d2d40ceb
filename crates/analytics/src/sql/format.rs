//! Results as text. <https://developers.cloudflare.com/analytics/analytics-engine/sql-reference/statements/#format-clause>

use std::fmt::Write as _;

use super::time;
use super::value::{Type, Value};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Json,
    JsonEachRow,
    TabSeparated,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<(String, Type)>,
    pub(crate) rows: Vec<Vec<Value>>,
}

// === impl Table ===

impl Table {
    pub(crate) fn of_texts(name: &str, texts: Vec<String>) -> Self {
        let rows = texts.into_iter().map(|text| vec![Value::Text(text.into())]).collect();
        Self { columns: vec![(name.to_owned(), Type::Text)], rows }
    }
}

// === impl Format ===

impl Format {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [("json", Self::Json), ("jsoneachrow", Self::JsonEachRow), ("tabseparated", Self::TabSeparated)]
            .into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, format)| format)
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonEachRow => "application/x-ndjson",
            Self::TabSeparated => "text/tab-separated-values; charset=UTF-8",
        }
    }

    pub(crate) fn write(self, table: &Table) -> String {
        let mut text = String::new();
        match self {
            Self::Json => {
                let meta: Vec<String> = table
                    .columns
                    .iter()
                    .map(|(name, kind)| format!("{{\"name\":{},\"type\":{}}}", quoted(name), quoted(&kind.name())))
                    .collect();
                let _ = write!(text, "{{\"meta\":[{}],\"data\":[", meta.join(","));
                for (at, row) in table.rows.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { "," });
                    write_object(&mut text, table, row);
                }
                let _ = write!(text, "],\"rows\":{}}}", table.rows.len());
            }
            Self::JsonEachRow => {
                for row in &table.rows {
                    write_object(&mut text, table, row);
                    text.push('\n');
                }
            }
            Self::TabSeparated => {
                for row in &table.rows {
                    for (at, (value, (_, kind))) in row.iter().zip(&table.columns).enumerate() {
                        text.push_str(if at == 0 { "" } else { "\t" });
                        write_field(&mut text, value, *kind);
                    }
                    text.push('\n');
                }
            }
        }
        text
    }
}

fn write_object(text: &mut String, table: &Table, row: &[Value]) {
    text.push('{');
    for (at, (value, (name, kind))) in row.iter().zip(&table.columns).enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        text.push_str(&quoted(name));
        text.push(':');
        match (value, kind) {
            // JavaScript's numbers can't hold all of these.
            (Value::Int(_), Type::Int { bits: 64, .. }) => {
                let _ = write!(text, "\"{}\"", plain(value, *kind));
            }
            (Value::Int(_), _) => text.push_str(&plain(value, *kind)),
            (Value::Float(number), _) if !number.is_finite() => text.push_str("null"),
            (Value::Float(_), _) => text.push_str(&plain(value, *kind)),
            _ => text.push_str(&quoted(&plain(value, *kind))),
        }
    }
    text.push('}');
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn write_field(text: &mut String, value: &Value, kind: Type) {
    for c in plain(value, kind).chars() {
        match c {
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\0' => text.push_str("\\0"),
            '\\' => text.push_str("\\\\"),
            '\'' => text.push_str("\\'"),
            c => text.push(c),
        }
    }
}

/// A value's text, as `format()` has it too.
pub(crate) fn plain(value: &Value, kind: Type) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Float(number) if number.is_nan() => "nan".into(),
        Value::Float(number)
            if number.abs() >= 1e21 || (*number != 0.0 && number.abs() < 1e-6) && number.is_finite() =>
        {
            format!("{number:e}")
        }
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Time(seconds) if kind == Type::Date => time::date_text(*seconds),
        Value::Time(seconds) => time::text(*seconds),
        Value::Interval { months, seconds } => if *months != 0 { months } else { seconds }.to_string(),
    }
}

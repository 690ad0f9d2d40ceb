//! TOML text to the value tree.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Problem;
use crate::source::Source;
use crate::value::{Entry, Kind, Table, Value};

pub(crate) fn parse(source: &Source) -> Result<Value, Vec<Problem>> {
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        let end = source.text.len();
        return Err(errors
            .iter()
            .map(|error| source.problem(&error.span().unwrap_or(end..end), syntax(error.message())))
            .collect());
    }
    let mut problems = Vec::new();
    let kind = Kind::Table(table(document.get_ref(), source, &mut problems));
    if problems.is_empty() { Ok(Value { span: document.span(), kind }) } else { Err(problems) }
}

fn syntax(message: &str) -> String {
    format!("this is not valid TOML: {}", message.trim().replace('\n', "; "))
}

fn table(table: &DeTable<'_>, source: &Source, problems: &mut Vec<Problem>) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, item)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            value: value(item, source, problems),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    Table { entries }
}

fn value(item: &Spanned<DeValue<'_>>, source: &Source, problems: &mut Vec<Problem>) -> Value {
    let span = item.span();
    let kind = match item.get_ref() {
        DeValue::String(text) => Kind::String(text.to_string()),
        DeValue::Boolean(flag) => Kind::Bool(*flag),
        DeValue::Datetime(date) => Kind::Datetime(date.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Kind::Integer(number),
            Err(_) => {
                problems.push(source.problem(&span, "this whole number is too large"));
                Kind::Null
            }
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Kind::Float(number),
            Err(_) => {
                problems.push(source.problem(&span, "this is not a number"));
                Kind::Null
            }
        },
        DeValue::Array(items) => Kind::Array(items.iter().map(|item| value(item, source, problems)).collect()),
        DeValue::Table(inner) => Kind::Table(table(inner, source, problems)),
    };
    Value { span, kind }
}

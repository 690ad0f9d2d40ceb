//! JSON with comments and trailing commas (what wrangler reads from `.json` and `.jsonc`) to the value tree.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::error::Problem;
use crate::source::Source;
use crate::value::{Entry, Kind, Table, Value};

pub(crate) fn parse(source: &Source) -> Result<Value, Vec<Problem>> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let result = parse_to_ast(&source.text, &CollectOptions::default(), &options)
        .map_err(|error| vec![syntax(source, &error)])?;
    let Some(root) = &result.value else {
        let message = "the file is empty: it should be one JSON object, at least {}";
        return Err(vec![source.problem(&(0..0), message)]);
    };
    let mut problems = Vec::new();
    let root = value(root, source, &mut problems);
    if problems.is_empty() { Ok(root) } else { Err(problems) }
}

fn syntax(source: &Source, error: &jsonc_parser::errors::ParseError) -> Problem {
    let range = error.range();
    let message = error.kind().to_string();
    let mut letters = message.chars();
    let message: String = letters.next().map(|c| c.to_ascii_lowercase()).into_iter().chain(letters).collect();
    source.problem(&(range.start..range.end), format!("this is not valid JSON: {message}"))
}

fn value(node: &ast::Value<'_>, source: &Source, problems: &mut Vec<Problem>) -> Value {
    let range = node.range();
    let span = range.start..range.end;
    let kind = match node {
        ast::Value::NullKeyword(_) => Kind::Null,
        ast::Value::BooleanLit(lit) => Kind::Bool(lit.value),
        ast::Value::StringLit(lit) => Kind::String(lit.value.to_string()),
        ast::Value::NumberLit(lit) => match (lit.value.parse::<i64>(), lit.value.parse::<f64>()) {
            (Ok(number), _) => Kind::Integer(number),
            (_, Ok(number)) => Kind::Float(number),
            _ => {
                problems.push(source.problem(&span, "this is not a number"));
                Kind::Null
            }
        },
        ast::Value::Array(array) => {
            Kind::Array(array.elements.iter().map(|item| value(item, source, problems)).collect())
        }
        ast::Value::Object(object) => Kind::Table(table(object, source, problems)),
    };
    Value { span, kind }
}

fn table(object: &ast::Object<'_>, source: &Source, problems: &mut Vec<Problem>) -> Table {
    let mut table = Table::default();
    for property in &object.properties {
        let range = property.name.range();
        let key_span = range.start..range.end;
        let key = property.name.as_str().to_owned();
        if let Some(first) = table.get(&key) {
            let line = source.line(first.key_span.start);
            let message = format!("`{key}` is already set on line {line}: keep one of the two");
            problems.push(source.problem(&key_span, message));
            continue;
        }
        table.entries.push(Entry { key, key_span, value: value(&property.value, source, problems) });
    }
    table
}

//! Results as D1 answers them: JSON, in which a blob is a list of numbers.

use std::fmt::Write;

use crate::{Meta, Output, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultsFormat {
    /// `results` is a list of objects, one for each row.
    ArrayOfObjects,
    /// `results` is `{ columns, rows }`.
    RowsAndColumns,
}

/// Which database answered, in `meta.served_by`.
const SERVED_BY: &str = "skerry";

/// A list with an answer for each statement.
pub fn outputs(outputs: &[Output], format: ResultsFormat) -> String {
    let mut json = String::from("[");
    for (at, answer) in outputs.iter().enumerate() {
        json.push_str(if at > 0 { "," } else { "" });
        output(&mut json, answer, format);
    }
    json.push(']');
    json
}

/// What is known of a statement besides its results.
pub fn meta(meta: &Meta) -> String {
    let duration = meta.duration.as_secs_f64() * 1000.0;
    format!(
        r#"{{"served_by":"{SERVED_BY}","duration":{duration:.4},"changes":{},"last_row_id":{},"changed_db":{},"size_after":{},"rows_read":{},"rows_written":{},"served_by_primary":true,"timings":{{"sql_duration_ms":{duration:.4}}},"total_attempts":1}}"#,
        meta.changes, meta.last_row_id, meta.changed_db, meta.size_after, meta.rows_read, meta.rows_written,
    )
}

fn output(json: &mut String, output: &Output, format: ResultsFormat) {
    // Writing to a String does not fail.
    let _ = write!(json, r#"{{"success":true,"meta":{},"results":"#, meta(&output.meta));
    let names: Vec<String> = output.columns.iter().map(|name| quoted(name)).collect();
    match format {
        ResultsFormat::ArrayOfObjects => list(json, &output.rows, |json, row| {
            json.push('{');
            for (at, value) in row.iter().enumerate() {
                json.push_str(if at > 0 { "," } else { "" });
                json.push_str(&names[at]);
                json.push(':');
                push_value(json, value);
            }
            json.push('}');
        }),
        ResultsFormat::RowsAndColumns => {
            json.push_str(r#"{"columns":"#);
            list(json, &names, |json, name| json.push_str(name));
            json.push_str(r#","rows":"#);
            list(json, &output.rows, |json, row| list(json, row, push_value));
            json.push('}');
        }
    }
    json.push('}');
}

fn list<T>(json: &mut String, items: &[T], each: impl Fn(&mut String, &T)) {
    json.push('[');
    for (at, item) in items.iter().enumerate() {
        json.push_str(if at > 0 { "," } else { "" });
        each(json, item);
    }
    json.push(']');
}

fn push_value(json: &mut String, value: &Value) {
    let _ = match value {
        Value::Null => write!(json, "null"),
        Value::Integer(value) => write!(json, "{value}"),
        // JSON has neither infinities nor, as JavaScript writes it, a negative zero.
        Value::Real(value) if !value.is_finite() => write!(json, "null"),
        Value::Real(value) if *value == 0.0 => write!(json, "0"),
        Value::Real(value) => write!(json, "{value:?}"),
        Value::Text(text) => write!(json, "{}", quoted(text)),
        Value::Blob(bytes) => {
            list(json, bytes, |json, byte| {
                let _ = write!(json, "{byte}");
            });
            Ok(())
        }
    };
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_javascript_writes_them() {
        let written = |value| {
            let mut json = String::new();
            push_value(&mut json, &value);
            json
        };
        assert_eq!(written(Value::Real(2.0)), "2.0");
        assert_eq!(written(Value::Real(1e300)), "1e300");
        assert_eq!(written(Value::Real(-0.0)), "0");
        assert_eq!(written(Value::Real(f64::INFINITY)), "null");
        assert_eq!(written(Value::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(written(Value::Text("a\"\u{0}é\n".into())), r#""a\"\u0000é\n""#);
        assert_eq!(written(Value::Blob(vec![0, 255])), "[0,255]");
    }
}

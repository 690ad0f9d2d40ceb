//! Rows for people: columns as wide as what is in them.

use d1::Value;

/// A cell is shown up to so many characters.
const WIDEST: usize = 120;

pub fn draw(columns: &[String], rows: &[Vec<Value>]) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let heads: Vec<String> = columns.iter().map(|name| shown(name)).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            let below = cells.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            below.chain([heads[at].chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
    let mut text = String::new();
    for row in [&heads, &rule].into_iter().chain(&cells) {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Text(text) => shown(text),
        Value::Blob(bytes) => format!("<{} bytes>", bytes.len()),
    }
}

/// On one line, without what would move the terminal's cursor.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(WIDEST).map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().nth(WIDEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec![Value::Integer(1), Value::Text("a\nb".into())], vec![Value::Null, Value::Blob(vec![1, 2])]];
        let drawn = draw(&["id".into(), "v".into()], &rows);
        assert_eq!(drawn, "id    v\n────  ─────────\n1     a·b\nnull  <2 bytes>\n");
    }
}

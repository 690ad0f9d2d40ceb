//! The dotenv syntax of `.dev.vars` and `.env`, by the rules of the `dotenv` and `dotenv-expand` packages that wrangler uses.

use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// The pairs of a file in order, and the lines (from 1) that are neither a pair, a comment nor empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct DotEnv {
    pub pairs: Vec<(String, String)>,
    pub skipped: Vec<usize>,
}

pub(crate) fn parse(text: &str) -> DotEnv {
    let text = text.replace("\r\n", "\n");
    let mut file = DotEnv::default();
    let mut rest = text.as_str();
    let mut line = 1;
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let this = &rest[..end];
        let consumed = match key(this) {
            Some((name, value_at)) => {
                let (value, length) = value(&rest[value_at..]);
                file.pairs.push((name.to_owned(), value));
                // A quoted value may have gone past its line; what follows it on its last line is a comment.
                let value_end = value_at + length;
                rest[value_end..].find('\n').map_or(rest.len(), |newline| value_end + newline)
            }
            None => {
                let blank = this.trim().is_empty() || this.trim_start().starts_with('#');
                if !blank {
                    file.skipped.push(line);
                }
                end
            }
        };
        line += rest[..consumed].matches('\n').count() + 1;
        rest = rest.get(consumed + 1..).unwrap_or_default();
    }
    file
}

/// The key of a line, and where its value begins.
fn key(line: &str) -> Option<(&str, usize)> {
    let mut start = line.len() - line.trim_start().len();
    if let Some(after) = line[start..].strip_prefix("export")
        && after.starts_with([' ', '\t'])
    {
        start = line.len() - after.trim_start().len();
    }
    let body = &line[start..];
    let length =
        body.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))).unwrap_or(body.len());
    let (name, after) = body.split_at(length);
    if name.is_empty() {
        return None;
    }
    let separator = after.trim_start();
    let at = line.len() - separator.len() + 1;
    if separator.starts_with('=') || after.starts_with(": ") || after.starts_with(":\t") {
        Some((name, at))
    } else {
        None
    }
}

/// The value that `text` begins with, and how many bytes it takes.
fn value(text: &str) -> (String, usize) {
    let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
    let body = &text[blank..];
    if let Some(quote) = body.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))
        && let Some(inner) = quoted(&body[1..], quote)
    {
        let value = if quote == '"' { inner.replace("\\n", "\n").replace("\\r", "\r") } else { inner.to_owned() };
        return (value, blank + inner.len() + 2);
    }
    let line = &body[..body.find('\n').unwrap_or(body.len())];
    let plain = &line[..line.find('#').unwrap_or(line.len())];
    (plain.trim().to_owned(), blank + line.len())
}

/// What stands before the closing quote, if there is one; a quote after a backslash does not close.
fn quoted(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(&text[..index]),
            _ => {}
        }
    }
    None
}

/// Puts the values of `$NAME`, `${NAME}` and `${NAME:-default}` in their place; `\$` is a dollar sign.
///
/// A name is looked up among the pairs read so far (with what they expanded to), then with `outer`.
pub(crate) fn expand(pairs: &[(String, String)], outer: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut expanded = BTreeMap::new();
    for (name, value) in pairs {
        let value = expand_one(value, &|name| expanded.get(name).cloned().or_else(|| outer(name)));
        expanded.insert(name.clone(), value);
    }
    expanded
}

fn expand_one(value: &str, lookup: &impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::new();
    let mut rest = value;
    while let Some(dollar) = rest.find('$') {
        if rest[..dollar].ends_with('\\') {
            result.push_str(&rest[..dollar - 1]);
            result.push('$');
            rest = &rest[dollar + 1..];
            continue;
        }
        result.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let (name, default, length) = reference(after);
        if name.is_empty() {
            result.push('$');
        } else {
            let found = lookup(name).filter(|found| !found.is_empty());
            result.push_str(&found.unwrap_or_else(|| expand_one(default, lookup)));
        }
        rest = &after[length..];
    }
    result.push_str(rest);
    result
}

/// The name after a dollar sign, the default it gives, and the bytes both take.
fn reference(text: &str) -> (&str, &str, usize) {
    let name_length = |text: &str| text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    if let Some(inner) = text.strip_prefix('{')
        && let Some(close) = inner.find('}')
    {
        let inner = &inner[..close];
        let (name, after) = inner.split_at(name_length(inner));
        let default = after.strip_prefix(":-").or_else(|| after.strip_prefix('-')).unwrap_or("");
        return (name, default, close + 2);
    }
    let length = name_length(text);
    (&text[..length], "", length)
}

//! The lines of `_headers` and `_redirects`.

/// The longest line, in UTF-16 code units.
const MAX_LINE: usize = 2000;

/// The lines that say something, each with its number, from 1.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.split('\n').enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

pub(crate) fn check_length(number: usize, line: &str) -> Result<(), String> {
    match line.encode_utf16().count() > MAX_LINE {
        true => Err(format!("Ignoring line {number} as it exceeds the maximum allowed length of {MAX_LINE}.")),
        false => Ok(()),
    }
}

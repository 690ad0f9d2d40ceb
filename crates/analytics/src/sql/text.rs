//! Functions of texts.

use super::number::Result;
use super::value::Value;

fn made(text: String) -> Result {
    Ok(Value::Text(text.into()))
}

/// In characters.
pub(crate) fn length(args: &[Value]) -> Result {
    Ok(Value::Int(args[0].text().chars().count() as i64))
}

pub(crate) fn empty(args: &[Value]) -> Result {
    Ok(Value::bool(args[0].text().is_empty()))
}

pub(crate) fn lower(args: &[Value]) -> Result {
    made(args[0].text().to_ascii_lowercase())
}

pub(crate) fn lower_utf8(args: &[Value]) -> Result {
    made(args[0].text().to_lowercase())
}

pub(crate) fn upper(args: &[Value]) -> Result {
    made(args[0].text().to_ascii_uppercase())
}

pub(crate) fn upper_utf8(args: &[Value]) -> Result {
    made(args[0].text().to_uppercase())
}

pub(crate) fn starts_with(args: &[Value]) -> Result {
    Ok(Value::bool(args[0].text().starts_with(args[1].text())))
}

pub(crate) fn ends_with(args: &[Value]) -> Result {
    Ok(Value::bool(args[0].text().ends_with(args[1].text())))
}

/// Where the first text is in the second, from 1; 0: nowhere.
pub(crate) fn position(args: &[Value]) -> Result {
    let (needle, hay) = (args[0].text(), args[1].text());
    let found = hay.find(needle).map_or(0, |at| hay[..at].chars().count() as i64 + 1);
    Ok(Value::Int(found))
}

/// From a character on, counted from 1, and so many of them.
pub(crate) fn substring(args: &[Value]) -> Result {
    let text = args[0].text();
    let offset = match args[1].int() {
        offset if offset > 0 => usize::try_from(offset - 1).unwrap_or(usize::MAX),
        // From the end.
        offset if offset < 0 => text.chars().count().saturating_sub(offset.unsigned_abs() as usize),
        _ => return made(String::new()),
    };
    let length = args.get(2).map_or(usize::MAX, |length| usize::try_from(length.int()).unwrap_or(0));
    made(text.chars().skip(offset).take(length).collect())
}

pub(crate) fn like(args: &[Value]) -> Result {
    Ok(Value::bool(matches(args[0].text(), args[1].text())))
}

pub(crate) fn ilike(args: &[Value]) -> Result {
    Ok(Value::bool(matches(&args[0].text().to_lowercase(), &args[1].text().to_lowercase())))
}

/// Whether a text is as a pattern says: `%` is any text, `_` any character, `\` takes the next one as it is.
fn matches(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut signs = Vec::new();
    let mut rest = pattern.chars();
    while let Some(sign) = rest.next() {
        signs.push(match sign {
            '%' => Sign::Any,
            '_' => Sign::One,
            '\\' => Sign::Char(rest.next().unwrap_or('\\')),
            c => Sign::Char(c),
        });
    }
    let (mut at, mut sign) = (0, 0);
    // The last `%`, and up to where it has taken the text.
    let mut star = None;
    while at < text.len() {
        let fits = match signs.get(sign) {
            Some(Sign::Any) => {
                star = Some((sign, at));
                sign += 1;
                continue;
            }
            Some(Sign::One) => true,
            Some(Sign::Char(c)) => *c == text[at],
            None => false,
        };
        match (fits, star) {
            (true, _) => (at, sign) = (at + 1, sign + 1),
            (false, Some((starred, taken))) => {
                star = Some((starred, taken + 1));
                (at, sign) = (taken + 1, starred + 1);
            }
            (false, None) => return false,
        }
    }
    signs[sign..].iter().all(|sign| matches!(sign, Sign::Any))
}

enum Sign {
    Any,
    One,
    Char(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match() {
        for (text, pattern, expected) in [
            ("error: x", "error%", true),
            ("an error", "error%", false),
            ("a.jpg", "%.jpg", true),
            ("log12", "log__", true),
            ("log1", "log__", false),
            ("aXbXc", "%X%X%", true),
            ("aXb", "%X%X%", false),
            ("100%", "100\\%", true),
            ("1000", "100\\%", false),
            ("", "", true),
            ("", "%", true),
            ("x", "", false),
            ("mississippi", "%iss%ip%", true),
            ("größe", "gr__e", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text} LIKE {pattern}");
        }
    }
}

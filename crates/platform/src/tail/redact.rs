//! What of a request is shown to those who watch: headers that look secret are hidden, and so are parts of the URL that look like
//! an id or a key, as on the platform.
//! <https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/#automatic-redaction>

use serde_json::{Value, json};

const HIDDEN: &str = "REDACTED";
/// Words that the names of such headers have in them.
const WORDS: [&str; 5] = ["auth", "jwt", "key", "secret", "token"];

/// Hides it in a trace's event. What was there, where anything of it is hidden.
pub(crate) fn redact(event: &mut Value) -> Option<Value> {
    let request = event.get_mut("request")?.as_object_mut()?;
    let (url, headers) = (request.get("url").cloned(), request.get("headers").cloned());
    let mut hidden = false;
    if let Some(Value::String(shown)) = request.get_mut("url") {
        let redacted = redact_url(shown);
        hidden |= redacted != *shown;
        *shown = redacted;
    }
    for (name, value) in request.get_mut("headers").and_then(Value::as_object_mut).into_iter().flatten() {
        if is_secret(name) {
            hidden = true;
            *value = HIDDEN.into();
        }
    }
    hidden.then(|| json!({ "url": url, "headers": headers }))
}

/// `name` is in lower case, as headers' names are here.
fn is_secret(name: &str) -> bool {
    matches!(name, "cookie" | "set-cookie") || WORDS.iter().any(|word| name.contains(word))
}

fn redact_url(url: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || is_separator(c);
    let mut shown = String::with_capacity(url.len());
    let mut rest = url;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(length);
        shown.push_str(if is_id(part) { HIDDEN } else { part });
        let next = after.chars().next().map_or(0, char::len_utf8);
        shown.push_str(&after[..next]);
        rest = &after[next..];
    }
    shown
}

/// An id in hexadecimal digits, or one that is likely in base64.
fn is_id(part: &str) -> bool {
    let count = |of: fn(&u8) -> bool| part.bytes().filter(of).count();
    let hex = count(u8::is_ascii_hexdigit);
    let separators = part.chars().filter(|c| is_separator(*c)).count();
    let mixed = [u8::is_ascii_digit, u8::is_ascii_uppercase, u8::is_ascii_lowercase].iter().all(|of| count(*of) >= 2);
    (hex >= 32 && hex + separators == part.len()) || (part.len() >= 21 && mixed)
}

fn is_separator(c: char) -> bool {
    matches!(c, '+' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_what_looks_like_a_key() {
        let hex = "0123456789abcdef0123456789abcdef";
        for (url, expected) in [
            ("http://a/b/c?d=e#f", "http://a/b/c?d=e#f".to_owned()),
            (&format!("http://a/{hex}?x={hex}&y=1"), "http://a/REDACTED?x=REDACTED&y=1".to_owned()),
            ("http://a/01234567-89ab-cdef-0123-456789abcdef", "http://a/REDACTED".to_owned()),
            ("http://a/0123456789abcdef0123456789abcdeg", "http://a/0123456789abcdef0123456789abcdeg".to_owned()),
            ("http://a/AbCdEfGhIjKlMnOpQrS12", "http://a/REDACTED".to_owned()),
            ("http://a/AbCdEfGhIjKlMnOpQrS1", "http://a/AbCdEfGhIjKlMnOpQrS1".to_owned()),
            ("http://a/a-long-name-of-words-only/é", "http://a/a-long-name-of-words-only/é".to_owned()),
        ] {
            assert_eq!(redact_url(url), expected);
        }
    }

    #[test]
    fn headers_lose_what_is_secret_and_the_rest_is_told_apart() {
        let mut event = json!({ "request": { "url": "http://a/", "headers": { "x-api-key": "k", "accept": "a" } } });
        let unredacted = redact(&mut event).unwrap();
        assert_eq!(event["request"]["headers"], json!({ "x-api-key": "REDACTED", "accept": "a" }));
        assert_eq!(unredacted, json!({ "url": "http://a/", "headers": { "x-api-key": "k", "accept": "a" } }));
        assert_eq!(redact(&mut json!({ "request": { "url": "http://a/", "headers": { "accept": "a" } } })), None);
        assert_eq!(redact(&mut json!({ "cron": "* * * * *" })), None);
        for secret in ["authorization", "cookie", "set-cookie", "cf-access-jwt-assertion", "x-secret", "x-token"] {
            assert!(is_secret(secret), "{secret}");
        }
    }
}

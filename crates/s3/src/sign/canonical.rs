//! The canonical form of a request, which both sides sign.

use std::fmt::Write;

use http::request::Parts;
use s3s::S3Error;

use crate::error;

/// The names and values of a query, decoded, in their order.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, S3Error> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
    });
    pairs.collect::<Option<_>>().ok_or_else(|| error::refuse("InvalidURI", 400, "Couldn't parse the specified URI."))
}

/// What percent-encoded text stands for, when it is UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = after else { return None };
        let digit = |byte: u8| (byte as char).to_digit(16);
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// As RFC 3986 has it: all but unreserved characters, and but slashes where they are kept.
fn encode(text: &str, slash: bool, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            b'/' if slash => out.push('/'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// `None`: it can't have been signed, for a header that was is not there, or it can't be read.
pub(super) fn request(parts: &Parts, query: &[(String, String)], signed: &[&str], hash: &str) -> Option<String> {
    let mut text = String::with_capacity(512);
    text.push_str(parts.method.as_str());
    text.push('\n');
    encode(&decode(parts.uri.path())?, true, &mut text);
    text.push('\n');
    let mut encoded: Vec<(String, String)> = query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| {
            let (mut key, mut text) = (String::new(), String::new());
            encode(name, false, &mut key);
            encode(value, false, &mut text);
            (key, text)
        })
        .collect();
    encoded.sort_unstable();
    for (at, (name, value)) in encoded.iter().enumerate() {
        let and = if at == 0 { "" } else { "&" };
        let _ = write!(text, "{and}{name}={value}");
    }
    text.push('\n');
    let mut names = signed.to_vec();
    names.sort_unstable();
    for name in &names {
        let values: Option<Vec<String>> = parts
            .headers
            .get_all(*name)
            .iter()
            .map(|value| std::str::from_utf8(value.as_bytes()).ok().map(trimmed))
            .collect();
        let values = values.filter(|values| !values.is_empty())?;
        let _ = writeln!(text, "{name}:{}", values.join(","));
    }
    let _ = write!(text, "\n{}\n{hash}", names.join(";"));
    Some(text)
}

/// Without spaces at the ends, and with single ones between.
fn trimmed(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// As `encoding-type=url` has keys: slashes stay.
pub(crate) fn encode_key(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    encode(text, true, &mut encoded);
    encoded
}

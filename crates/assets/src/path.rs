//! Paths as the manifest has them and as URLs have them. The one path that a file is served at is its name with each segment
//! encoded as `encodeURIComponent` does; all other ways to write it redirect there.

/// The path that is looked up: each segment decoded where it can be, and slashes that follow each other made one, which could lead
/// to another host in a redirect.
pub(crate) fn decode(path: &str) -> String {
    let mut decoded = String::with_capacity(path.len());
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            push(&mut decoded, "/");
        }
        match decode_component(segment) {
            Some(segment) => push(&mut decoded, &segment),
            None => push(&mut decoded, segment),
        }
    }
    decoded
}

fn push(path: &mut String, text: &str) {
    for character in text.chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
}

/// As `decodeURIComponent`; `None`: it would throw.
fn decode_component(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let (high, low) = (digit(*after.first()?)?, digit(*after.get(1)?)?);
        bytes.push(high << 4 | low);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The path that a file is served at.
pub(crate) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => encoded.push(char::from(byte)),
            _ => {
                encoded.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    encoded.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
                }
            }
        }
    }
    encoded
}

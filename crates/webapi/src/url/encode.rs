//! Percent-encoding (§1.3): which bytes stay as they are in which part of a URL.

/// A part of a URL with its percent-encode set, one bit of [`SETS`] each.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Part {
    /// The C0 control set: opaque hosts and opaque paths.
    Opaque = 1,
    Fragment = 2,
    Query = 4,
    /// The query of a special URL.
    SpecialQuery = 8,
    Path = 16,
    Userinfo = 32,
}

/// For each byte, the sets that it is in.
const SETS: [u8; 256] = sets();

const fn sets() -> [u8; 256] {
    let mut sets = [0; 256];
    let all = 63;
    let mut byte = 0;
    while byte < 256 {
        if byte < 0x20 || byte > 0x7e {
            sets[byte] = all;
        }
        byte += 1;
    }
    const QUERY_AND_ON: u8 = 4 | 8 | 16 | 32;
    const PATH_AND_ON: u8 = 16 | 32;
    sets[b' ' as usize] = QUERY_AND_ON | 2;
    sets[b'"' as usize] = QUERY_AND_ON | 2;
    sets[b'<' as usize] = QUERY_AND_ON | 2;
    sets[b'>' as usize] = QUERY_AND_ON | 2;
    sets[b'`' as usize] = PATH_AND_ON | 2;
    sets[b'#' as usize] = QUERY_AND_ON;
    sets[b'\'' as usize] = 8;
    sets[b'?' as usize] = PATH_AND_ON;
    sets[b'^' as usize] = PATH_AND_ON;
    sets[b'{' as usize] = PATH_AND_ON;
    sets[b'}' as usize] = PATH_AND_ON;
    let userinfo = b"/:;=@[\\]|";
    let mut i = 0;
    while i < userinfo.len() {
        sets[userinfo[i] as usize] |= 32;
        i += 1;
    }
    sets
}

/// Appends `text`, percent-encoded for `part`.
pub(super) fn encode_into(out: &mut String, text: &str, part: Part) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if SETS[usize::from(*byte)] & part as u8 == 0 {
            continue;
        }
        // What stays is ASCII, so a run of it begins and ends at characters; within a longer character there is no run.
        if plain < i {
            out.push_str(&text[plain..i]);
        }
        plain = i + 1;
        out.push('%');
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    if plain < bytes.len() {
        out.push_str(&text[plain..]);
    }
}

/// `encode_into` a string of its own.
pub(super) fn encode(text: &str, part: Part) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(&mut out, text, part);
    out
}

/// §1.3 "percent-decode"
pub(super) fn decode(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let escaped = match (byte, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                output.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => output.push(byte),
        }
    }
    output
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

//! Hosts (§3): domains, IPv4 and IPv6 addresses, opaque hosts. Parsed straight to their serialisation.

use std::borrow::Cow;
use std::fmt::Write;
use std::net::Ipv6Addr;

use super::encode::{Part, decode, encode};

/// §3.5 "host parser". `special`: the URL's scheme is special, so that the host is a domain or an address.
pub(super) fn parse(input: &str, special: bool) -> Option<String> {
    if let Some(rest) = input.strip_prefix('[') {
        let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
        return Some(serialize_ipv6(address));
    }
    if !special {
        return parse_opaque(input);
    }
    let domain: Cow<str> = if is_plain_domain(input) {
        input.into()
    } else {
        let decoded = decode(input.as_bytes());
        let decoded = String::from_utf8_lossy(&decoded);
        idna::domain_to_ascii_from_cow(decoded.into_owned().into_bytes().into(), idna::AsciiDenyList::URL)
            .ok()?
            .into_owned()
            .into()
    };
    if domain.is_empty() || has_unassigned_ideograph(&domain) {
        return None;
    }
    if ends_in_number(&domain) {
        return parse_ipv4(&domain);
    }
    Some(domain.into_owned())
}

/// The tables of `idna` take all of plane 3 for valid; the standard's end with the ideographs of Unicode 17.
fn has_unassigned_ideograph(domain: &str) -> bool {
    let labels = domain.split('.').filter_map(|label| label.strip_prefix("xn--"));
    labels.filter_map(idna::punycode::decode).any(|label| label.iter().any(|c| ('\u{3347A}'..='\u{3FFFF}').contains(c)))
}

/// Whether "domain to ASCII" would leave it as it is: nearly every domain that a Worker sees.
fn is_plain_domain(input: &str) -> bool {
    input.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')) && !input.contains("xn--")
}

/// §3.5 "opaque-host parser"
fn parse_opaque(input: &str) -> Option<String> {
    let forbidden = |byte| {
        matches!(
            byte,
            b'\0'
                | b'\t'
                | b'\n'
                | b'\r'
                | b' '
                | b'#'
                | b'/'
                | b':'
                | b'<'
                | b'>'
                | b'?'
                | b'@'
                | b'['
                | b'\\'
                | b']'
                | b'^'
                | b'|'
        )
    };
    if input.bytes().any(forbidden) {
        return None;
    }
    Some(encode(input, Part::Opaque))
}

/// §3.5 "ends in a number checker"
fn ends_in_number(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let last = domain.rsplit('.').next().unwrap_or_default();
    if last.is_empty() {
        return false;
    }
    last.bytes().all(|byte| byte.is_ascii_digit()) || parse_ipv4_number(last).is_some()
}

/// §3.5 "IPv4 parser"
fn parse_ipv4(domain: &str) -> Option<String> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let mut numbers = Vec::with_capacity(4);
    for part in domain.split('.') {
        if numbers.len() == 4 {
            return None;
        }
        numbers.push(parse_ipv4_number(part)?);
    }
    let (last, others) = numbers.split_last()?;
    // The last number fills all the bytes that are left.
    let room = 1u64 << (8 * (4 - others.len()));
    if others.iter().any(|number| *number > 255) || *last >= room {
        return None;
    }
    let mut address = *last as u32;
    for (i, number) in others.iter().enumerate() {
        address |= (*number as u32) << (8 * (3 - i));
    }
    let [a, b, c, d] = address.to_be_bytes();
    Some(format!("{a}.{b}.{c}.{d}"))
}

/// §3.5 "IPv4 number parser". Numbers too large for any address come out as the largest.
fn parse_ipv4_number(part: &str) -> Option<u64> {
    if part.is_empty() {
        return None;
    }
    let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (&part[1..], 8),
        None => (part, 10),
    };
    digits.chars().try_fold(0u64, |number, digit| {
        Some(number.saturating_mul(u64::from(radix)).saturating_add(u64::from(digit.to_digit(radix)?)))
    })
}

/// §3.6 "IPv6 serializer", in brackets.
fn serialize_ipv6(address: Ipv6Addr) -> String {
    let pieces = address.segments();
    // The first longest run of at least two zeros.
    let mut compress = 8..8;
    let mut i = 0;
    while i < 8 {
        let end = (i..8).find(|j| pieces[*j] != 0).unwrap_or(8);
        if end - i > 1 && end - i > compress.len() {
            compress = i..end;
        }
        i = end.max(i + 1);
    }
    let mut out = String::from("[");
    for (i, piece) in pieces.iter().enumerate() {
        if compress.contains(&i) {
            if i == compress.start {
                out.push_str(if i == 0 { "::" } else { ":" });
            }
            continue;
        }
        // Writing to a string can't fail.
        let _ = write!(out, "{piece:x}");
        if i != 7 {
            out.push(':');
        }
    }
    out.push(']');
    out
}

//! The names in certificates as text, and the extensions that have some. It is written as Node writes it, so that nobody's name can
//! pass for somebody else's.

use openssl::asn1::Asn1Object;
use openssl::nid::Nid;

use super::der::{Element, Elements, OBJECT, SEQUENCE};

/// The extensions of a certificate, by object id.
pub(super) struct Extensions<'a>(Vec<(String, &'a [u8])>);

const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const KEY_USAGE: &str = "2.5.29.15";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";

// === impl Extensions ===

impl<'a> Extensions<'a> {
    pub(super) fn of(certificate: &'a [u8]) -> Self {
        let body = Element::first(certificate).and_then(|outer| outer.part(0));
        let list = body.and_then(|body| body.parts().find(|part| part.tag == 0xa3)).and_then(|list| list.part(0));
        let extension = |extension: Element<'a>| {
            let value = extension.parts().last().filter(|value| value.tag == 4)?;
            Some((extension.part(0)?.object()?, value.body))
        };
        Self(list.into_iter().flat_map(|list| list.parts()).filter_map(extension).collect())
    }

    fn get(&self, object: &str) -> Option<Element<'a>> {
        Element::first(self.0.iter().find(|(name, _)| name == object)?.1)
    }

    /// The alternative names of the subject; `None`: it has none.
    pub(super) fn names(&self) -> Option<Elements<'a>> {
        self.get(SUBJECT_ALT_NAME).map(|names| names.parts())
    }

    /// As `X509_check_ca` says 1: basic constraints say so, and the key may sign certificates.
    pub(super) fn is_authority(&self) -> bool {
        let says_so = |constraints: Element| constraints.part(0).is_some_and(|ca| ca.tag == 1 && ca.body != [0]);
        let may_sign = self.get(KEY_USAGE).is_none_or(|usage| usage.body.get(1).is_some_and(|bits| bits & 0x04 != 0));
        self.get(BASIC_CONSTRAINTS).is_some_and(says_so) && may_sign
    }

    /// The object ids of the extended key usage.
    pub(super) fn key_purposes(&self) -> Option<Vec<String>> {
        Some(self.get(EXTENDED_KEY_USAGE)?.parts().filter_map(|purpose| purpose.object()).collect())
    }
}

/// What OpenSSL calls an object, or its numbers.
fn object_name(object: &str, long: bool) -> String {
    let nid = Asn1Object::from_str(object).map_or(Nid::UNDEF, |object| object.nid());
    let name = if long { nid.long_name() } else { nid.short_name() };
    match name {
        Ok(name) if nid != Nid::UNDEF => name.to_owned(),
        _ => object.to_owned(),
    }
}

/// The characters of one of ASN.1's strings.
fn characters(value: &Element) -> String {
    match value.tag {
        // UTF8String
        12 => String::from_utf8_lossy(value.body).into_owned(),
        // UniversalString
        28 => {
            let character = |bytes: &[u8; 4]| char::from_u32(u32::from_be_bytes(*bytes)).unwrap_or('\u{fffd}');
            value.body.as_chunks::<4>().0.iter().map(character).collect()
        }
        // BMPString
        30 => {
            let units: Vec<u16> =
                value.body.as_chunks::<2>().0.iter().map(|bytes| u16::from_be_bytes(*bytes)).collect();
            String::from_utf16_lossy(&units)
        }
        _ => value.body.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// A distinguished name, set by set, as pairs of type and value.
pub(super) fn name_entries(name: &[u8]) -> Vec<Vec<(String, String)>> {
    let pair = |pair: Element| Some((object_name(&pair.part(0)?.object()?, false), characters(&pair.part(1)?)));
    let sets = Element::first(name).map(|name| name.parts());
    sets.into_iter().flatten().map(|set| set.parts().filter_map(pair).collect()).collect()
}

/// `C=DE\nO=Somebody`; undefined for a name without entries.
pub(super) fn name_lines(name: &[u8]) -> Option<String> {
    let line = |set: &Vec<(String, String)>| {
        set.iter().map(|(name, value)| format!("{name}={}", escaped(value, false))).collect::<Vec<_>>().join(" + ")
    };
    let lines: Vec<_> = name_entries(name).iter().map(line).collect();
    if lines.is_empty() { None } else { Some(lines.join("\n")) }
}

/// A value as RFC 2253 escapes it, and control characters; `in_json` they are left to JSON.
fn escaped(value: &str, in_json: bool) -> String {
    let mut text = String::new();
    let last = value.chars().count().saturating_sub(1);
    for (at, character) in value.chars().enumerate() {
        match character {
            ',' | '+' | '<' | '>' | ';' | '"' | '\\' => text.extend(['\\', character]),
            '#' if at == 0 => text.push_str("\\#"),
            ' ' if at == 0 || at == last => text.push_str("\\ "),
            '\0'..'\u{20}' | '\u{7f}' if !in_json => text.push_str(&format!("\\{:02X}", character as u32)),
            _ => text.push(character),
        }
    }
    text
}

// === General names (section 4.2.1.6) ===

pub(super) const EMAIL: u8 = 0x81;
pub(super) const DNS: u8 = 0x82;
pub(super) const IP_ADDRESS: u8 = 0x87;

/// `DNS:example.com, IP Address:127.0.0.1`
pub(super) fn alternative_names(extensions: &Extensions) -> Option<String> {
    Some(extensions.names()?.map(|name| general_name(&name)).collect::<Vec<_>>().join(", "))
}

/// `OCSP - URI:http://...`, one in each line
pub(super) fn information_access(extensions: &Extensions) -> Option<String> {
    let line = |access: Element| {
        Some(format!("{} - {}", object_name(&access.part(0)?.object()?, true), general_name(&access.part(1)?)))
    };
    Some(extensions.get(AUTHORITY_INFO_ACCESS)?.parts().filter_map(line).collect::<Vec<_>>().join("\n"))
}

fn general_name(name: &Element) -> String {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    match name.tag {
        EMAIL => format!("email:{}", safe(&latin1(name.body), false, "")),
        DNS => format!("DNS:{}", safe(&latin1(name.body), false, "")),
        0x86 => format!("URI:{}", safe(&latin1(name.body), false, "")),
        0xa4 => format!("DirName:{}", safe(&directory(name), true, "")),
        IP_ADDRESS => format!("IP Address:{}", address(name.body)),
        0x88 => {
            let whole = super::der::element(OBJECT, name.body);
            format!("Registered ID:{}", Element::first(&whole).and_then(|object| object.object()).unwrap_or_default())
        }
        0xa0 => other_name(name),
        0xa3 => "X400Name:<unsupported>".to_owned(),
        _ => "EdiPartyName:<unsupported>".to_owned(),
    }
}

/// A distinguished name the way of RFC 2253: last things first.
fn directory(name: &Element) -> String {
    let line = |set: &Vec<(String, String)>| {
        set.iter().map(|(name, value)| format!("{name}={}", escaped(value, true))).collect::<Vec<_>>().join("+")
    };
    let whole = name.part(0).filter(|name| name.tag == SEQUENCE).map_or(&[][..], |name| name.whole);
    name_entries(whole).iter().rev().map(line).collect::<Vec<_>>().join(",")
}

fn other_name(name: &Element) -> String {
    const UNSUPPORTED: &str = "othername:<unsupported>";
    let object = name.part(0).and_then(|object| object.object()).unwrap_or_default();
    let Some(value) = name.part(1).and_then(|value| value.part(0)) else { return UNSUPPORTED.to_owned() };
    let (prefix, tag) = match object.as_str() {
        "1.3.6.1.5.5.7.8.9" => ("SmtpUTF8Mailbox", 12),
        "1.3.6.1.5.5.7.8.5" => ("XmppAddr", 12),
        "1.3.6.1.5.5.7.8.7" => ("SRVName", 22),
        "1.3.6.1.4.1.311.20.2.3" => ("UPN", 12),
        "1.3.6.1.5.5.7.8.8" => ("NAIRealm", 12),
        _ => return UNSUPPORTED.to_owned(),
    };
    if value.tag != tag {
        return UNSUPPORTED.to_owned();
    }
    format!("othername:{}", safe(&characters(&value), tag == 12, prefix))
}

fn address(bytes: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return std::net::Ipv4Addr::from(four).to_string();
    }
    if bytes.len() != 16 {
        return format!("<invalid length={}>", bytes.len());
    }
    let groups = bytes.as_chunks::<2>().0.iter().map(|pair| format!("{:X}", u16::from_be_bytes(*pair)));
    groups.collect::<Vec<_>>().join(":")
}

/// As it is where it can't be taken for more than one name, else as a string of JSON.
fn safe(name: &str, is_unicode: bool, prefix: &str) -> String {
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}:") };
    let is_plain = |c: char| (' '..='~').contains(&c) || (is_unicode && !c.is_ascii());
    if name.chars().all(|c| is_plain(c) && !matches!(c, '"' | '\\' | ',' | '\'')) {
        return prefix + name;
    }
    let mut text = format!("\"{prefix}");
    for c in name.chars() {
        match c {
            '\\' | '"' => text.extend(['\\', c]),
            _ if is_plain(c) && c != ',' => text.push(c),
            _ => text.push_str(&format!("\\u00{:02x}", c as u32 & 0xff)),
        }
    }
    text + "\""
}

/// The common names or the mail addresses of a subject: what its type is called.
pub(super) fn subject_values(subject: &[u8], kind: &str) -> Vec<String> {
    name_entries(subject).into_iter().flatten().filter(|(name, _)| name == kind).map(|(_, value)| value).collect()
}

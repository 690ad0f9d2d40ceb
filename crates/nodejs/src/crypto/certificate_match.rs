//! Whether a certificate is for a host, a mail address or an address (RFC 6125), as OpenSSL's `X509_check_host` and its like decide.

use std::net::IpAddr;

use super::certificate_names::{DNS, EMAIL, Extensions, IP_ADDRESS, subject_values};

const ALWAYS_CHECK_SUBJECT: u32 = 1;
const NO_WILDCARDS: u32 = 2;
const NO_PARTIAL_WILDCARDS: u32 = 4;
const MULTI_LABEL_WILDCARDS: u32 = 8;
const SINGLE_LABEL_SUBDOMAINS: u32 = 16;
const NEVER_CHECK_SUBJECT: u32 = 32;

/// The name of the certificate that is one of the host's.
pub(super) fn host(extensions: &Extensions, subject: &[u8], host: &str, flags: u32) -> Option<String> {
    let host = host.strip_suffix('\0').unwrap_or(host).as_bytes();
    find(extensions, subject, DNS, "CN", flags, |pattern| is_host(pattern, host, flags))
}

pub(super) fn email(extensions: &Extensions, subject: &[u8], address: &str, flags: u32) -> bool {
    let is_same = |pattern: &[u8]| is_email(pattern, address.as_bytes());
    find(extensions, subject, EMAIL, "emailAddress", flags, is_same).is_some()
}

pub(super) fn address(extensions: &Extensions, address: IpAddr) -> bool {
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    extensions.names().into_iter().flatten().any(|name| name.tag == IP_ADDRESS && name.body == bytes)
}

/// Among the alternative names of the kind; in the subject only where there are none, unless the flags say otherwise.
fn find(
    extensions: &Extensions,
    subject: &[u8],
    tag: u8,
    in_subject: &str,
    flags: u32,
    is_same: impl Fn(&[u8]) -> bool,
) -> Option<String> {
    let mut has_names = false;
    for name in extensions.names().into_iter().flatten().filter(|name| name.tag == tag) {
        has_names = true;
        if is_same(name.body) {
            return Some(name.body.iter().map(|byte| char::from(*byte)).collect());
        }
    }
    if (has_names && flags & ALWAYS_CHECK_SUBJECT == 0) || flags & NEVER_CHECK_SUBJECT != 0 {
        return None;
    }
    subject_values(subject, in_subject).into_iter().find(|name| is_same(name.as_bytes()))
}

fn is_host(pattern: &[u8], host: &[u8], flags: u32) -> bool {
    // With a dot before it, it means the domains below it.
    if host.len() > 1 && host[0] == b'.' {
        return is_below(pattern, host, flags);
    }
    match star(pattern, flags) {
        None => !pattern.contains(&0) && pattern.eq_ignore_ascii_case(host),
        Some(star) => is_wildcard(&pattern[..star], &pattern[star + 1..], host, flags),
    }
}

fn is_below(pattern: &[u8], domain: &[u8], flags: u32) -> bool {
    let Some(split) = pattern.len().checked_sub(domain.len()) else { return false };
    let (before, rest) = pattern.split_at(split);
    if flags & SINGLE_LABEL_SUBDOMAINS != 0 && before.contains(&b'.') {
        return false;
    }
    !pattern.contains(&0) && rest.eq_ignore_ascii_case(domain)
}

fn is_email(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    // The part before the @ is the host's own affair.
    match one.iter().rposition(|byte| *byte == b'@') {
        Some(at) => one[at..].eq_ignore_ascii_case(&other[at..]) && one[..at] == other[..at],
        None => one == other,
    }
}

/// Where the asterisk of a wildcard is; `None`: it is no valid wildcard.
fn star(pattern: &[u8], flags: u32) -> Option<usize> {
    if flags & NO_WILDCARDS != 0 {
        return None;
    }
    let labels: Vec<&[u8]> = pattern.split(|byte| *byte == b'.').collect();
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let first = labels[0];
    let is_label = |label: &&[u8]| {
        let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        !label.is_empty() && label.iter().all(is_inner) && label[0] != b'-' && label[label.len() - 1] != b'-'
    };
    let is_whole = first == b"*";
    let is_partial = flags & NO_PARTIAL_WILDCARDS == 0 && (star == 0 || star + 1 == first.len());
    let is_internationalized = first.len() >= 4 && first[..4].eq_ignore_ascii_case(b"xn--");
    let others = first.iter().filter(|byte| **byte != b'*');
    let is_good = star < first.len()
        && first.iter().filter(|byte| **byte == b'*').count() == 1
        && (is_whole || (is_partial && !is_internationalized))
        && others.into_iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        // Of the domains at the top nobody has all.
        && labels.len() >= 3
        && labels[1..].iter().all(is_label);
    is_good.then_some(star)
}

fn is_wildcard(prefix: &[u8], suffix: &[u8], host: &[u8], flags: u32) -> bool {
    if host.len() < prefix.len() + suffix.len() {
        return false;
    }
    let (start, end) = (prefix.len(), host.len() - suffix.len());
    if !host[..start].eq_ignore_ascii_case(prefix) || !host[end..].eq_ignore_ascii_case(suffix) {
        return false;
    }
    let between = &host[start..end];
    let is_whole = prefix.is_empty() && suffix.first() == Some(&b'.');
    // An asterisk alone stands for at least one character.
    if is_whole && between.is_empty() {
        return false;
    }
    let many = is_whole && flags & MULTI_LABEL_WILDCARDS != 0;
    // One that is part of a label stands for no part of an internationalized one.
    if !is_whole && host.len() >= 4 && host[..4].eq_ignore_ascii_case(b"xn--") {
        return false;
    }
    if between == b"*" {
        return true;
    }
    between.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-' || (many && *byte == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_one_label() {
        let is = |pattern: &str, host: &str| is_host(pattern.as_bytes(), host.as_bytes(), 0);
        assert!(is("*.example.com", "a.example.com") && is("*.example.com", "A.EXAMPLE.com"));
        assert!(!is("*.example.com", "example.com") && !is("*.example.com", "a.b.example.com"));
        assert!(!is("*.com", "example.com") && !is("a.*.com", "a.b.com") && !is("*.*.example.com", "a.b.example.com"));
        assert!(is("w*.example.com", "www.example.com") && !is("w*.example.com", "xn--w.example.com"));
        assert!(!is_host(b"w*.example.com", b"www.example.com", NO_PARTIAL_WILDCARDS));
        assert!(!is_host(b"*.example.com", b"a.example.com", NO_WILDCARDS));
        assert!(is_host(b"*.example.com", b"a.b.example.com", MULTI_LABEL_WILDCARDS));
        assert!(is("a.example.com", ".example.com") && is("a.b.example.com", ".example.com"));
        assert!(!is_host(b"a.b.example.com", b".example.com", SINGLE_LABEL_SUBDOMAINS));
    }

    #[test]
    fn the_domain_of_a_mail_address_has_no_case() {
        assert!(is_email(b"a@example.com", b"a@EXAMPLE.com") && !is_email(b"a@example.com", b"A@example.com"));
    }
}

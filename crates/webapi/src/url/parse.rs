//! The URL parser (§4.4), without its state machine: each state that starts a part is a method, and the text that is left
//! is its argument. The setters' "state overrides" are in `set.rs`.

use std::borrow::Cow;

use super::encode::{Part, encode, encode_into};
use super::host;
use super::record::{Url, default_port, is_drive, is_normalized_drive, is_special, starts_with_drive};

/// §4.4 "basic URL parser" without override.
pub(super) fn parse(input: &str, base: Option<&Url>) -> Option<Url> {
    let input = input.trim_matches(|c: char| c <= ' ');
    let input = &*without_tabs_and_newlines(input);
    let mut url = Url::default();
    let Some((scheme, rest)) = split_scheme(input) else {
        return url.parse_without_scheme(input, base?).map(|()| url);
    };
    url.scheme = scheme;
    if url.scheme == "file" {
        url.parse_file(rest, base.filter(|base| base.scheme == "file"))?;
    } else if url.is_special() {
        match base.filter(|base| base.scheme == url.scheme && !rest.starts_with("//")) {
            Some(base) => url.parse_relative(rest, base)?,
            None => url.parse_authority(rest.trim_start_matches(['/', '\\']))?,
        }
    } else if let Some(rest) = rest.strip_prefix("//") {
        url.parse_authority(rest)?;
    } else if let Some(rest) = rest.strip_prefix('/') {
        url.parse_path(rest);
    } else {
        url.parse_opaque_path(rest);
    }
    Some(url)
}

pub(super) fn without_tabs_and_newlines(input: &str) -> Cow<'_, str> {
    let removed = ['\t', '\n', '\r'];
    if input.contains(removed) { input.replace(removed, "").into() } else { input.into() }
}

/// The scheme in lower case and what follows its colon.
pub(super) fn split_scheme(input: &str) -> Option<(String, &str)> {
    let (scheme, rest) = input.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

impl Url {
    /// The slash that also may be a backslash in special URLs.
    fn is_slash(&self, c: char) -> bool {
        c == '/' || c == '\\' && self.is_special()
    }

    /// "no scheme state"
    fn parse_without_scheme(&mut self, input: &str, base: &Url) -> Option<()> {
        if base.opaque_path {
            let fragment = input.strip_prefix('#')?;
            *self = base.clone();
            self.set_fragment(fragment);
            return Some(());
        }
        self.scheme.clone_from(&base.scheme);
        if base.scheme == "file" { self.parse_file(input, Some(base)) } else { self.parse_relative(input, base) }
    }

    /// "relative state" and "relative slash state"
    fn parse_relative(&mut self, rest: &str, base: &Url) -> Option<()> {
        let mut chars = rest.chars();
        if chars.next().is_some_and(|c| self.is_slash(c)) {
            let rest = chars.as_str();
            let authority = chars.next().is_some_and(|c| self.is_slash(c));
            if authority && self.is_special() {
                return self.parse_authority(rest.trim_start_matches(['/', '\\']));
            }
            if authority {
                return self.parse_authority(chars.as_str());
            }
            self.copy_authority(base);
            self.parse_path(rest);
            return Some(());
        }
        self.copy_authority(base);
        self.parse_from_base_path(rest, base, false);
        Some(())
    }

    fn copy_authority(&mut self, base: &Url) {
        self.username.clone_from(&base.username);
        self.password.clone_from(&base.password);
        self.host.clone_from(&base.host);
        self.port = base.port;
    }

    /// What follows in "relative state" and "file state" when the reference doesn't begin with a slash.
    fn parse_from_base_path(&mut self, rest: &str, base: &Url, from_root: bool) {
        self.path.clone_from(&base.path);
        match rest.bytes().next() {
            None => self.query.clone_from(&base.query),
            Some(b'?') => self.parse_query_and_fragment(rest),
            Some(b'#') => {
                self.query.clone_from(&base.query);
                self.parse_query_and_fragment(rest);
            }
            Some(_) => {
                if from_root {
                    self.path.clear();
                } else {
                    self.shorten_path();
                }
                self.parse_path(rest);
            }
        }
    }

    /// "file state" and "file slash state"
    fn parse_file(&mut self, rest: &str, base: Option<&Url>) -> Option<()> {
        self.host = Some(String::new());
        let Some(after_slash) = rest.strip_prefix(['/', '\\']) else {
            match base {
                Some(base) => {
                    self.host.clone_from(&base.host);
                    self.parse_from_base_path(rest, base, starts_with_drive(rest));
                }
                None => self.parse_path(rest),
            }
            return Some(());
        };
        if let Some(rest) = after_slash.strip_prefix(['/', '\\']) {
            return self.parse_file_host(rest);
        }
        if let Some(base) = base {
            self.host.clone_from(&base.host);
            let first = base.path.get(..3).unwrap_or_default();
            if !starts_with_drive(after_slash)
                && is_normalized_drive(first)
                && matches!(base.path.as_bytes().get(3), None | Some(b'/'))
            {
                self.path.push_str(first);
            }
        }
        self.parse_path(after_slash);
        Some(())
    }

    /// "file host state"
    fn parse_file_host(&mut self, rest: &str) -> Option<()> {
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (host, after) = rest.split_at(end);
        if is_drive(host) {
            self.parse_path(rest);
            return Some(());
        }
        self.set_file_host(host)?;
        self.parse_path_start(after);
        Some(())
    }

    pub(super) fn set_file_host(&mut self, host: &str) -> Option<()> {
        let host = if host.is_empty() { String::new() } else { host::parse(host, true)? };
        self.host = Some(if host == "localhost" { String::new() } else { host });
        Some(())
    }

    /// "authority state" and on
    fn parse_authority(&mut self, rest: &str) -> Option<()> {
        let end = rest.find(|c| matches!(c, '?' | '#') || self.is_slash(c)).unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        let host_and_port = match authority.rsplit_once('@') {
            // Credentials want a host.
            Some((_, "")) => return None,
            Some((credentials, host_and_port)) => {
                let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                self.username = encode(username, Part::Userinfo);
                self.password = encode(password, Part::Userinfo);
                host_and_port
            }
            None => authority,
        };
        let (host, port) = split_port(host_and_port);
        if host.is_empty() && (self.is_special() || port.is_some()) {
            return None;
        }
        self.host = Some(if host.is_empty() { String::new() } else { host::parse(host, self.is_special())? });
        if let Some(port) = port
            && !port.is_empty()
        {
            if !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            self.set_port_digits(port)?;
        }
        self.parse_path_start(after);
        Some(())
    }

    /// `None`: not a port number.
    pub(super) fn set_port_digits(&mut self, digits: &str) -> Option<()> {
        let significant = digits.trim_start_matches('0');
        let port: u16 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
        self.port = Some(port).filter(|port| default_port(&self.scheme) != Some(*port));
        Some(())
    }

    /// "path start state"
    fn parse_path_start(&mut self, rest: &str) {
        match rest.chars().next() {
            Some(c) if self.is_slash(c) => self.parse_path(&rest[1..]),
            // The path of a special URL has a segment at least.
            _ if self.is_special() => self.parse_path(rest),
            _ => self.parse_query_and_fragment(rest),
        }
    }

    /// "path state": segments to the query or fragment. The slash before the first is gone.
    fn parse_path(&mut self, rest: &str) {
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        self.push_segments(path);
        self.parse_query_and_fragment(after);
    }

    pub(super) fn push_segments(&mut self, path: &str) {
        let mut rest = path;
        loop {
            let slash = rest.find(|c| self.is_slash(c));
            let (segment, is_last) = match slash {
                Some(slash) => (&rest[..slash], false),
                None => (rest, true),
            };
            if is_double_dot(segment) {
                self.shorten_path();
                if is_last {
                    self.path.push('/');
                }
            } else if is_single_dot(segment) {
                if is_last {
                    self.path.push('/');
                }
            } else if self.scheme == "file" && self.path.is_empty() && is_drive(segment) {
                self.path.push('/');
                self.path.push_str(&segment[..1]);
                self.path.push(':');
            } else {
                self.path.push('/');
                encode_into(&mut self.path, segment, Part::Path);
            }
            match slash {
                Some(slash) => rest = &rest[slash + 1..],
                None => return,
            }
        }
    }

    /// "opaque path state"
    fn parse_opaque_path(&mut self, rest: &str) {
        self.opaque_path = true;
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (path, after) = rest.split_at(end);
        // A space at the end would be lost once what follows is taken away.
        match path.strip_suffix(' ').filter(|_| !after.is_empty()) {
            Some(path) => {
                encode_into(&mut self.path, path, Part::Opaque);
                self.path.push_str("%20");
            }
            None => encode_into(&mut self.path, path, Part::Opaque),
        }
        self.parse_query_and_fragment(after);
    }

    /// The rest from a "?" or a "#" on, or nothing.
    fn parse_query_and_fragment(&mut self, rest: &str) {
        let (before, fragment) = match rest.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment)),
            None => (rest, None),
        };
        if let Some(query) = before.strip_prefix('?') {
            self.set_query(query);
        }
        if let Some(fragment) = fragment {
            self.set_fragment(fragment);
        }
    }

    pub(super) fn set_query(&mut self, query: &str) {
        let part = if is_special(&self.scheme) { Part::SpecialQuery } else { Part::Query };
        self.query = Some(encode(query, part));
    }

    pub(super) fn set_fragment(&mut self, fragment: &str) {
        self.fragment = Some(encode(fragment, Part::Fragment));
    }
}

/// Splits at the first colon outside brackets.
pub(super) fn split_port(host_and_port: &str) -> (&str, Option<&str>) {
    let mut inside = false;
    for (i, byte) in host_and_port.bytes().enumerate() {
        match byte {
            b'[' => inside = true,
            b']' => inside = false,
            b':' if !inside => return (&host_and_port[..i], Some(&host_and_port[i + 1..])),
            _ => {}
        }
    }
    (host_and_port, None)
}

fn is_single_dot(segment: &str) -> bool {
    segment == "." || segment.eq_ignore_ascii_case("%2e")
}

fn is_double_dot(segment: &str) -> bool {
    match segment.len() {
        2 => segment == "..",
        4 => segment.eq_ignore_ascii_case(".%2e") || segment.eq_ignore_ascii_case("%2e."),
        6 => segment.eq_ignore_ascii_case("%2e%2e"),
        _ => false,
    }
}

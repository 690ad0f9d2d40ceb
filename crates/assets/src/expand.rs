//! Patterns of rules: `*` and `:name` in what a rule is for, and the same names in what it gives.

use regex::bytes::{Captures, Regex, RegexBuilder};

/// Bytes that a compiled pattern may take. Lines are short, so only a hostile one comes near.
const MAX_COMPILED: usize = 1 << 20;
/// The longest text that a rule may give for a request, in bytes.
const MAX_EXPANDED: usize = 64 << 10;

/// What a rule is for.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// It names a host, so it is held against `https://<host><path>`.
    pub(crate) has_host: bool,
}

// === impl Pattern ===

impl Pattern {
    /// A rule's pattern; `None`: no request can match it, as when a name stands in it twice.
    pub(crate) fn rule(text: &str) -> Option<Self> {
        let has_host = text.starts_with("https://");
        let mut pattern = escaped(text, "(?<splat>.*)");
        if has_host {
            for name in host_names(&pattern) {
                pattern = pattern.replace(&format!(":{name}"), &format!("(?<{name}>[^/.]+)"));
            }
        }
        for name in names(&pattern) {
            pattern = pattern.replace(&format!(":{name}"), &format!("(?<{name}>[^/]+)"));
        }
        Some(Self { regex: compile(&pattern)?, has_host })
    }

    /// A path with `*` alone.
    pub(crate) fn glob(text: &str) -> Option<Self> {
        Some(Self { regex: compile(&escaped(text, ".*"))?, has_host: false })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }

    pub(crate) fn captures<'t>(&self, text: &'t str) -> Option<Found<'_, 't>> {
        self.regex.captures(text.as_bytes()).map(|captures| Found { regex: &self.regex, captures })
    }
}

/// What a request had in place of the names.
pub(crate) struct Found<'r, 't> {
    regex: &'r Regex,
    captures: Captures<'t>,
}

// === impl Found ===

impl Found<'_, '_> {
    /// `template` with the names replaced; `None`: that would be too long. What was put in is not looked through again.
    pub(crate) fn expand(&self, template: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = template;
        while let Some(colon) = rest.find(':') {
            text.push_str(&rest[..colon]);
            rest = &rest[colon + 1..];
            let known = self.regex.capture_names().flatten().find(|name| rest.starts_with(name));
            match known.and_then(|name| Some((name, self.captures.name(name)?))) {
                Some((name, value)) => {
                    text.push_str(&String::from_utf8_lossy(value.as_bytes()));
                    rest = &rest[name.len()..];
                }
                None => text.push(':'),
            }
            if text.len() > MAX_EXPANDED {
                return None;
            }
        }
        text.push_str(rest);
        (text.len() <= MAX_EXPANDED).then_some(text)
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&format!("^{pattern}$")).unicode(false).size_limit(MAX_COMPILED).build().ok()
}

fn escaped(text: &str, splat: &str) -> String {
    text.split('*').map(escape).collect::<Vec<_>>().join(splat)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if r"-/\^$+?.()|[]{}&~#".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The names after colons, in their order: a letter, then letters, digits and underscores.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(colon) = rest.find(':') {
        rest = &rest[colon + 1..];
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, after) = rest.split_at(length);
        if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            names.push(name.to_owned());
            rest = after;
        }
    }
    names
}

/// The names in the host of an escaped pattern, which a dot or a slash ends.
fn host_names(pattern: &str) -> Vec<String> {
    let Some(rest) = pattern.strip_prefix(r"https:\/\/") else { return Vec::new() };
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let ends = |name: &String| host.contains(&format!(":{name}\\"));
    names(host).into_iter().filter(ends).collect()
}

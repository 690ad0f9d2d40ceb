//! `_headers`: what is added to the answers of paths.
//! <https://developers.cloudflare.com/workers/static-assets/headers/>

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::config::ConfigError;
use crate::expand::Pattern;
use crate::lines::{check_length, lines};
use crate::rule_url::{Place, normalize};

const FILE: &str = "_headers";
const MAX_RULES: usize = 100;
/// What takes a header away: `! Name`.
const UNSET: &str = "! ";

#[derive(Debug, Default)]
pub(crate) struct HeaderRules(Vec<(Pattern, HeaderRule)>);

/// One path of the file, as it is being read.
#[derive(Debug, Default)]
struct HeaderRule {
    path: String,
    line: usize,
    set: Vec<(HeaderName, String)>,
    unset: Vec<HeaderName>,
}

// === impl HeaderRules ===

impl HeaderRules {
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let (mut rules, mut invalid) = (Vec::<HeaderRule>::new(), Vec::new());
        // The rule that is being read; `None`: its path is wrong, which was said.
        let mut current: Option<Option<HeaderRule>> = None;
        for (number, line) in lines(text) {
            let mut wrong = |message: &str| invalid.push(format!("Line {number}: {message}"));
            if let Err(message) = check_length(number, line) {
                wrong(&message);
            } else if is_path(line) {
                finish(current.take().flatten(), &mut rules, &mut invalid)?;
                current = Some(match normalize(line, Place::Headers) {
                    Ok(path) => Some(HeaderRule { path, line: number, ..HeaderRule::default() }),
                    Err(message) => {
                        invalid.push(format!("Line {number}: {message}"));
                        None
                    }
                });
            } else {
                match &mut current {
                    None => wrong("Expected a path before headers"),
                    Some(None) => {}
                    Some(Some(rule)) => rule.add(line).unwrap_or_else(|message| wrong(&message)),
                }
            }
        }
        finish(current.flatten(), &mut rules, &mut invalid)?;
        if !invalid.is_empty() {
            return Err(ConfigError::Rules { file: FILE, lines: invalid });
        }
        Ok(Self(rules.into_iter().filter_map(|rule| Some((Pattern::rule(&rule.path)?, rule))).collect()))
    }

    /// Changes the headers of an answer to a request for `url`. A header that two rules set has both values; one that was there
    /// before is replaced.
    pub(crate) fn apply(&self, url: &Url, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let whole = format!("https://{}{}", url.host_str().unwrap_or_default(), url.path());
        let mut ours = HashSet::new();
        for (pattern, rule) in &self.0 {
            let Some(found) = pattern.captures(if pattern.has_host { &whole } else { url.path() }) else { continue };
            for name in &rule.unset {
                headers.remove(name);
            }
            for (name, template) in &rule.set {
                let value = found.expand(template).map(|value| value.trim().to_owned());
                let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) else { continue };
                match ours.insert(name) {
                    true => drop(headers.insert(name, value)),
                    false => join(headers, name, value),
                }
            }
        }
    }
}

/// Adds a value to a header: one line for all values, but for cookies, which can't share one.
fn join(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    let before = headers.get(name).filter(|_| name != http::header::SET_COOKIE);
    let joined = before.map(|before| [before.as_bytes(), b", ", value.as_bytes()].concat());
    match joined.and_then(|joined| HeaderValue::from_bytes(&joined).ok()) {
        Some(joined) => drop(headers.insert(name, joined)),
        None => drop(headers.append(name, value)),
    }
}

/// Keeps a rule that was read whole. A second one for the same path takes the first one's place.
fn finish(rule: Option<HeaderRule>, rules: &mut Vec<HeaderRule>, invalid: &mut Vec<String>) -> Result<(), ConfigError> {
    let Some(rule) = rule else { return Ok(()) };
    if rule.set.is_empty() && rule.unset.is_empty() {
        invalid.push(format!("Line {}: No headers specified", rule.line));
        return Ok(());
    }
    match rules.iter().position(|known| known.path == rule.path) {
        Some(known) => rules[known] = rule,
        None if rules.len() >= MAX_RULES => return Err(ConfigError::TooMany { what: FILE, most: MAX_RULES }),
        None => rules.push(rule),
    }
    Ok(())
}

/// Whether a line says what the headers after it are for.
fn is_path(line: &str) -> bool {
    let scheme = line.split("://").next().unwrap_or_default();
    line.starts_with('/') || (scheme.len() < line.len() && !scheme.is_empty() && !scheme.contains(char::is_whitespace))
}

// === impl HeaderRule ===

impl HeaderRule {
    fn add(&mut self, line: &str) -> Result<(), String> {
        let Some((name, value)) = line.split_once(':') else {
            let name = line.strip_prefix(UNSET).ok_or("Expected a colon-separated header pair (e.g. name: value)")?;
            self.unset.push(header_name(name.trim())?);
            return Ok(());
        };
        let (name, value) = (name.trim(), value.trim());
        if name.contains(' ') {
            return Err("Header name cannot include spaces".into());
        }
        if name.is_empty() {
            return Err("No header name specified".into());
        }
        if value.is_empty() {
            return Err("No header value specified".into());
        }
        let name = header_name(name)?;
        match self.set.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push_str(", ");
                values.push_str(value);
            }
            None => self.set.push((name, value.to_owned())),
        }
        Ok(())
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(name).map_err(|_| format!("{name:?} is no name of a header"))
}

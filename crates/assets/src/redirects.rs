//! `_redirects`: paths that lead elsewhere.
//! <https://developers.cloudflare.com/workers/static-assets/redirects/>

use std::collections::{HashMap, HashSet};

use http::StatusCode;
use url::Url;

use crate::HtmlHandling;
use crate::config::ConfigError;
use crate::expand::Pattern;
use crate::lines::{check_length, lines};
use crate::rule_url::{Place, has_host, normalize};

const FILE: &str = "_redirects";
const MAX_STATIC: usize = 2000;
const MAX_DYNAMIC: usize = 100;

/// A static rule is for one path. The first rule with `*` or `:name` and all that follow it are dynamic, and held against a path
/// one after the other.
#[derive(Debug, Default)]
pub(crate) struct RedirectRules {
    fixed: HashMap<String, Target>,
    dynamic: Vec<(Pattern, Target)>,
}

#[derive(Debug)]
struct Target {
    to: String,
    status: u16,
}

/// What a rule makes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// The client is sent there.
    To(StatusCode, String),
    /// Another path of the assets answers.
    Rewrite(String),
    /// The rule gives no URL.
    Broken,
}

// === impl RedirectRules ===

impl RedirectRules {
    pub(crate) fn parse(text: &str, html: HtmlHandling) -> Result<Self, ConfigError> {
        let (mut rules, mut invalid, mut seen) = (Self::default(), Vec::new(), HashSet::new());
        let (mut fixed, mut dynamic) = (0, 0);
        for (number, line) in lines(text) {
            let (from, target) = match rule(number, line, html) {
                Ok(rule) => rule,
                Err(message) => {
                    invalid.push(format!("Line {number}: {message}"));
                    continue;
                }
            };
            let is_fixed = dynamic == 0 && !is_pattern(&from);
            let (count, what, most) = match is_fixed {
                true => (&mut fixed, "static _redirects", MAX_STATIC),
                false => (&mut dynamic, "dynamic _redirects", MAX_DYNAMIC),
            };
            *count += 1;
            if *count > most {
                return Err(ConfigError::TooMany { what, most });
            }
            if !seen.insert(from.clone()) {
                invalid.push(format!("Line {number}: Ignoring duplicate rule for path {from}."));
                continue;
            }
            match is_fixed {
                true => drop(rules.fixed.insert(from, target)),
                false => rules.dynamic.extend(Pattern::rule(&from).map(|pattern| (pattern, target))),
            }
        }
        match invalid.is_empty() {
            true => Ok(rules),
            false => Err(ConfigError::Rules { file: FILE, lines: invalid }),
        }
    }

    /// What is made of a request for `url`, where a rule is for it.
    pub(crate) fn find(&self, url: &Url) -> Option<Redirect> {
        if let Some(Target { to, status }) = self.fixed.get(url.path()) {
            return Some(redirect(url, to, *status));
        }
        self.dynamic.iter().find_map(|(pattern, Target { to, status })| {
            let to = pattern.captures(url.path())?.expand(to);
            let Some(to) = to else { return Some(Redirect::Broken) };
            let to = to.trim();
            Some(match has_scheme(to) {
                true => redirect(url, to, *status),
                // Of what a request puts in, no host is made.
                false => redirect(url, &single_slashes(to), *status),
            })
        })
    }
}

/// What a line says: from where, and to where.
fn rule(number: usize, line: &str, html: HtmlHandling) -> Result<(String, Target), String> {
    check_length(number, line)?;
    let (from, to, status) = words(line)?;
    let from = normalize(from, Place::From)?;
    let target = target(&from, to, status, html)?;
    Ok((from, target))
}

/// The words of a line, up to a comment: from, to, and the status.
fn words(line: &str) -> Result<(&str, &str, &str), String> {
    let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    match words[..] {
        [from, to] => Ok((from, to, "302")),
        [from, to, status] => Ok((from, to, status)),
        _ => Err(format!("Expected exactly 2 or 3 whitespace-separated tokens. Got {}.", words.len())),
    }
}

fn target(from: &str, to: &str, status: &str, html: HtmlHandling) -> Result<Target, String> {
    let to = normalize(to, Place::To)?;
    let code = status.parse().ok().filter(|code| [200, 301, 302, 303, 307, 308].contains(code));
    let code: u16 =
        code.ok_or_else(|| format!("Valid status codes are 200, 301, 302 (default), 303, 307, or 308. Got {status}."))?;
    let is_index = to.ends_with("/index") || to.ends_with("/index.html");
    let strips = from.ends_with("/*") || (from.ends_with('/') && html != HtmlHandling::None);
    if !has_host(&to) && is_index && strips {
        return Err("Infinite loop detected in this rule. This would cause a redirect to strip `.html` or `/index` and end up triggering this rule again.".into());
    }
    if code == 200 && has_host(&to) {
        return Err(format!("Proxy (200) redirects can only point to relative paths. Got {to}"));
    }
    Ok(Target { to, status: code })
}

fn is_pattern(from: &str) -> bool {
    let named = |colon: usize| from[colon + 1..].starts_with(|first: char| first.is_ascii_alphabetic());
    from.contains('*') || from.match_indices(':').any(|(colon, _)| named(colon))
}

fn has_scheme(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(word))
}

fn single_slashes(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !text.ends_with('/') {
            text.push(character);
        }
    }
    text
}

/// Where a client is sent, with the query that it came with unless the rule has one.
fn redirect(url: &Url, to: &str, status: u16) -> Redirect {
    let (Ok(mut destination), Ok(status)) = (url.join(to), StatusCode::from_u16(status)) else {
        return Redirect::Broken;
    };
    if status == StatusCode::OK {
        return Redirect::Rewrite(destination.path().to_owned());
    }
    if destination.query().is_none_or(str::is_empty) {
        destination.set_query(url.query().filter(|query| !query.is_empty()));
    }
    if destination.fragment().is_some_and(str::is_empty) {
        destination.set_fragment(None);
    }
    let is_ours = destination.origin() == url.origin();
    let from = if is_ours { url::Position::BeforePath } else { url::Position::BeforeScheme };
    Redirect::To(status, destination[from..].to_owned())
}

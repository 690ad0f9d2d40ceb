//! The setters of a URL (§6.1), which run parts of the parser with a "state override". A value that doesn't fit leaves the
//! URL as it is.

use super::encode::{Part, encode};
use super::host;
use super::parse::{split_port, split_scheme, without_tabs_and_newlines};
use super::record::{Url, default_port, is_special};

/// What a setter sets. The numbers are those of `js/url.js`.
#[derive(Clone, Copy)]
pub(super) enum Component {
    Protocol,
    Username,
    Password,
    Host,
    Hostname,
    Port,
    Pathname,
    Search,
    Hash,
}

// === impl Component ===

impl Component {
    pub(super) fn from_number(number: u32) -> Option<Self> {
        use Component::*;
        [Protocol, Username, Password, Host, Hostname, Port, Pathname, Search, Hash].get(number as usize).copied()
    }
}

impl Url {
    /// `None`: the value was refused; what it had changed before that stays.
    pub(super) fn set(&mut self, component: Component, value: &str) -> Option<()> {
        match component {
            Component::Username if !self.cannot_have_credentials_or_port() => {
                self.username = encode(value, Part::Userinfo)
            }
            Component::Password if !self.cannot_have_credentials_or_port() => {
                self.password = encode(value, Part::Userinfo)
            }
            Component::Username | Component::Password => return None,
            Component::Search => self.set_search(value),
            Component::Hash => self.set_hash(value),
            Component::Port => self.set_port(value)?,
            Component::Protocol => self.set_protocol(&without_tabs_and_newlines(value))?,
            Component::Host => self.set_host(&without_tabs_and_newlines(value), true)?,
            Component::Hostname => self.set_host(&without_tabs_and_newlines(value), false)?,
            Component::Pathname => self.set_pathname(&without_tabs_and_newlines(value))?,
        }
        Some(())
    }

    fn set_protocol(&mut self, value: &str) -> Option<()> {
        let with_colon = format!("{value}:");
        let (scheme, _) = split_scheme(&with_colon)?;
        let refused = is_special(&scheme) != self.is_special()
            || scheme == "file" && (self.has_credentials() || self.port.is_some())
            || self.scheme == "file" && self.host.as_deref() == Some("");
        if refused {
            return None;
        }
        self.scheme = scheme;
        self.port = self.port.filter(|port| default_port(&self.scheme) != Some(*port));
        Some(())
    }

    fn set_host(&mut self, value: &str, with_port: bool) -> Option<()> {
        if self.opaque_path {
            return None;
        }
        let special = self.is_special();
        let end = value.find(|c| matches!(c, '/' | '?' | '#') || c == '\\' && special).unwrap_or(value.len());
        let value = &value[..end];
        if self.scheme == "file" {
            return self.set_file_host(value);
        }
        let (host, port) = split_port(value);
        if port.is_some() && (host.is_empty() || !with_port) {
            return None;
        }
        if host.is_empty() && (special || self.has_credentials() || self.port.is_some()) {
            return None;
        }
        self.host = Some(if host.is_empty() { String::new() } else { host::parse(host, special)? });
        match port {
            Some(port) => self.set_leading_port(port),
            None => Some(()),
        }
    }

    fn set_port(&mut self, value: &str) -> Option<()> {
        if self.cannot_have_credentials_or_port() {
            return None;
        }
        if value.is_empty() {
            self.port = None;
            return Some(());
        }
        self.set_leading_port(&without_tabs_and_newlines(value))
    }

    /// Digits up to the first other character.
    fn set_leading_port(&mut self, value: &str) -> Option<()> {
        let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
        if end == 0 {
            return None;
        }
        self.set_port_digits(&value[..end])
    }

    fn set_pathname(&mut self, value: &str) -> Option<()> {
        if self.opaque_path {
            return None;
        }
        self.path.clear();
        let slash = value.starts_with('/') || value.starts_with('\\') && self.is_special();
        let rest = if slash { &value[1..] } else { value };
        if !value.is_empty() || self.is_special() || self.host.is_none() {
            self.push_segments(rest);
        }
        Some(())
    }

    fn set_search(&mut self, value: &str) {
        if value.is_empty() {
            self.query = None;
        } else {
            self.set_query(&without_tabs_and_newlines(value.strip_prefix('?').unwrap_or(value)));
        }
    }

    fn set_hash(&mut self, value: &str) {
        if value.is_empty() {
            self.fragment = None;
        } else {
            self.set_fragment(&without_tabs_and_newlines(value.strip_prefix('#').unwrap_or(value)));
        }
    }
}

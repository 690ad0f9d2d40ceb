//! A URL's parts (§4.1) and its serialisation (§4.5).

use std::fmt::Write;

/// A parsed URL. Every part is in its serialised form.
#[derive(Clone, Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: String,
    pub(super) username: String,
    pub(super) password: String,
    /// `None`: no authority. The empty host is `Some("")`.
    pub(super) host: Option<String>,
    /// `None` for the scheme's default port.
    pub(super) port: Option<u16>,
    /// Each segment of a path list has its slash before it: the empty list is the empty string.
    pub(super) path: String,
    pub(super) opaque_path: bool,
    pub(super) query: Option<String>,
    pub(super) fragment: Option<String>,
}

/// Where the parts begin in a serialised URL, in the order that `js/url.js` reads: scheme end, username end, host start,
/// host end, path start, query start and fragment start, the last two 0 when absent.
pub(super) type Offsets = [u32; 7];

// === impl Url ===

impl Url {
    pub(super) fn is_special(&self) -> bool {
        is_special(&self.scheme)
    }

    pub(super) fn has_credentials(&self) -> bool {
        !self.username.is_empty() || !self.password.is_empty()
    }

    /// §4.1 "cannot have a username/password/port"
    pub(super) fn cannot_have_credentials_or_port(&self) -> bool {
        self.host.as_deref().unwrap_or_default().is_empty() || self.scheme == "file"
    }

    /// §4.4 "shorten"
    pub(super) fn shorten_path(&mut self) {
        if self.scheme == "file" && is_normalized_drive(&self.path) {
            return;
        }
        let end = self.path.rfind('/').unwrap_or(0);
        self.path.truncate(end);
    }

    /// §4.5 "URL serializer"
    pub(super) fn serialize(&self) -> (String, Offsets) {
        let length = self.scheme.len() + self.path.len() + self.host.as_ref().map_or(0, String::len) + 16;
        let mut href = String::with_capacity(length + self.query.as_ref().map_or(0, String::len));
        let mut offsets = [0; 7];
        href.push_str(&self.scheme);
        offsets[0] = offset(&href);
        href.push(':');
        match &self.host {
            Some(host) => {
                href.push_str("//");
                href.push_str(&self.username);
                offsets[1] = offset(&href);
                if !self.password.is_empty() {
                    href.push(':');
                    href.push_str(&self.password);
                }
                if self.has_credentials() {
                    href.push('@');
                }
                offsets[2] = offset(&href);
                href.push_str(host);
                offsets[3] = offset(&href);
                if let Some(port) = self.port {
                    // Writing to a string can't fail.
                    let _ = write!(href, ":{port}");
                }
            }
            None => {
                let end = offset(&href);
                offsets[1..4].fill(end);
                if !self.opaque_path && self.path.starts_with("//") {
                    href.push_str("/.");
                }
            }
        }
        offsets[4] = offset(&href);
        href.push_str(&self.path);
        if let Some(query) = &self.query {
            offsets[5] = offset(&href);
            href.push('?');
            href.push_str(query);
        }
        if let Some(fragment) = &self.fragment {
            offsets[6] = offset(&href);
            href.push('#');
            href.push_str(fragment);
        }
        (href, offsets)
    }
}

/// V8's longest string is below 2^30 units, and encoding triples a length at most.
fn offset(href: &str) -> u32 {
    u32::try_from(href.len()).unwrap_or(u32::MAX)
}

/// §4.2 "special scheme"
pub(super) fn is_special(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss" | "ftp" | "file")
}

pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        _ => None,
    }
}

/// §4.2 "Windows drive letter"
pub(super) fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
}

/// §4.2 "starts with a Windows drive letter"
pub(super) fn starts_with_drive(text: &str) -> bool {
    match text.as_bytes() {
        [letter, b':' | b'|'] | [letter, b':' | b'|', b'/' | b'\\' | b'?' | b'#', ..] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Whether a path is one segment, a normalized Windows drive letter.
pub(super) fn is_normalized_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [b'/', letter, b':'] if letter.is_ascii_alphabetic())
}

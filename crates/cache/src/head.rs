//! What is known of a stored response besides its body.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue, VARY};
use serde::{Deserialize, Serialize};

use crate::policy::{Lifetime, combined};
use crate::store::Payload;

/// What a response is stored under: a location, whose cache it is, which cache, and the URL or what stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key(pub(crate) Box<str>);

/// Status, headers, and rules of a stored response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub status: u16,
    /// The reason phrase where it is not the usual one.
    pub reason: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    /// The request's values of the headers that `Vary` names.
    vary: Vec<(String, Option<String>)>,
    pub lifetime: Lifetime,
    pub tags: Vec<String>,
}

/// A stored response.
#[derive(Clone)]
pub struct Entry {
    pub head: Arc<Head>,
    pub(crate) payload: Arc<Payload>,
    pub(crate) id: u64,
}

// === impl Key ===

impl Key {
    /// `name`: None for the default cache, which `fetch` uses too.
    pub fn new(colo: &str, owner: &str, name: Option<&str>, url: &str) -> Self {
        let (kind, name) = name.map_or(("default", ""), |name| ("named", name));
        Self(format!("{colo}\0{owner}\0{kind}\0{name}\0{}", url.split('#').next().unwrap_or(url)).into())
    }

    /// What all keys of one owner in one location begin with.
    pub(crate) fn prefix(colo: &str, owner: &str) -> String {
        format!("{colo}\0{owner}\0")
    }
}

// === impl Head ===

impl Head {
    pub fn new(
        status: u16,
        reason: Option<String>,
        headers: &HeaderMap,
        request: &HeaderMap,
        lifetime: Lifetime,
    ) -> Self {
        let varying = combined(headers, &VARY).unwrap_or_default();
        let names = varying.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty());
        // Bodies are decoded or encoded for whoever takes them, so codings tell no two responses apart.
        let names = names.filter(|name| name != "accept-encoding");
        let vary = names.map(|name| {
            let value = selected(request, &name);
            (name, value)
        });
        let tags = combined(headers, &HeaderName::from_static("cache-tag")).unwrap_or_default();
        let tags = tags.split(',').map(|tag| tag.trim().to_ascii_lowercase()).filter(|tag| !tag.is_empty()).collect();
        Self {
            status,
            reason,
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            vary: vary.collect(),
            lifetime,
            tags,
        }
    }

    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 4);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value)) {
                headers.append(name, value);
            }
        }
        headers
    }

    /// The same with the headers of a 304, but for those that describe the body (RFC 9111 §3.2).
    pub(crate) fn freshened(&self, newer: &HeaderMap, lifetime: Lifetime) -> Self {
        let mut headers = self.headers();
        for name in newer.keys() {
            if ["content-length", "content-encoding", "content-type", "content-range", "transfer-encoding"]
                .contains(&name.as_str())
            {
                continue;
            }
            headers.remove(name);
            for value in newer.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        let fresh = Self::new(self.status, self.reason.clone(), &headers, &HeaderMap::new(), lifetime);
        Self { vary: self.vary.clone(), tags: self.tags.clone(), ..fresh }
    }

    /// Whether the response was selected by the same values (RFC 9111 §4.1).
    pub(crate) fn answers(&self, request: &HeaderMap) -> bool {
        self.vary.iter().all(|(name, value)| selected(request, name) == *value)
    }

    /// Whether both answer the same requests.
    pub(crate) fn replaces(&self, other: &Head) -> bool {
        self.vary == other.vary
    }

    /// About what it takes in memory.
    pub(crate) fn weight(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        (headers + 512) as u64
    }
}

fn selected(request: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<_> = request.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
    (!lines.is_empty()).then(|| lines.join(",").split(',').map(str::trim).collect::<Vec<_>>().join(","))
}

//! Conditions on what is stored, as RFC 9110 §13 has them in `If-…` headers.

use crate::Object;

#[derive(Clone, Debug, Default)]
pub struct Conditional {
    /// `If-Match`.
    pub etag_matches: Option<Vec<Etag>>,
    /// `If-None-Match`.
    pub etag_does_not_match: Option<Vec<Etag>>,
    /// `If-Unmodified-Since`, in milliseconds since the epoch.
    pub uploaded_before: Option<i64>,
    /// `If-Modified-Since`, in milliseconds since the epoch.
    pub uploaded_after: Option<i64>,
    /// Compare times by whole seconds, as headers have them.
    pub seconds_granularity: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Etag {
    Strong(String),
    Weak(String),
    Wildcard,
}

// === impl Conditional ===

impl Conditional {
    /// Whether all of it holds for what the key has now.
    pub fn holds(&self, object: Option<&Object>) -> bool {
        let Some(object) = object else {
            return self.etag_matches.is_none() && self.uploaded_after.is_none();
        };
        let time = |millis: i64| if self.seconds_granularity { millis.div_euclid(1000) * 1000 } else { millis };
        let uploaded = time(object.uploaded);
        let matches = self.etag_matches.as_ref().map(|etags| etags.iter().any(|etag| etag.is_strongly(&object.etag)));
        let differs =
            self.etag_does_not_match.as_ref().map(|etags| !etags.iter().any(|etag| etag.is_weakly(&object.etag)));
        // An ETag outweighs a time.
        let modified = self.uploaded_after.is_none_or(|after| time(after) < uploaded || differs == Some(true));
        let unmodified = self.uploaded_before.is_none_or(|before| uploaded < time(before) || matches == Some(true));
        matches != Some(false) && differs != Some(false) && modified && unmodified
    }
}

// === impl Etag ===

impl Etag {
    fn is_strongly(&self, etag: &str) -> bool {
        match self {
            Self::Strong(value) => value == etag,
            Self::Weak(_) => false,
            Self::Wildcard => true,
        }
    }

    fn is_weakly(&self, etag: &str) -> bool {
        match self {
            Self::Strong(value) | Self::Weak(value) => value == etag,
            Self::Wildcard => true,
        }
    }
}

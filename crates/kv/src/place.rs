//! Where a read or a write happens.

use std::fmt;

/// A location's code: the nearest airport's, three letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Colo([u8; 3]);

/// Where a read or a write happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a location, which has its own view of the namespace.
    Colo(Colo),
    /// At none: reads see the newest, and what is written is visible everywhere at once. For tools.
    Central,
}

// === impl Colo ===

impl Colo {
    /// `None`: not three ASCII letters.
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Self(bytes.map(|byte| byte.to_ascii_uppercase())))
    }

    #[cfg(test)]
    pub(crate) const fn of(code: [u8; 3]) -> Self {
        Self(code)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Colo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Place ===

impl Place {
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Colo(colo) => Some(colo.as_str()),
            Self::Central => None,
        }
    }
}

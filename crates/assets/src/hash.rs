//! The name of a file: a hash of what is in it, made by whoever uploads it. wrangler takes BLAKE3 over the base64 text and the
//! extension, others take SHA-256, so nothing here can compare it with the bytes: it counts within one account alone.

use std::fmt;

use serde::{Deserialize, Serialize};

const DIGITS: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(Box<str>);

// === impl Hash ===

impl Hash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let legal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == DIGITS && text.bytes().all(legal) {
            true => Ok(Self(text.into())),
            false => Err(format!("a hash has {DIGITS} hexadecimal digits in lower case")),
        }
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.0.into()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! The ids of Durable Objects: 64 hexadecimal digits that only their own namespace takes.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Names one object of one namespace: 16 bytes that tell it from its siblings, and 16 that prove the namespace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 32]);

/// Why a text is no id. The messages are the platform's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("Invalid Durable Object ID: must be 64 hex digits")]
    Malformed,
    #[error("Durable Object ID is not valid for this namespace.")]
    Foreign,
}

// === impl ObjectId ===

impl ObjectId {
    /// The object called `name` in the namespace of this key: always the same.
    pub fn from_name(namespace: &str, name: &str) -> Self {
        let key = Sha256::digest(namespace);
        Self::sealed(&key, &mac(&key, name.as_bytes()))
    }

    /// An object that nobody else can have meant.
    pub fn unique(namespace: &str) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self::sealed(&Sha256::digest(namespace), &bytes))
    }

    /// Reads an id that this namespace gave out.
    pub fn parse(namespace: &str, text: &str) -> Result<Self, IdError> {
        let id: Self = text.parse()?;
        let genuine = Self::sealed(&Sha256::digest(namespace), &id.0[..16]);
        if bool::from(genuine.0.ct_eq(&id.0)) { Ok(id) } else { Err(IdError::Foreign) }
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `unique`: at least 16 bytes, of which the first 16 count.
    fn sealed(key: &[u8], unique: &[u8]) -> Self {
        let mut id = [0; 32];
        id[..16].copy_from_slice(&unique[..16]);
        let seal = mac(key, &unique[..16]);
        id[16..].copy_from_slice(&seal[..16]);
        Self(id)
    }
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

impl FromStr for ObjectId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8).ok_or(IdError::Malformed);
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(IdError::Malformed) };
        let mut id = [0; 32];
        if pairs.len() != id.len() {
            return Err(IdError::Malformed);
        }
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(id))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_belong_to_their_namespace() {
        let room = ObjectId::from_name("chat-Room", "lobby");
        assert_eq!(room, ObjectId::from_name("chat-Room", "lobby"));
        assert_ne!(room, ObjectId::from_name("chat-Room", "attic"));
        assert_ne!(room, ObjectId::from_name("chat-Other", "lobby"));
        assert_ne!(ObjectId::unique("chat-Room").unwrap(), ObjectId::unique("chat-Room").unwrap());

        let text = room.to_string();
        assert_eq!(ObjectId::parse("chat-Room", &text), Ok(room));
        assert_eq!(ObjectId::parse("chat-Room", &text.to_uppercase()), Ok(room));
        assert_eq!(ObjectId::parse("chat-Other", &text), Err(IdError::Foreign));
        for wrong in ["", "00", &text[1..], &format!("{text}0"), &text.replace(&text[..1], "g")] {
            assert_eq!(ObjectId::parse("chat-Room", wrong), Err(IdError::Malformed), "{wrong}");
        }
    }
}

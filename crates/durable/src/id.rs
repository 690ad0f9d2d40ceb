//! The ids of Durable Objects: 64 hexadecimal digits that only their own namespace takes.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Names one object of one namespace: 16 bytes that tell it from its siblings, and 16 that prove the namespace.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 32]);

/// Where an object may be kept (https://developers.cloudflare.com/durable-objects/reference/data-location/). Part of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jurisdiction {
    Eu,
    Us,
    Fedramp,
    FedrampHigh,
}

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
    pub fn from_name(namespace: &str, jurisdiction: Option<Jurisdiction>, name: &str) -> Self {
        let key = key(namespace, jurisdiction);
        Self::sealed(&key, &mac(&key, name.as_bytes()))
    }

    /// An object that nobody else can have meant.
    pub fn unique(namespace: &str, jurisdiction: Option<Jurisdiction>) -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self::sealed(&key(namespace, jurisdiction), &bytes))
    }

    /// Reads an id that this namespace gave out, in whichever jurisdiction.
    pub fn parse(namespace: &str, text: &str) -> Result<(Self, Option<Jurisdiction>), IdError> {
        let id: Self = text.parse()?;
        let jurisdictions = [None].into_iter().chain(Jurisdiction::ALL.map(Some));
        let found = jurisdictions.into_iter().find(|jurisdiction| {
            let genuine = Self::sealed(&key(namespace, *jurisdiction), &id.0[..16]);
            bool::from(genuine.0.ct_eq(&id.0))
        });
        found.map(|jurisdiction| (id, jurisdiction)).ok_or(IdError::Foreign)
    }

    /// The jurisdiction of an id that this namespace gave out.
    pub fn jurisdiction(&self, namespace: &str) -> Option<Jurisdiction> {
        Self::parse(namespace, &self.to_string()).ok()?.1
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

/// What a namespace's ids are made with: another key in each jurisdiction.
fn key(namespace: &str, jurisdiction: Option<Jurisdiction>) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(namespace);
    if let Some(jurisdiction) = jurisdiction {
        // No namespace's own key has such a byte.
        digest.update([0]);
        digest.update(jurisdiction.as_str());
    }
    digest.finalize().into()
}

// === impl Jurisdiction ===

impl Jurisdiction {
    const ALL: [Self; 4] = [Self::Eu, Self::Us, Self::Fedramp, Self::FedrampHigh];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::Us => "us",
            Self::Fedramp => "fedramp",
            Self::FedrampHigh => "fedramp-high",
        }
    }

    /// `None`: there is none of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|jurisdiction| jurisdiction.as_str() == name)
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
        let room = ObjectId::from_name("chat-Room", None, "lobby");
        // As it has always been: objects on disk are found by it.
        assert_eq!(room.to_string(), "760d68f668df019193e4826d1aa3927398d54a3289861a21ac13a471ae4c203f");
        assert_eq!(room, ObjectId::from_name("chat-Room", None, "lobby"));
        assert_ne!(room, ObjectId::from_name("chat-Room", None, "attic"));
        assert_ne!(room, ObjectId::from_name("chat-Other", None, "lobby"));
        assert_ne!(ObjectId::unique("chat-Room", None).unwrap(), ObjectId::unique("chat-Room", None).unwrap());

        let text = room.to_string();
        assert_eq!(ObjectId::parse("chat-Room", &text), Ok((room, None)));
        assert_eq!(ObjectId::parse("chat-Room", &text.to_uppercase()), Ok((room, None)));
        assert_eq!(ObjectId::parse("chat-Other", &text), Err(IdError::Foreign));
        for wrong in ["", "00", &text[1..], &format!("{text}0"), &text.replace(&text[..1], "g")] {
            assert_eq!(ObjectId::parse("chat-Room", wrong), Err(IdError::Malformed), "{wrong}");
        }
    }

    #[test]
    fn ids_tell_their_jurisdiction() {
        let (eu, us) = (Some(Jurisdiction::Eu), Some(Jurisdiction::Us));
        let rooms = [None, eu, us].map(|jurisdiction| ObjectId::from_name("chat-Room", jurisdiction, "lobby"));
        assert!(rooms[0] != rooms[1] && rooms[1] != rooms[2] && rooms[0] != rooms[2]);
        let unique = ObjectId::unique("chat-Room", eu).unwrap();
        assert_eq!(ObjectId::parse("chat-Room", &unique.to_string()), Ok((unique, eu)));
        assert_eq!(rooms.map(|room| room.jurisdiction("chat-Room")), [None, eu, us]);
        assert_eq!(ObjectId::parse("chat-Other", &unique.to_string()), Err(IdError::Foreign));
        assert_eq!(Jurisdiction::named("fedramp-high"), Some(Jurisdiction::FedrampHigh));
        assert_eq!(Jurisdiction::named("EU"), None);
    }
}

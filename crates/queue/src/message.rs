//! Messages as they are sent, and as they are delivered.

use bytes::Bytes;
use uuid::Uuid;

use crate::{Error, limits};

/// How a message's bytes are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// UTF-8.
    Text,
    Bytes,
    Json,
    /// What V8's serializer makes of a value.
    V8,
}

/// A message before it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    pub body: Bytes,
    pub content_type: ContentType,
    /// Seconds before it may be delivered; `None`: as the batch or the queue says.
    pub delay: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// 32 hexadecimal digits.
    pub id: String,
    pub body: Bytes,
    pub content_type: ContentType,
    /// When it was sent, in milliseconds since the Unix epoch.
    pub timestamp: u64,
    /// How often it was delivered, with this time.
    pub attempts: u32,
}

// === impl ContentType ===

impl ContentType {
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Json => "json",
            Self::V8 => "v8",
        }
    }

    pub(crate) fn column(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Bytes => 1,
            Self::Json => 2,
            Self::V8 => 3,
        }
    }

    pub(crate) fn of_column(column: u8) -> Self {
        match column {
            0 => Self::Text,
            1 => Self::Bytes,
            2 => Self::Json,
            _ => Self::V8,
        }
    }
}

impl std::str::FromStr for ContentType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        [Self::Text, Self::Bytes, Self::Json, Self::V8]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::ContentType(name.to_owned()))
    }
}

// === impl NewMessage ===

/// A message that can be kept.
pub(crate) struct Checked {
    pub(crate) id: Uuid,
    pub(crate) body: Bytes,
    pub(crate) content_type: ContentType,
    /// Seconds; `None`: as the queue says.
    pub(crate) delay: Option<u32>,
}

/// Checks a batch. `delay`: of those that say nothing of it.
pub(crate) fn check(messages: Vec<NewMessage>, delay: Option<u32>) -> Result<Vec<Checked>, Error> {
    if messages.is_empty() || messages.len() > limits::BATCH {
        return Err(Error::BatchCount(messages.len()));
    }
    let total: usize = messages.iter().map(|message| message.body.len()).sum();
    let checked = messages.into_iter().map(|NewMessage { body, content_type, delay: own }| {
        if body.len() > limits::MESSAGE {
            return Err(Error::MessageSize(body.len()));
        }
        let own = own.map(limits::check_delay).transpose()?;
        Ok(Checked { id: Uuid::new_v4(), body, content_type, delay: own.or(delay) })
    });
    let checked = checked.collect::<Result<_, _>>()?;
    match total > limits::BATCH_BYTES {
        true => Err(Error::BatchSize(total)),
        false => Ok(checked),
    }
}

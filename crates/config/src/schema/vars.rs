//! Plain values in `env`: variables and secrets.

use serde_json::Value as Json;

use super::record;
use crate::read::{Read, Reader};
use crate::value::{Kind, Value};

/// What a Worker finds under a variable's name.
#[derive(Clone, PartialEq)]
pub enum Var {
    Text(String),
    Json(Json),
    /// From `.dev.vars`, `.env` or the store of secrets: never printed.
    Secret(String),
}

impl std::fmt::Debug for Var {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Json(json) => f.debug_tuple("Json").field(json).finish(),
            Self::Secret(_) => f.write_str("Secret(…)"),
        }
    }
}

impl Read for Var {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match &value.kind {
            Kind::String(text) => Some(Self::Text(text.clone())),
            _ => Json::read(value, reader).map(Self::Json),
        }
    }
}

record! {
    /// The names of the secrets that the Worker needs.
    pub struct Secrets {
        required: Option<Vec<String>>,
    }
}

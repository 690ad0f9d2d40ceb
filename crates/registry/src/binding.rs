//! What a version is bound to, in the shape that the platform's API has for it: `{"name", "type", …}`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::Sealed;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    pub name: String,
    #[serde(flatten)]
    pub kind: BindingKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum BindingKind {
    PlainText {
        text: String,
    },
    Json {
        json: Value,
    },
    /// Never shown again once it was set.
    SecretText {
        sealed: Sealed,
    },
    KvNamespace {
        namespace_id: String,
    },
    R2Bucket {
        bucket_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jurisdiction: Option<String>,
    },
    D1 {
        id: String,
    },
    DurableObjectNamespace {
        class_name: String,
        /// The Worker that has the class, where it is another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        script_name: Option<String>,
    },
    Service {
        service: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entrypoint: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        props: Option<Value>,
    },
    Queue {
        queue_name: String,
        /// Seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivery_delay: Option<u32>,
    },
    /// `part`: the uploaded module that has the bytes.
    WasmModule {
        part: String,
    },
    TextBlob {
        part: String,
    },
    DataBlob {
        part: String,
    },
    VersionMetadata {},
    Assets {},
    AnalyticsEngine {
        /// Without one, it is called like the binding.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dataset: Option<String>,
    },
    Ratelimit {
        /// An integer, as text or not.
        #[serde(deserialize_with = "integer_text")]
        namespace_id: String,
        simple: RateLimit,
    },
    Hyperdrive {
        id: String,
    },
    /// What the version before has under this name (or under `old_name`).
    Inherit {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old_name: Option<String>,
        /// A version's id, or "latest".
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version_id: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    pub limit: u32,
    /// Seconds: 10 or 60.
    pub period: u32,
}

/// The older form of the binding may have a number in the text's place.
fn integer_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if text.parse::<u64>().is_ok() => Ok(text),
        Value::Number(number) if number.is_u64() => Ok(number.to_string()),
        other => Err(serde::de::Error::custom(format!("`namespace_id` must be an integer, but is {other}"))),
    }
}

// === impl BindingKind ===

impl BindingKind {
    /// The `type` as the API writes it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::PlainText { .. } => "plain_text",
            Self::Json { .. } => "json",
            Self::SecretText { .. } => "secret_text",
            Self::KvNamespace { .. } => "kv_namespace",
            Self::R2Bucket { .. } => "r2_bucket",
            Self::D1 { .. } => "d1",
            Self::DurableObjectNamespace { .. } => "durable_object_namespace",
            Self::Service { .. } => "service",
            Self::Queue { .. } => "queue",
            Self::WasmModule { .. } => "wasm_module",
            Self::TextBlob { .. } => "text_blob",
            Self::DataBlob { .. } => "data_blob",
            Self::VersionMetadata {} => "version_metadata",
            Self::Assets {} => "assets",
            Self::AnalyticsEngine { .. } => "analytics_engine",
            Self::Ratelimit { .. } => "ratelimit",
            Self::Hyperdrive { .. } => "hyperdrive",
            Self::Inherit { .. } => "inherit",
        }
    }
}

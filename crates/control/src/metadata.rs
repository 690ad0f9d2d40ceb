//! The `metadata` part of an upload, as wrangler writes it.

use registry::{Annotations, UserLimits};
use serde::Deserialize;
use serde_json::Value;

use crate::envelope::ApiError;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) main_module: Option<String>,
    /// The part with a classic script.
    pub(crate) body_part: Option<String>,
    #[serde(default)]
    pub(crate) bindings: Vec<Value>,
    pub(crate) compatibility_date: Option<String>,
    pub(crate) compatibility_flags: Option<Vec<String>>,
    pub(crate) migrations: Option<Value>,
    /// Types of bindings that the version before passes on.
    #[serde(default)]
    pub(crate) keep_bindings: Vec<String>,
    pub(crate) limits: Option<UserLimits>,
    #[serde(default)]
    pub(crate) annotations: Annotations,
    pub(crate) logpush: Option<bool>,
    pub(crate) tail_consumers: Option<Vec<Value>>,
    pub(crate) streaming_tail_consumers: Option<Vec<Value>>,
    pub(crate) observability: Option<Value>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) assets: Option<AssetsMetadata>,
    /// The version before passes its assets on.
    #[serde(default)]
    pub(crate) keep_assets: bool,
    pub(crate) containers: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct AssetsMetadata {
    /// What completed their upload.
    pub(crate) jwt: Option<String>,
    pub(crate) config: Option<assets::Config>,
}

// === impl Metadata ===

impl Metadata {
    pub(crate) fn read(json: &str) -> Result<Self, ApiError> {
        let metadata: Self = serde_json::from_str(json)
            .map_err(|error| ApiError::bad_request(10021, format!("The metadata can't be read: {error}")))?;
        if metadata.containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
            return Err(unsupported("containers"));
        }
        if metadata.streaming_tail_consumers.as_ref().is_some_and(|consumers| !consumers.is_empty()) {
            return Err(unsupported("streaming tail Workers"));
        }
        Ok(metadata)
    }
}

fn unsupported(what: &str) -> ApiError {
    ApiError::bad_request(10021, format!("This version of Skerry does not have {what}."))
}

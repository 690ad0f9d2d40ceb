//! The `metadata` part of an upload, as wrangler writes it.

use std::collections::HashSet;

use config::CompatibilityDate;
use registry::{Annotations, UserLimits};
use serde::Deserialize;
use serde_json::Value;

use crate::envelope::ApiError;

/// Bytes of a compatibility flag, and how many a Worker may have.
const MAX_FLAG: usize = 100;
const MAX_FLAGS: usize = 200;

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
        check_compatibility(metadata.compatibility_date.as_deref(), metadata.compatibility_flags.as_deref())?;
        if metadata.containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
            return Err(unsupported("containers"));
        }
        if metadata.streaming_tail_consumers.as_ref().is_some_and(|consumers| !consumers.is_empty()) {
            return Err(unsupported("streaming tail Workers"));
        }
        Ok(metadata)
    }
}

/// What is wrong with a date or flags that no runtime can have. Which flags there are is the runtime's to know.
pub(crate) fn check_compatibility(date: Option<&str>, flags: Option<&[String]>) -> Result<(), ApiError> {
    let refused = |message: String| Err(ApiError::bad_request(10021, message));
    if let Some(date) = date
        && let Err(reason) = CompatibilityDate::parse(date, CompatibilityDate::today())
    {
        return refused(format!("The compatibility date {reason}."));
    }
    let mut seen = HashSet::new();
    for flag in flags.unwrap_or_default() {
        if !seen.insert(flag) {
            return refused(format!("Compatibility flag specified multiple times: {flag:?}."));
        }
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
        if flag.is_empty() || flag.len() > MAX_FLAG || !flag.bytes().all(legal) {
            return refused(format!("No such compatibility flag: {flag:?}."));
        }
    }
    match seen.len() > MAX_FLAGS {
        true => refused(format!("A Worker may have {MAX_FLAGS} compatibility flags, but this one has {}.", seen.len())),
        false => Ok(()),
    }
}

fn unsupported(what: &str) -> ApiError {
    ApiError::bad_request(10021, format!("This version of Skerry does not have {what}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_flags_are_what_they_should_be() {
        let flags = |flags: &[&str]| flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>();
        let check = |date: Option<&str>, of: &[&str]| {
            check_compatibility(date, Some(&flags(of))).map_err(|error| error.message)
        };
        let today = CompatibilityDate::today().to_string();
        assert_eq!(check(Some(&today), &["nodejs_compat", "unknown_flag"]), Ok(()));
        assert_eq!(check(None, &[]), Ok(()));
        for date in ["", "tomorrow", "2026-1-01", "2026-13-01", "9999-01-01"] {
            assert!(check(Some(date), &[]).is_err_and(|message| message.contains("compatibility date")), "{date}");
        }
        for of in [["a", "a"].as_slice(), &[""], &["a b"], &["x".repeat(101).as_str()]] {
            assert!(check(None, of).is_err(), "{of:?}");
        }
    }
}

//! Multipart uploads: one part of JSON, and a part for each module. Everything is bounded before it is kept.

use http::StatusCode;
use registry::Module;

use crate::envelope::ApiError;
use crate::parts::{Parts, unreadable};

const MAX_PARTS: usize = 2000;
const MAX_NAME: usize = 1024;
const MAX_JSON: usize = 8 << 20;

/// An upload, taken apart.
pub(crate) struct Form {
    /// The text of the part that was asked for.
    pub(crate) json: String,
    /// All other parts, in their order.
    pub(crate) modules: Vec<Module>,
}

/// Reads a form whose JSON is in the part `json`. All parts together may have `at_most` bytes.
pub(crate) async fn read(mut parts: Parts, json: &str, at_most: usize) -> Result<Form, ApiError> {
    let mut left = at_most;
    let mut found = None;
    let mut modules = Vec::new();
    while let Some(mut part) = parts.next().await.map_err(|error| unreadable(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        if name.is_empty() || name.len() > MAX_NAME || modules.len() >= MAX_PARTS {
            return Err(ApiError::bad_request(
                10021,
                "The form has too many parts, or one without a name that is one.",
            ));
        }
        let kind = part.content_type().unwrap_or("text/plain").to_owned();
        let mut content = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|error| unreadable(&error))? {
            left = left.checked_sub(chunk.len()).ok_or_else(|| too_large(at_most))?;
            content.extend_from_slice(&chunk);
        }
        if name != json {
            modules.push(Module { name, kind, content });
            continue;
        }
        if content.len() > MAX_JSON {
            return Err(too_large(MAX_JSON));
        }
        let text = String::from_utf8(content);
        found = Some(text.map_err(|_| ApiError::bad_request(10021, format!("The part {json:?} is not UTF-8.")))?);
    }
    let missing = || ApiError::bad_request(10021, format!("The form has no part {json:?}."));
    Ok(Form { json: found.ok_or_else(missing)?, modules })
}

fn too_large(at_most: usize) -> ApiError {
    let message = format!("Your Worker exceeded the size limit of {} MiB.", at_most >> 20);
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, 10027, message)
}

//! The form of every answer: `{success, errors, messages, result, result_info}`, and the platform's error codes.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::{Value, json};

/// What a handler returns when it went well.
#[derive(Debug)]
pub(crate) struct Answer {
    result: Value,
    info: Option<Value>,
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    /// The platform's number.
    pub(crate) code: u32,
    pub(crate) message: String,
}

pub(crate) type Outcome = Result<Answer, ApiError>;

/// Answers with `result`.
pub(crate) fn ok(result: impl Serialize) -> Outcome {
    let result = serde_json::to_value(result).map_err(|error| ApiError::internal(&error))?;
    Ok(Answer { result, info: None })
}

/// Answers with the part of a list that `page` (from 1) and `per_page` ask for.
pub(crate) fn page<T: Serialize>(all: Vec<T>, page: Option<usize>, per_page: Option<usize>) -> Outcome {
    let (page, per_page) = (page.unwrap_or(1).max(1), per_page.unwrap_or(1000).clamp(1, 1000));
    let total = all.len();
    let part: Vec<T> = all.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
    let info = json!({
        "page": page, "per_page": per_page, "count": part.len(), "total_count": total,
        "total_pages": total.div_ceil(per_page),
    });
    Ok(Answer { info: Some(info), ..ok(part)? })
}

/// Answers with one page of a list, and what there is to know about the page.
pub(crate) fn listed(part: impl Serialize, info: Value) -> Outcome {
    Ok(Answer { info: Some(info), ..ok(part)? })
}

/// Answers with a result that is JSON text already.
pub(crate) fn ok_json(result: &str) -> Response {
    let body = format!(r#"{{"success":true,"errors":[],"messages":[],"result":{result}}}"#);
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

// === impl Answer ===

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut body = json!({ "success": true, "errors": [], "messages": [], "result": self.result });
        if let (Some(info), Some(body)) = (self.info, body.as_object_mut()) {
            body.insert("result_info".into(), info);
        }
        Json(body).into_response()
    }
}

// === impl ApiError ===

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn bad_request(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn no_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            7003,
            "Could not route to the path of this request: Skerry has no such method of the API.",
        )
    }

    pub(crate) fn no_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 7001, "Method not allowed for this path.")
    }

    pub(crate) fn no_worker() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10007, "This Worker does not exist on your account.")
    }

    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request of the API failed");
        let message = format!("The server failed while it handled this request: {error}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 10013, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let errors = json!([{ "code": self.code, "message": self.message }]);
        let body = json!({ "success": false, "errors": errors, "messages": [], "result": null });
        (self.status, Json(body)).into_response()
    }
}

impl From<registry::Error> for ApiError {
    fn from(error: registry::Error) -> Self {
        use registry::Error;
        match error {
            Error::Taken { .. } => Self::new(StatusCode::CONFLICT, 10014, error.to_string()),
            Error::Missing { what: "Worker", .. } => Self::no_worker(),
            Error::Missing { .. } => Self::new(StatusCode::NOT_FOUND, 10222, error.to_string()),
            Error::Refused(reason) => Self::bad_request(10026, reason),
            error => Self::internal(&error),
        }
    }
}

impl From<platform::Unavailable> for ApiError {
    fn from(error: platform::Unavailable) -> Self {
        Self::internal(&error)
    }
}

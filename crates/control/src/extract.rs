//! What handlers take out of requests: path, query and body, each refused in the API's own form where it can't be read.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use futures::{Stream, TryStreamExt};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::envelope::ApiError;

/// The parameters of the path, decoded.
pub(crate) struct Segments<T>(pub(crate) T);

/// The parameters of the query.
pub(crate) struct Asked<T>(pub(crate) T);

/// The whole body, as large as the route's `DefaultBodyLimit` allows.
pub(crate) struct Whole(pub(crate) Bytes);

/// A body of JSON, whatever its content type says: wrangler sends some as text.
pub(crate) struct JsonBody<T>(pub(crate) T);

// === impl Segments ===

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        let Path(found) = found
            .map_err(|error| ApiError::bad_request(7003, format!("The path can't be read: {}", error.body_text())))?;
        Ok(Self(found))
    }
}

// === impl Asked ===

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = Query::<T>::from_request_parts(parts, state).await;
        let Query(found) = found
            .map_err(|error| ApiError::bad_request(10029, format!("The query can't be read: {}", error.body_text())))?;
        Ok(Self(found))
    }
}

// === impl Whole ===

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(),
            status => ApiError::new(status, 10029, format!("The body can't be read: {}", error.body_text())),
        })
    }
}

// === impl JsonBody ===

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Whole(bytes) = Whole::from_request(request, state).await?;
        json(&bytes).map(Self)
    }
}

pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::bad_request(10029, format!("The body is not the JSON that it should be: {error}")))
}

pub(crate) fn too_large() -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, 10024, "The body is larger than this method takes.")
}

/// A body as it comes in.
pub(crate) fn stream(body: Body) -> impl Stream<Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> + Send {
    body.into_data_stream().map_err(Into::into)
}

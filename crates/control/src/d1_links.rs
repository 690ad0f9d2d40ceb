//! What the links of imports and exports lead to. Wrangler sends no token here: who has the link may use it, for an hour.

use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use futures::{StreamExt, pin_mut};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

use crate::Control;
use crate::d1::malformed;
use crate::envelope::ApiError;
use crate::extract::{Segments, stream, too_large};
use crate::transfers::{self, Link, Upload, What};

/// Bytes of a file: <https://developers.cloudflare.com/d1/platform/limits/>
const MAX_FILE: u64 = 5 << 30;

pub(crate) fn routes() -> Router<Control> {
    Router::new().route("/d1/uploads/{secret}", put(upload)).route("/d1/exports/{secret}", get(download))
}

fn no_link() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, 7404, "This link leads nowhere, or does not any more.")
}

/// An upload under way. Dropped unfinished, it leaves no file, and another may begin.
struct Receiving {
    control: Control,
    secret: String,
    part: PathBuf,
}

impl Drop for Receiving {
    fn drop(&mut self) {
        transfers::remove(&self.part);
        self.control.transfers().advance(&self.secret, Upload::UnderWay, Upload::Awaited);
    }
}

async fn upload(
    State(control): State<Control>,
    Segments(secret): Segments<String>,
    body: Body,
) -> Result<Response, ApiError> {
    let link = control.transfers().advance(&secret, Upload::Awaited, Upload::UnderWay).ok_or_else(no_link)?;
    let Link { file, what: What::Upload { etag, .. }, .. } = link else { return Err(no_link()) };
    let receiving = Receiving { control, secret, part: file.with_extension("part") };
    let failed = |error: std::io::Error| ApiError::internal(&error);
    let mut part = tokio::fs::File::create(&receiving.part).await.map_err(failed)?;
    let mut digests = r2::Digests::new(r2::Expected::default());
    let mut size = 0;
    let body = stream(body);
    pin_mut!(body);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| malformed(format!("the file broke off: {error}")))?;
        size += chunk.len() as u64;
        if size > MAX_FILE {
            return Err(too_large());
        }
        digests.update(&chunk);
        part.write_all(&chunk).await.map_err(failed)?;
    }
    part.flush().await.map_err(failed)?;
    let digest = r2::hex(digests.finish()?.md5.as_deref().unwrap_or_default());
    if digest != etag {
        return Err(malformed(format!("the file's MD5 is {digest}, and {etag} was announced")));
    }
    tokio::fs::rename(&receiving.part, &file).await.map_err(failed)?;
    receiving.control.transfers().advance(&receiving.secret, Upload::UnderWay, Upload::Whole);
    Ok([(ETAG, format!("\"{digest}\""))].into_response())
}

async fn download(State(control): State<Control>, Segments(secret): Segments<String>) -> Result<Response, ApiError> {
    let link = control.transfers().find(&secret).filter(|link| link.what == What::Download).ok_or_else(no_link)?;
    let failed = |error: std::io::Error| ApiError::internal(&error);
    let file = tokio::fs::File::open(&link.file).await.map_err(failed)?;
    let length = file.metadata().await.map_err(failed)?.len();
    let headers = [
        (CONTENT_TYPE, "application/sql".to_owned()),
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}.sql\"", link.database)),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

//! One request on HTTP/3, from its headers to the last byte of its answer that the client acknowledges.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use h3::error::{Code, StreamError};
use h3::server::{RequestResolver, RequestStream};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode};
use http_body::Body;
use webapi::body::HttpBody;

use super::transport::{Sender, Stopped, Transport};
use super::upload::Upload;
use crate::Handler;
use crate::connection::Shared;
use crate::service::{self, Watched};

/// A response is handed on in pieces, each of which a client has to take in time.
const PIECE: usize = 64 << 10;

type Answered = http::Response<Watched<HttpBody>>;

/// Why a response is not whole.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Stream(#[from] StreamError),
    #[error("the client takes nothing")]
    Stalled,
    #[error("the response broke off")]
    Body,
}

/// The way to the client. A response that is not finished is no response: its stream is reset.
struct Download {
    stream: RequestStream<Sender, Bytes>,
    stall: Duration,
    finished: bool,
}

/// Answers one request. `broken` counts those that end before their headers.
pub(super) async fn serve<H: Handler>(
    shared: Arc<Shared<H>>,
    resolver: RequestResolver<Transport, Bytes>,
    mut stopped: Stopped,
    broken: Arc<AtomicU32>,
) {
    let bounds = &shared.config.bounds;
    let received = async {
        let (request, stream) = resolver.resolve_request().await?;
        let (send, receive) = stream.split();
        let download = Download { stream: send, stall: bounds.write_stall, finished: false };
        let upload = Upload::of(receive, request.method(), request.headers()).await?;
        Ok::<_, StreamError>((request, upload, download))
    };
    let (request, upload, mut download) = match tokio::time::timeout(bounds.header_timeout, received).await {
        Ok(Ok(received)) => received,
        // The client was told that its headers are too large.
        Ok(Err(StreamError::HeaderTooBig { .. })) => {
            shared.activity.begin();
            shared.activity.end(false);
            return;
        }
        Ok(Err(_)) | Err(_) => {
            broken.fetch_add(1, Ordering::Relaxed);
            shared.activity.begin();
            shared.activity.end(true);
            return;
        }
    };
    let Some(upload) = upload.filter(|_| !about_the_connection(request.headers())) else {
        download.stream.stop_stream(Code::H3_MESSAGE_ERROR);
        return;
    };
    let head = request.method() == Method::HEAD;
    let write_stall = bounds.write_stall;
    let answering = async {
        let Ok(response) = service::call(shared.clone(), request.map(|()| upload)).await;
        download.answer(response, head).await
    };
    let answered = tokio::select! {
        biased;
        answered = answering => answered,
        // Whoever answers is told by what it holds being dropped.
        () = &mut stopped => return,
    };
    match answered {
        // Until the client has all of it, the connection is not to be closed.
        Ok(body) => {
            let _ = tokio::time::timeout(write_stall, stopped).await;
            drop(body);
        }
        Err(error) => tracing::debug!(%error, remote = %shared.info.remote, "a response is not whole"),
    }
}

/// Whether there are headers of HTTP/1.1's connections, which make a request malformed (RFC 9114 §4.2).
fn about_the_connection(headers: &HeaderMap) -> bool {
    [CONNECTION, TRANSFER_ENCODING, UPGRADE].iter().any(|name| headers.contains_key(name))
        || ["keep-alive", "proxy-connection"].iter().any(|name| headers.contains_key(*name))
        || headers.get(TE).is_some_and(|te| te != "trailers")
}

// === impl Download ===

impl Download {
    /// Sends a response; what watches it is given back.
    async fn answer(&mut self, response: Answered, head: bool) -> Result<Watched<HttpBody>, Failed> {
        let (mut parts, mut body) = response.into_parts();
        let bodiless = head || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // Connections are QUIC's, and have no headers (RFC 9114 §4.2).
        parts.headers.remove(CONNECTION);
        parts.headers.remove(UPGRADE);
        if let Some(length) = body.size_hint().exact().filter(|length| !bodiless || (head && *length > 0)) {
            parts.headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
        }
        if let Ok(now) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now())) {
            parts.headers.entry(DATE).or_insert(now);
        }
        self.timely(|stream| Box::pin(stream.send_response(http::Response::from_parts(parts, ())))).await?;
        if !bodiless {
            self.send(&mut body).await?;
        }
        self.timely(|stream| Box::pin(stream.finish())).await?;
        self.finished = true;
        Ok(body)
    }

    async fn send(&mut self, body: &mut Watched<HttpBody>) -> Result<(), Failed> {
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            let Ok(mut data) = frame.map_err(|_| Failed::Body)?.into_data() else { continue };
            while !data.is_empty() {
                let piece = data.split_to(data.len().min(PIECE));
                self.timely(|stream| Box::pin(stream.send_data(piece))).await?;
            }
        }
        Ok(())
    }

    /// Does something with the stream that waits for the client, for no longer than it may.
    async fn timely<'s>(
        &'s mut self,
        send: impl FnOnce(
            &'s mut RequestStream<Sender, Bytes>,
        ) -> Pin<Box<dyn Future<Output = Result<(), StreamError>> + Send + 's>>,
    ) -> Result<(), Failed> {
        let stall = self.stall;
        match tokio::time::timeout(stall, send(&mut self.stream)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(Failed::Stalled),
        }
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        if !self.finished {
            self.stream.stop_stream(Code::H3_INTERNAL_ERROR);
        }
    }
}

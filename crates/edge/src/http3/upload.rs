//! A request's body on HTTP/3.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use h3::error::StreamError;
use h3::server::RequestStream;
use http::Method;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http_body::{Body, Frame, SizeHint};
use webapi::body::BodyReader;

use super::transport::Receiver;
use crate::request::Received;

/// What the client sends, as it comes. Trailers are not looked at.
pub(super) struct Upload {
    stream: RequestStream<Receiver, Bytes>,
    /// What was read to see whether there is anything.
    first: Option<Bytes>,
    /// What `Content-Length` says.
    length: Option<u64>,
    ended: bool,
}

// === impl Upload ===

impl Upload {
    /// Finds out whether the message has a body at all, which nothing tells but its end. `None`: its length is no length.
    pub(super) async fn of(
        stream: RequestStream<Receiver, Bytes>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, StreamError> {
        let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
        let length = match (lengths.next(), lengths.next()) {
            (None, _) => None,
            (Some(length), None) => match digits(length.as_bytes()) {
                Some(length) => Some(length),
                None => return Ok(None),
            },
            (Some(_), Some(_)) => return Ok(None),
        };
        let mut this = Self { stream, first: None, length, ended: false };
        if length.is_none() {
            // These have none, as a rule, and their end comes with the headers or right after. Others may wait for an answer before they go on.
            let ends_soon = matches!(*method, Method::GET | Method::HEAD);
            this.first = poll_fn(|cx| match this.poll_data(cx) {
                Poll::Pending if !ends_soon => Poll::Ready(Ok(None)),
                polled => polled,
            })
            .await?;
        }
        Ok(Some(this))
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>> {
        if self.ended {
            return Poll::Ready(Ok(None));
        }
        let data = ready!(self.stream.poll_recv_data(cx))?.map(|mut data| data.copy_to_bytes(data.remaining()));
        self.ended = data.is_none();
        Poll::Ready(Ok(data))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let data = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => ready!(self.poll_data(cx)),
        };
        Poll::Ready(data.map(|data| data.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.first.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl Received for Upload {
    fn reader(self, max: Option<u64>, stall: Duration) -> BodyReader {
        BodyReader::from_body(self, max, Some(stall))
    }
}

/// A length (RFC 9110 §8.6).
fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

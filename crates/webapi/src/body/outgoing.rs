//! Bodies on their way out through hyper, with the `Content-Encoding` that the client takes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderValue, VARY};
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, BodyReader, Coding, coding};
use crate::websocket::Socket;

/// A [`BodyReader`] as hyper wants it.
#[derive(Debug)]
pub struct HttpBody(BodyReader);

/// Whether a Worker's body still has to be encoded as its `Content-Encoding` says: `Response`'s `encodeBody`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EncodeBody {
    #[default]
    Automatic,
    Manual,
}

/// The body of a response that leaves the runtime.
#[derive(Debug)]
pub struct Outgoing {
    pub reader: BodyReader,
    pub encode: EncodeBody,
    /// With status 101: what the connection is to be from now on.
    pub socket: Option<Box<Socket>>,
}

// === impl HttpBody ===

impl HttpBody {
    pub(super) fn new(reader: BodyReader) -> Self {
        Self(reader)
    }
}

impl From<HttpBody> for BodyReader {
    fn from(body: HttpBody) -> Self {
        body.0
    }
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_chunk(cx).map(|item| item.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

// === impl Outgoing ===

impl Outgoing {
    pub fn empty() -> Self {
        Self::from(BodyReader::empty())
    }

    /// Makes bytes and headers agree, for a client with this `Accept-Encoding`: an encoded body passes through
    /// untouched where the client takes its coding; a plain one is encoded as its header asks.
    pub fn settle(response: Response<Outgoing>, accept_encoding: &str) -> Response<HttpBody> {
        let (mut parts, Outgoing { reader, encode, .. }) = response.into_parts();
        let headers = &mut parts.headers;
        let Some(wanted) = Coding::of(headers) else {
            // No coding, or one that is not ours: the bytes are the Worker's affair, once ours is undone.
            if reader.coding().is_some() {
                headers.remove(CONTENT_LENGTH);
            }
            return Response::from_parts(parts, HttpBody(reader.decoded()));
        };
        let raw = reader.coding() == Some(wanted);
        // "deflate" is undone for whoever reads it, but the platform encodes gzip and Brotli alone.
        if encode == EncodeBody::Manual || (wanted == Coding::Deflate && !raw) {
            let reader = if raw { reader } else { reader.decoded() };
            return Response::from_parts(parts, HttpBody(reader));
        }
        let takes = wanted.accepted_by(accept_encoding);
        if raw && takes {
            return Response::from_parts(parts, HttpBody(reader));
        }
        // A body with nothing in it (HEAD, 304) has nothing to convert: its headers describe another response's.
        if reader.is_end() {
            return Response::from_parts(parts, HttpBody(reader));
        }
        headers.remove(CONTENT_LENGTH);
        weaken_etag(headers);
        headers.append(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
        let reader = reader.decoded();
        let reader = if takes {
            coding::encode(wanted, reader)
        } else {
            headers.remove(CONTENT_ENCODING);
            reader
        };
        Response::from_parts(parts, HttpBody(reader))
    }
}

impl From<BodyReader> for Outgoing {
    fn from(reader: BodyReader) -> Self {
        Self { reader, encode: EncodeBody::Automatic, socket: None }
    }
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        BodyReader::from_bytes(bytes).into()
    }
}

impl From<String> for Outgoing {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Outgoing {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

/// Other bytes with the same meaning: a strong validator becomes a weak one (RFC 9110 §8.8.3.3).
fn weaken_etag(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG) else { return };
    if tag.as_bytes().starts_with(b"\"")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(ETAG, weak);
    }
}

//! Content codings (RFC 9110 §8.4): undone when JavaScript reads, done when it sends, left alone in between.

use std::io;

use async_compression::Level;
use async_compression::tokio::bufread::{
    BrotliDecoder, BrotliEncoder, DeflateDecoder, GzipDecoder, GzipEncoder, ZlibDecoder, ZlibEncoder,
};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use super::{BodyError, BodyReader, CHUNK};

type ByteStream = BoxStream<'static, Result<Bytes, BodyError>>;

/// A content coding that this runtime does and undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

// === impl Coding ===

impl Coding {
    /// The coding that a message's headers declare. More than one, or one unknown, is left to the Worker.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        Self::named(value.to_str().ok()?)
    }

    fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        match () {
            () if name.eq_ignore_ascii_case("gzip") => Some(Self::Gzip),
            () if name.eq_ignore_ascii_case("x-gzip") => Some(Self::Gzip),
            () if name.eq_ignore_ascii_case("deflate") => Some(Self::Deflate),
            () if name.eq_ignore_ascii_case("br") => Some(Self::Brotli),
            () => None,
        }
    }

    /// The token in `Accept-Encoding` and `Content-Encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        }
    }

    /// Whether a client with this `Accept-Encoding` takes this coding (RFC 9110 §12.5.3).
    pub fn accepted_by(self, accept_encoding: &str) -> bool {
        let mut wildcard = false;
        for item in accept_encoding.split(',') {
            let mut parts = item.split(';');
            let name = parts.next().unwrap_or_default().trim();
            let refused = parts
                .filter_map(|p| p.trim().strip_prefix("q="))
                .any(|q| q.trim().parse::<f32>().is_ok_and(|q| q == 0.0));
            if Self::named(name) == Some(self) {
                return !refused;
            }
            wildcard |= name == "*" && !refused;
        }
        wildcard
    }
}

impl std::fmt::Display for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gzip => "Gzip",
            Self::Deflate => "Deflate",
            Self::Brotli => "Brotli",
        })
    }
}

/// The plain bytes of an encoded body. Nothing at all decodes to nothing, whatever the header claims.
pub(super) fn decode(coding: Coding, mut body: BodyReader) -> BodyReader {
    let stream = stream::once(async move {
        let first = match body.chunk().await {
            None => return stream::empty().boxed(),
            Some(Err(error)) => return stream::iter([Err(error)]).boxed(),
            Some(Ok(first)) => first,
        };
        let magic = first[0];
        let source = stream::iter([Ok(first)]).chain(body).map_err(io::Error::other);
        let source = StreamReader::new(source.boxed());
        match coding {
            Coding::Gzip => {
                let mut decoder = GzipDecoder::new(source);
                // Members may follow one another (RFC 1952 §2.2).
                decoder.multiple_members(true);
                plain(coding, decoder)
            }
            Coding::Brotli => plain(coding, BrotliDecoder::new(source)),
            // "deflate" means zlib, but enough servers send it bare: the first byte tells which.
            Coding::Deflate if magic & 0x0f == 8 => plain(coding, ZlibDecoder::new(source)),
            Coding::Deflate => plain(coding, DeflateDecoder::new(source)),
        }
    });
    BodyReader::from_stream(stream.flatten(), None)
}

/// The encoded bytes of a plain body. What is ready is flushed whenever the source has to be waited for, so that
/// events of a stream arrive as they happen.
pub(super) fn encode(coding: Coding, body: BodyReader) -> BodyReader {
    let source = StreamReader::new(body.map_err(io::Error::other));
    let stream = match coding {
        Coding::Gzip => coded(GzipEncoder::with_quality(source, Level::Precise(4)), lost),
        Coding::Deflate => coded(ZlibEncoder::with_quality(source, Level::Precise(4)), lost),
        Coding::Brotli => coded(BrotliEncoder::with_quality(source, Level::Precise(4)), lost),
    };
    BodyReader::from_stream(stream, None).with_coding(Some(coding))
}

fn plain(coding: Coding, decoder: impl AsyncRead + Send + 'static) -> ByteStream {
    coded(decoder, move || BodyError::Decode(coding))
}

fn lost() -> BodyError {
    BodyError::ConnectionLost
}

/// Errors of the source come out as they went in; the codec's own become `otherwise`.
fn coded(codec: impl AsyncRead + Send + 'static, otherwise: impl Fn() -> BodyError + Send + 'static) -> ByteStream {
    ReaderStream::with_capacity(codec, CHUNK)
        .map_err(move |error| {
            let source = error.get_ref().and_then(|e| e.downcast_ref::<BodyError>());
            source.cloned().unwrap_or_else(&otherwise)
        })
        .boxed()
}

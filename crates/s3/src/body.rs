//! A request's body on its way to the store: decoded, held against what the request says of it, and never awaited for ever.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::HeaderMap;
use http_body_util::BodyStream;
use hyper::body::Incoming;
use r2::{Algorithm, Expected, Trailer};
use ring::digest::{Context, SHA256};
use s3s::S3Error;

use crate::chunked::Decoder;
use crate::error;
use crate::sign::{Payload, Signed};

/// What is wrong with a body. It ends the upload, which leaves nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("The chunks of the body are malformed.")]
    Chunk,
    #[error("The signature of a chunk does not match.")]
    Signature,
    #[error("You did not provide the number of bytes specified by the Content-Length HTTP header.")]
    Incomplete,
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    Hash,
    #[error("The value specified in the x-amz-trailer header is not what came behind the body.")]
    Trailer,
    #[error("Your socket connection to the server was not read from or written to within the timeout period.")]
    Stalled,
    #[error("The client has gone.")]
    Gone(#[source] hyper::Error),
}

/// A body, and what it has to be.
pub(crate) struct Body {
    pub stream: stream::BoxStream<'static, Result<Bytes, s3s::StdError>>,
    pub length: u64,
    pub expected: Expected,
}

struct Reader {
    source: BodyStream<Incoming>,
    stall: Duration,
    /// What has come and was not looked at.
    ahead: VecDeque<Bytes>,
    decoder: Option<Decoder>,
    hash: Option<(Context, [u8; 32])>,
    trailer: Option<(Algorithm, Trailer)>,
    left: u64,
}

// === impl Body ===

impl Body {
    /// `length` bounds what is read, whatever comes.
    pub(crate) fn new(
        headers: &HeaderMap,
        incoming: Incoming,
        signed: Signed,
        stall: Duration,
    ) -> Result<Self, S3Error> {
        let mut expected = checksums(headers)?;
        let encoded = number(headers, "content-length")?;
        let (decoder, length) = match signed.payload {
            Payload::Chunked { signed: chunks, trailer } => {
                let length = number(headers, "x-amz-decoded-content-length")?;
                let length = length.ok_or_else(|| error::refuse("MissingContentLength", 411, MISSING_LENGTH))?;
                expected.trailer = announced(headers, trailer)?;
                (Some(Decoder::new(chunks.then_some(signed.chain), length)), length)
            }
            _ => {
                let empty = http_body::Body::is_end_stream(&incoming).then_some(0);
                let length = encoded.or(empty);
                (None, length.ok_or_else(|| error::refuse("MissingContentLength", 411, MISSING_LENGTH))?)
            }
        };
        let hash = match signed.payload {
            Payload::Sha256(hash) => Some((Context::new(&SHA256), hash)),
            _ => None,
        };
        let reader = Reader {
            source: BodyStream::new(incoming),
            stall,
            ahead: VecDeque::new(),
            decoder,
            hash,
            trailer: expected.trailer.clone(),
            left: length,
        };
        let stream = stream::try_unfold(Some(reader), |reader| async move {
            let Some(mut reader) = reader else { return Ok(None) };
            match reader.next().await {
                Ok(Some(chunk)) => Ok(Some((chunk, Some(reader)))),
                Ok(None) => reader.finish().map(|()| None).map_err(s3s::StdError::from),
                Err(error) => Err(error.into()),
            }
        });
        Ok(Self { stream: stream.boxed(), length, expected })
    }

    /// All of a body that is small.
    pub(crate) async fn whole(self, limit: u64) -> Result<Bytes, S3Error> {
        if self.length > limit {
            let message = "Your request was too big.";
            return Err(error::refuse("MaxMessageLengthExceeded", 400, message));
        }
        let mut digests = r2::Digests::new(self.expected);
        let mut whole = Vec::with_capacity(self.length as usize);
        let mut stream = self.stream;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(error::source)?;
            digests.update(&chunk);
            whole.extend_from_slice(&chunk);
        }
        digests.finish().map_err(error::r2)?;
        Ok(whole.into())
    }
}

const MISSING_LENGTH: &str = "You must provide the Content-Length HTTP header.";

fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, S3Error> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).map(Some).ok_or_else(|| error::invalid(name))
}

// === checksums ===

/// Those that may come in a header, each as `x-amz-checksum-…`.
pub(crate) const CHECKSUMS: [(Algorithm, &str, usize); 5] = [
    (Algorithm::Crc32, "crc32", 4),
    (Algorithm::Crc32c, "crc32c", 4),
    (Algorithm::Crc64Nvme, "crc64nvme", 8),
    (Algorithm::Sha1, "sha1", 20),
    (Algorithm::Sha256, "sha256", 32),
];

fn checksums(headers: &HeaderMap) -> Result<Expected, S3Error> {
    let mut expected = Expected::default();
    if let Some(value) = headers.get("content-md5") {
        expected.set(Algorithm::Md5, digest(value.as_bytes(), 16)?);
    }
    let mut several = false;
    for (algorithm, name, length) in CHECKSUMS {
        let Some(value) = headers.get(format!("x-amz-checksum-{name}")) else { continue };
        if std::mem::replace(&mut several, true) {
            let message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.";
            return Err(error::refuse("InvalidRequest", 400, message));
        }
        expected.set(algorithm, digest(value.as_bytes(), length)?);
    }
    Ok(expected)
}

fn digest(text: &[u8], length: usize) -> Result<Vec<u8>, S3Error> {
    let bytes = base64_simd::STANDARD.decode_to_vec(text).ok().filter(|bytes| bytes.len() == length);
    bytes.ok_or_else(|| {
        error::refuse("InvalidDigest", 400, "The Content-MD5 or checksum value that you specified is not valid.")
    })
}

/// The checksum that the request says will come behind its body.
fn announced(headers: &HeaderMap, trailer: bool) -> Result<Option<(Algorithm, Trailer)>, S3Error> {
    let Some(names) = headers.get("x-amz-trailer") else {
        return if trailer { Err(error::invalid("x-amz-trailer")) } else { Ok(None) };
    };
    let name = names.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    let known = CHECKSUMS.iter().find(|(_, known, _)| name.strip_prefix("x-amz-checksum-") == Some(known));
    match known {
        Some((algorithm, ..)) if trailer => Ok(Some((*algorithm, Trailer::default()))),
        _ => Err(error::refuse(
            "InvalidRequest",
            400,
            "The value specified in the x-amz-trailer header is not supported",
        )),
    }
}

// === impl Reader ===

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            while let Some(mut input) = self.ahead.pop_front() {
                let chunk = match &mut self.decoder {
                    None => std::mem::take(&mut input),
                    Some(decoder) => decoder.take(&mut input)?,
                };
                if !input.is_empty() {
                    self.ahead.push_front(input);
                }
                if !chunk.is_empty() {
                    self.left = self.left.checked_sub(chunk.len() as u64).ok_or(BodyError::Incomplete)?;
                    if let Some((hash, _)) = &mut self.hash {
                        hash.update(&chunk);
                    }
                    return Ok(Some(chunk));
                }
            }
            match tokio::time::timeout(self.stall, self.source.next()).await {
                Err(_) => return Err(BodyError::Stalled),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => return Err(BodyError::Gone(error)),
                // Trailers of HTTP itself mean nothing here.
                Ok(Some(Ok(frame))) => self.ahead.extend(frame.into_data().ok()),
            }
        }
    }

    fn finish(self) -> Result<(), BodyError> {
        if self.left > 0 {
            return Err(BodyError::Incomplete);
        }
        if let Some((hash, expected)) = self.hash
            && hash.finish().as_ref() != expected
        {
            return Err(BodyError::Hash);
        }
        let headers = self.decoder.map(Decoder::finish).transpose()?.unwrap_or_default();
        let mut wanted = self.trailer;
        for (name, value) in headers {
            let Some(name) = name.strip_prefix("x-amz-checksum-") else { continue };
            let (algorithm, trailer) = wanted.take().ok_or(BodyError::Trailer)?;
            let known = CHECKSUMS.iter().find(|(known, text, _)| *known == algorithm && *text == name);
            let value = base64_simd::STANDARD.decode_to_vec(value).ok();
            let value = value.filter(|value| known.is_some_and(|(.., length)| value.len() == *length));
            trailer.set(value.ok_or(BodyError::Trailer)?);
        }
        // Announced, and not there.
        if wanted.is_some() { Err(BodyError::Trailer) } else { Ok(()) }
    }
}

//! `aws-chunked`: a body in chunks that say their size, each with a signature where the request is so signed, with checksums
//! behind the last one where they are announced.
//! https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
//!
//! A chunk is passed on as it comes and its signature is looked at when it ends, so memory does not grow with chunks, which may
//! be as large as an object. Nothing is stored of a body that fails.

use bytes::{Bytes, BytesMut};
use ring::digest::{Context, SHA256};

use crate::body::BodyError;
use crate::sign::Chain;

/// Bytes of the line before a chunk: a size, a signature.
const LINE: usize = 256;
/// Bytes of all that comes behind the last chunk.
const TRAILERS: usize = 8 * 1024;

pub(crate) struct Decoder {
    /// Where chunks are signed.
    chain: Option<Chain>,
    state: State,
    /// Of the chunk that comes in, where it is signed.
    hash: Context,
    /// A line that has not come whole, or the trailers.
    held: BytesMut,
    left: u64,
}

enum State {
    Line,
    Data {
        left: u64,
        signature: Option<String>,
    },
    /// The line's end behind a chunk.
    End,
    /// All that follows the chunk of no bytes.
    Trailers,
}

// === impl Decoder ===

impl Decoder {
    /// `length` is that of the body itself, which the request announces.
    pub(crate) fn new(chain: Option<Chain>, length: u64) -> Self {
        Self { chain, state: State::Line, hash: Context::new(&SHA256), held: BytesMut::new(), left: length }
    }

    /// The bytes of the body that are in `input`, or nothing yet.
    pub(crate) fn take(&mut self, input: &mut Bytes) -> Result<Bytes, BodyError> {
        loop {
            match &mut self.state {
                State::Line => {
                    let Some(line) = self.line(input)? else { return Ok(Bytes::new()) };
                    self.begin(&line)?;
                }
                State::Data { left: 0, .. } => self.end()?,
                State::Data { left, .. } => {
                    if input.is_empty() {
                        return Ok(Bytes::new());
                    }
                    let data = input.split_to(usize::try_from(*left).unwrap_or(usize::MAX).min(input.len()));
                    *left -= data.len() as u64;
                    if self.chain.is_some() {
                        self.hash.update(&data);
                    }
                    return Ok(data);
                }
                State::End => {
                    let Some(line) = self.line(input)? else { return Ok(Bytes::new()) };
                    if !line.is_empty() {
                        return Err(BodyError::Chunk);
                    }
                    self.state = State::Line;
                }
                State::Trailers => {
                    if self.held.len() + input.len() > TRAILERS {
                        return Err(BodyError::Chunk);
                    }
                    self.held.extend_from_slice(input);
                    input.clear();
                    return Ok(Bytes::new());
                }
            }
        }
    }

    /// The trailing headers, when the body has come to its end: names in lower case.
    pub(crate) fn finish(mut self) -> Result<Vec<(String, String)>, BodyError> {
        if !matches!(self.state, State::Trailers) || self.left > 0 {
            return Err(BodyError::Incomplete);
        }
        let text = std::str::from_utf8(&self.held).map_err(|_| BodyError::Chunk)?;
        let mut headers = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(BodyError::Chunk)?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let signature = headers.iter().position(|(name, _)| name == "x-amz-trailer-signature");
        let signature = signature.map(|at| headers.remove(at).1);
        // What is announced and not there is found out by who asked for it.
        if let Some(chain) = &mut self.chain
            && !headers.is_empty()
        {
            let mut lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
            lines.sort_unstable();
            let signature = signature.ok_or(BodyError::Signature)?;
            if !chain.trailer(&signature, &lines.concat()) {
                return Err(BodyError::Signature);
            }
        }
        Ok(headers)
    }

    /// The next line without its end, once it is whole.
    fn line(&mut self, input: &mut Bytes) -> Result<Option<BytesMut>, BodyError> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = input.split_to(end.map_or(input.len(), |end| end + 1));
        if self.held.len() + taken.len() > LINE {
            return Err(BodyError::Chunk);
        }
        self.held.extend_from_slice(&taken);
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.held);
        match line.strip_suffix(b"\r\n").map(<[u8]>::len) {
            Some(length) => line.truncate(length),
            None => return Err(BodyError::Chunk),
        }
        Ok(Some(line))
    }

    fn begin(&mut self, line: &[u8]) -> Result<(), BodyError> {
        let line = std::str::from_utf8(line).map_err(|_| BodyError::Chunk)?;
        let (size, signature) = match line.split_once(';') {
            Some((size, extension)) => (size, extension.strip_prefix("chunk-signature=").map(str::to_owned)),
            None => (line, None),
        };
        let digits = !size.is_empty() && size.len() <= 15 && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(size, 16).ok().filter(|_| digits).ok_or(BodyError::Chunk)?;
        if self.chain.is_some() && signature.is_none() {
            return Err(BodyError::Signature);
        }
        self.left = self.left.checked_sub(size).ok_or(BodyError::Incomplete)?;
        self.state = State::Data { left: size, signature };
        if size == 0 {
            self.end()?;
            self.state = State::Trailers;
        }
        Ok(())
    }

    /// A chunk has come to its end.
    fn end(&mut self) -> Result<(), BodyError> {
        let State::Data { signature, .. } = std::mem::replace(&mut self.state, State::End) else { return Ok(()) };
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let hash = std::mem::replace(&mut self.hash, Context::new(&SHA256));
        let right = signature.is_some_and(|signature| chain.chunk(&signature, &hash.finish()));
        if right { Ok(()) } else { Err(BodyError::Signature) }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("left", &self.left).finish_non_exhaustive()
    }
}

//! `CompressionStream` and `DecompressionStream` (<https://compression.spec.whatwg.org>) for `js/compression.js`: the
//! codecs, stepwise, so that a small input which inflates without end never has more than [`STEP`] bytes in flight.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use isolate::{Args, JsError, Op, v8};

use crate::views::with_bytes;

pub const OPS: &[Op] = &[
    isolate::op!(op_compression_new),
    isolate::op!(op_compression_write),
    isolate::op!(op_compression_finish),
    isolate::op!(op_compression_drop),
];

/// The most bytes that one call yields. A call that yields as many may have more to give.
const STEP: usize = 64 * 1024;

const WINDOW_BITS: u8 = 15;

#[derive(Debug, thiserror::Error, PartialEq)]
enum CodecError {
    #[error("Decompression failed.")]
    Corrupt,
    #[error("Compression failed.")]
    Compress,
    #[error("Trailing bytes after end of compressed data")]
    Trailing,
    #[error("Called close() on a decompression stream with incomplete data")]
    Incomplete,
}

/// One stream's state.
struct Codec {
    direction: Direction,
    /// What ends too early and what goes on after its end is an error.
    strict: bool,
    /// Input that is yet to be looked at, as the last step's output was full.
    pending: Vec<u8>,
    output: Vec<u8>,
}

enum Direction {
    Compress(Compress),
    Decompress { state: Decompress, ended: bool },
}

// === impl Codec ===

impl Codec {
    /// `None` for a format that the standard doesn't know.
    fn new(format: &str, compress: bool, strict: bool) -> Option<Self> {
        let level = Compression::default();
        let direction = if compress {
            Direction::Compress(match format {
                "gzip" => Compress::new_gzip(level, WINDOW_BITS),
                "deflate" => Compress::new(level, true),
                "deflate-raw" => Compress::new(level, false),
                _ => return None,
            })
        } else {
            let state = match format {
                "gzip" => Decompress::new_gzip(WINDOW_BITS),
                "deflate" => Decompress::new(true),
                "deflate-raw" => Decompress::new(false),
                _ => return None,
            };
            Direction::Decompress { state, ended: false }
        };
        Some(Self { direction, strict, pending: Vec::new(), output: Vec::new() })
    }

    /// Takes `input` after what is pending. Yields at most [`STEP`] bytes; when it yields that many, call again without input.
    fn write(&mut self, input: &[u8]) -> Result<Vec<u8>, CodecError> {
        if self.pending.is_empty() {
            let taken = self.run(input, FlushCompress::None)?;
            self.pending.extend_from_slice(&input[taken..]);
        } else {
            let mut pending = std::mem::take(&mut self.pending);
            pending.extend_from_slice(input);
            let taken = self.run(&pending, FlushCompress::None)?;
            pending.drain(..taken);
            self.pending = pending;
        }
        Ok(self.take_output())
    }

    /// Ends the stream, in steps as [`Self::write`].
    fn finish(&mut self) -> Result<Vec<u8>, CodecError> {
        if let Direction::Decompress { ended: false, .. } = self.direction {
            return if self.strict { Err(CodecError::Incomplete) } else { Ok(self.take_output()) };
        }
        self.run(&[], FlushCompress::Finish)?;
        Ok(self.take_output())
    }

    /// Runs the codec until its input is used up or the output is full; returns how much input it took.
    fn run(&mut self, input: &[u8], flush: FlushCompress) -> Result<usize, CodecError> {
        self.output.reserve_exact(STEP);
        match &mut self.direction {
            Direction::Compress(state) => {
                let before = state.total_in();
                loop {
                    let taken = (state.total_in() - before) as usize;
                    let written = self.output.len();
                    let status = state
                        .compress_vec(&input[taken..], &mut self.output, flush)
                        .map_err(|_| CodecError::Compress)?;
                    let advanced = (state.total_in() - before) as usize;
                    let stuck = advanced == taken && self.output.len() == written;
                    if status == Status::StreamEnd || stuck || self.output.len() >= STEP {
                        return Ok(advanced);
                    }
                    if advanced == input.len() && !matches!(flush, FlushCompress::Finish) {
                        return Ok(advanced);
                    }
                }
            }
            Direction::Decompress { ended: true, .. } if input.is_empty() => Ok(0),
            Direction::Decompress { ended: true, .. } if self.strict => Err(CodecError::Trailing),
            Direction::Decompress { ended: true, .. } => Ok(input.len()),
            Direction::Decompress { state, ended } => {
                let before = state.total_in();
                loop {
                    let taken = (state.total_in() - before) as usize;
                    let written = self.output.len();
                    let status = state
                        .decompress_vec(&input[taken..], &mut self.output, FlushDecompress::None)
                        .map_err(|_| CodecError::Corrupt)?;
                    let advanced = (state.total_in() - before) as usize;
                    if status == Status::StreamEnd {
                        *ended = true;
                        let trailing = self.strict && advanced < input.len();
                        return if trailing { Err(CodecError::Trailing) } else { Ok(input.len()) };
                    }
                    let stuck = advanced == taken && self.output.len() == written;
                    if stuck || self.output.len() >= STEP {
                        return Ok(advanced);
                    }
                }
            }
        }
    }

    /// What the last step wrote. The room that it didn't need stays for the next step.
    fn take_output(&mut self) -> Vec<u8> {
        if self.output.len() > STEP / 2 {
            let mut output = std::mem::take(&mut self.output);
            output.shrink_to_fit();
            return output;
        }
        let output = self.output.as_slice().to_vec();
        self.output.clear();
        output
    }
}

// === ops ===

/// `op_compression_new(format, compress, strict)` → rid
fn op_compression_new(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let format = isolate::string_arg(scope, &args, 0);
    let Some(codec) = Codec::new(&format, args.get(1).is_true(), args.get(2).is_true()) else {
        let message = "The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.";
        return isolate::throw(scope, JsError::type_error(message));
    };
    let rid = isolate::resources(scope).add(codec);
    rv.set_uint32(rid);
}

/// `op_compression_write(rid, view | undefined)` → Uint8Array. One of 65536 bytes means: call again without a view.
fn op_compression_write(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let resources = isolate::resources(scope);
    let Some(codec) = resources.get::<Codec>(rid) else {
        return throw_gone(scope);
    };
    let step = match with_bytes(&args, 1, |input| codec.write(input)) {
        Some(step) => step,
        None => codec.write(&[]),
    };
    give(scope, rv, rid, step);
}

/// `op_compression_finish(rid)` → the rest as a Uint8Array, in steps as for writing.
fn op_compression_finish(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let Some(codec) = isolate::resources(scope).get::<Codec>(rid) else {
        return throw_gone(scope);
    };
    let step = codec.finish();
    give(scope, rv, rid, step);
}

/// `op_compression_drop(rid)`
fn op_compression_drop(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    drop(isolate::resources(scope).take::<Codec>(rid));
}

/// Hands over a step's output. An error is the end of the stream.
fn give(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, rid: u32, step: Result<Vec<u8>, CodecError>) {
    match step {
        Ok(bytes) => rv.set(isolate::new_bytes(scope, bytes).into()),
        Err(error) => {
            drop(isolate::resources(scope).take::<Codec>(rid));
            isolate::throw(scope, JsError::type_error(error.to_string()));
        }
    }
}

fn throw_gone(scope: &mut v8::PinScope) {
    isolate::throw(scope, JsError::type_error("The compression stream belongs to a request that has ended."));
}

#[cfg(test)]
mod tests;

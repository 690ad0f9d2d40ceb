//! Brotli, both ways.

use ::brotli::enc::backward_references::BrotliEncoderMode;
use ::brotli::enc::encode::{BrotliEncoderOperation, BrotliEncoderStateStruct};
use ::brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use brotli_decompressor::{BrotliDecoderErrorCode, BrotliDecoderParameter};
use webapi::websocket::Charge;

use super::memory::{Counted, Memory};
use super::{Engine, Failure, Progress, Z_BUF_ERROR};

const PARAM_QUALITY: usize = 1;
const PARAM_LGWIN: usize = 2;
const OPERATION_FINISH: u32 = 2;
const DEFAULT_QUALITY: u32 = 11;
const DEFAULT_LGWIN: u32 = 22;

pub(super) struct Encoder {
    set: Vec<(usize, u32)>,
    engine: BrotliEncoderStateStruct<Counted>,
    counted: Counted,
    memory: Memory,
    charge: Charge,
    started: bool,
}

pub(super) struct Decoder {
    set: Vec<(usize, u32)>,
    engine: BrotliState<Counted, Counted, Counted>,
    counted: Counted,
    memory: Memory,
    charge: Charge,
}

fn not_initialized() -> Failure {
    let message = "Could not initialize Brotli instance".to_owned();
    Failure { message, errno: -1, code: "ERR_ZLIB_INITIALIZATION_FAILED".to_owned() }
}

fn not_set() -> Failure {
    let message = "Setting parameter failed".to_owned();
    Failure { message, errno: -1, code: "ERR_BROTLI_PARAM_SET_FAILED".to_owned() }
}

fn not_compressed() -> Failure {
    let message = "Compression failed".to_owned();
    Failure { message, errno: -1, code: "ERR_BROTLI_COMPRESSION_FAILED".to_owned() }
}

// === impl Encoder ===

impl Encoder {
    pub(super) fn new(set: Vec<(usize, u32)>, memory: &Memory) -> Result<Self, Failure> {
        let counted = Counted::up_to(usize::MAX);
        let charge = memory.charge(0).map_err(|_| not_initialized())?;
        let engine = encoder(&set, &counted)?;
        Ok(Self { set, engine, counted, memory: memory.clone(), charge, started: false })
    }

    fn param(&self, which: usize, default: u32) -> u32 {
        self.set.iter().find(|(param, _)| *param == which).map_or(default, |(_, value)| *value)
    }

    /// The most that the engine will take at once before it has told how much that was. `whole`: the length of an input that is all
    /// there is.
    fn estimate(&self, whole: Option<usize>) -> usize {
        let window = 1_usize << self.param(PARAM_LGWIN, DEFAULT_LGWIN).clamp(10, 30);
        let quality = self.param(PARAM_QUALITY, DEFAULT_QUALITY);
        let reach = whole.map_or(window, |length| length.min(window));
        let tables = match quality {
            // A binary tree over the window.
            10.. => (1 << 19) + reach * 8,
            5..10 => 1_usize << (15 + quality + 1),
            _ => 1 << 22,
        };
        // The ring buffer has twice the window; the rest is blocks, trees and histograms.
        reach * 2 + tables + (1 << 20)
    }

    fn count(&mut self) -> Result<(), Failure> {
        let grown = self.counted.bytes().saturating_sub(self.charge.bytes());
        if self.charge.grow(grown) { Ok(()) } else { Err(not_compressed()) }
    }
}

fn encoder(set: &[(usize, u32)], counted: &Counted) -> Result<BrotliEncoderStateStruct<Counted>, Failure> {
    let mut engine = BrotliEncoderStateStruct::new(counted.clone());
    let params = &mut engine.params;
    for (param, value) in set {
        let signed = i32::try_from(*value).unwrap_or(i32::MAX);
        match *param {
            0 => {
                params.mode = match value {
                    1 => BrotliEncoderMode::BROTLI_MODE_TEXT,
                    2 => BrotliEncoderMode::BROTLI_MODE_FONT,
                    _ => BrotliEncoderMode::BROTLI_MODE_GENERIC,
                }
            }
            PARAM_QUALITY => params.quality = signed,
            PARAM_LGWIN => params.lgwin = signed,
            3 => params.lgblock = signed,
            4 if *value > 1 => return Err(not_set()),
            4 => params.disable_literal_context_modeling = signed,
            5 => params.size_hint = *value as usize,
            6 => params.large_window = *value != 0,
            7 => params.dist.distance_postfix_bits = *value,
            8 => params.dist.num_direct_distance_codes = *value,
            _ => return Err(not_set()),
        }
    }
    Ok(engine)
}

impl Engine for Encoder {
    fn step(&mut self, flush: u32, input: &[u8], output: &mut [u8], progress: &mut Progress) -> Result<(), Failure> {
        let operation = match flush {
            0 => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            1 => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            OPERATION_FINISH => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
            _ => BrotliEncoderOperation::BROTLI_OPERATION_EMIT_METADATA,
        };
        if !self.started {
            let whole = (flush == OPERATION_FINISH).then_some(input.len());
            if self.estimate(whole) > self.memory.left() {
                return Err(not_compressed());
            }
            if let Some(length) = whole {
                // A window wider than all that there is would be memory for nothing.
                let fitting = (length + 16).next_power_of_two().ilog2().clamp(10, 24) as i32;
                self.engine.params.lgwin = self.engine.params.lgwin.min(fitting);
            }
            self.started = true;
        }
        let compressed = self.engine.compress_stream(
            operation,
            &mut input.len(),
            input,
            &mut progress.taken,
            &mut output.len(),
            output,
            &mut progress.written,
            &mut None,
            &mut |_, _, _, _| (),
        );
        self.count()?;
        if compressed { Ok(()) } else { Err(not_compressed()) }
    }

    fn reset(&mut self) -> Result<(), Failure> {
        *self = Self::new(std::mem::take(&mut self.set), &self.memory)?;
        Ok(())
    }
}

// === impl Decoder ===

impl Decoder {
    pub(super) fn new(set: Vec<(usize, u32)>, memory: &Memory) -> Result<Self, Failure> {
        let counted = Counted::up_to(memory.left());
        let charge = memory.charge(0).map_err(|_| not_initialized())?;
        let mut engine = BrotliState::new_strict(counted.clone(), counted.clone(), counted.clone());
        for (param, value) in &set {
            let param = match param {
                0 => BrotliDecoderParameter::BROTLI_DECODER_PARAM_DISABLE_RING_BUFFER_REALLOCATION,
                1 => BrotliDecoderParameter::BROTLI_DECODER_PARAM_LARGE_WINDOW,
                _ => return Err(not_set()),
            };
            if !engine.set_parameter(param, *value) {
                return Err(not_set());
            }
        }
        Ok(Self { set, engine, counted, memory: memory.clone(), charge })
    }
}

impl Engine for Decoder {
    fn step(&mut self, flush: u32, input: &[u8], output: &mut [u8], progress: &mut Progress) -> Result<(), Failure> {
        let result = BrotliDecompressStream(
            &mut input.len(),
            &mut progress.taken,
            input,
            &mut output.len(),
            &mut progress.written,
            output,
            &mut 0,
            &mut self.engine,
        );
        let grown = self.counted.bytes().saturating_sub(self.charge.bytes());
        if !self.charge.grow(grown) {
            return Err(failed(BrotliDecoderErrorCode::BROTLI_DECODER_ERROR_ALLOC_RING_BUFFER_2));
        }
        match result {
            BrotliResult::ResultFailure => Err(failed(self.engine.error_code)),
            BrotliResult::NeedsMoreInput if flush == OPERATION_FINISH => {
                let message = "unexpected end of file".to_owned();
                Err(Failure { message, errno: Z_BUF_ERROR, code: "Z_BUF_ERROR".to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn reset(&mut self) -> Result<(), Failure> {
        *self = Self::new(std::mem::take(&mut self.set), &self.memory)?;
        Ok(())
    }
}

/// The code is Node's prefix before the library's name for it.
fn failed(code: BrotliDecoderErrorCode) -> Failure {
    let name = format!("{code:?}");
    let name = name.strip_prefix("BROTLI_DECODER").unwrap_or(&name);
    Failure { message: "Decompression failed".to_owned(), errno: code as i32, code: format!("ERR_{name}") }
}

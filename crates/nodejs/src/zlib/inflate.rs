//! Deflate, zlib and gzip, decompressing, as Node drives zlib.

use webapi::websocket::Charge;
use zlib_rs::{Inflate, InflateError, InflateFlush, Status};

use super::memory::Memory;
use super::{
    Engine, Failure, Progress, Z_BUF_ERROR, Z_DATA_ERROR, Z_FINISH, Z_MEM_ERROR, Z_NEED_DICT, Z_STREAM_ERROR, mode,
};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The engine's tables, without its window.
const TABLES: usize = 16 * 1024;

pub(super) struct Inflater {
    mode: u32,
    window_bits: u8,
    dictionary: Vec<u8>,
    engine: Inflate,
    /// Of a stream that may be gzip's or zlib's: whether the first byte was gzip's.
    saw_magic: bool,
    _charge: Charge,
}

/// How a call of `inflate` ended, by zlib's numbers.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Ok,
    StreamEnd,
    BufError,
    NeedDict,
    Failed(i32),
}

// === impl Outcome ===

impl From<Result<Status, InflateError>> for Outcome {
    fn from(result: Result<Status, InflateError>) -> Self {
        match result {
            Ok(Status::Ok) => Outcome::Ok,
            Ok(Status::BufError) => Outcome::BufError,
            Ok(Status::StreamEnd) => Outcome::StreamEnd,
            Err(InflateError::NeedDict { .. }) => Outcome::NeedDict,
            Err(InflateError::StreamError) => Outcome::Failed(Z_STREAM_ERROR),
            Err(InflateError::DataError) => Outcome::Failed(Z_DATA_ERROR),
            Err(InflateError::MemError) => Outcome::Failed(Z_MEM_ERROR),
        }
    }
}

// === impl Inflater ===

impl Inflater {
    pub(super) fn new(mode: u32, window_bits: i32, dictionary: Vec<u8>, memory: &Memory) -> Result<Self, Failure> {
        // 0: what the stream itself says.
        let valid = (8..=15).contains(&window_bits) || window_bits == 0 && mode != mode::INFLATERAW;
        if !valid || !matches!(mode, mode::INFLATE | mode::GUNZIP | mode::INFLATERAW | mode::UNZIP) {
            return Err(Failure::zlib("Init error", None, Z_STREAM_ERROR));
        }
        let window_bits = window_bits as u8;
        let charge = memory.charge(TABLES + (1 << 15) + dictionary.len())?;
        let engine = engine(mode, window_bits);
        let mut inflater = Self { mode, window_bits, dictionary, engine, saw_magic: false, _charge: charge };
        inflater.set_dictionary()?;
        Ok(inflater)
    }

    /// Raw streams do not say that they need one.
    fn set_dictionary(&mut self) -> Result<(), Failure> {
        if self.dictionary.is_empty() || self.mode != mode::INFLATERAW {
            return Ok(());
        }
        let set = self.engine.set_dictionary(&self.dictionary);
        set.map(drop).map_err(|_| Failure::zlib("Failed to set dictionary", None, Z_STREAM_ERROR))
    }

    /// The first two bytes tell whether several members may follow each other.
    fn find_out(&mut self, input: &[u8]) {
        let mut bytes = input.iter();
        if !self.saw_magic {
            match bytes.next() {
                None => return,
                Some(byte) if *byte == GZIP_MAGIC[0] => self.saw_magic = true,
                Some(_) => {
                    self.mode = mode::INFLATE;
                    return;
                }
            }
        }
        match bytes.next() {
            None => {}
            Some(byte) if *byte == GZIP_MAGIC[1] => self.mode = mode::GUNZIP,
            Some(_) => self.mode = mode::INFLATE,
        }
    }

    fn inflate(&mut self, flush: InflateFlush, input: &[u8], output: &mut [u8], progress: &mut Progress) -> Outcome {
        let (taken, written) = (self.engine.total_in(), self.engine.total_out());
        let result = self.engine.decompress(&input[progress.taken..], &mut output[progress.written..], flush);
        progress.taken += (self.engine.total_in() - taken) as usize;
        progress.written += (self.engine.total_out() - written) as usize;
        result.into()
    }
}

fn engine(mode: u32, window_bits: u8) -> Inflate {
    match mode {
        mode::GUNZIP => Inflate::new(true, 16 + window_bits),
        mode::UNZIP => Inflate::new(true, 32 + window_bits),
        mode::INFLATERAW => Inflate::new(false, window_bits),
        _ => Inflate::new(true, window_bits),
    }
}

fn inflate_flush(flush: u32) -> InflateFlush {
    match flush {
        // To inflate, these are all the same.
        1..=3 => InflateFlush::SyncFlush,
        4 => InflateFlush::Finish,
        5 => InflateFlush::Block,
        _ => InflateFlush::NoFlush,
    }
}

impl Engine for Inflater {
    fn step(&mut self, flush: u32, input: &[u8], output: &mut [u8], progress: &mut Progress) -> Result<(), Failure> {
        if self.mode == mode::UNZIP {
            self.find_out(input);
        }
        let how = inflate_flush(flush);
        let mut outcome = self.inflate(how, input, output, progress);
        if outcome == Outcome::NeedDict && self.mode != mode::INFLATERAW && !self.dictionary.is_empty() {
            match self.engine.set_dictionary(&self.dictionary) {
                Ok(_) => outcome = self.inflate(how, input, output, progress),
                // A bad dictionary, not bad input.
                Err(InflateError::DataError) => {}
                Err(_) => outcome = Outcome::Failed(Z_STREAM_ERROR),
            }
        }
        // Another member, or garbage; zeros are padding.
        while outcome == Outcome::StreamEnd
            && self.mode == mode::GUNZIP
            && input.get(progress.taken).is_some_and(|byte| *byte != 0)
        {
            self.engine = engine(mode::GUNZIP, self.window_bits);
            outcome = self.inflate(how, input, output, progress);
        }
        let said = self.engine.error_message();
        match outcome {
            Outcome::Ok | Outcome::BufError if progress.written < output.len() && flush == Z_FINISH => {
                Err(Failure::zlib("unexpected end of file", said, Z_BUF_ERROR))
            }
            Outcome::Ok | Outcome::BufError | Outcome::StreamEnd => Ok(()),
            Outcome::NeedDict if self.dictionary.is_empty() => {
                Err(Failure::zlib("Missing dictionary", said, Z_NEED_DICT))
            }
            Outcome::NeedDict => Err(Failure::zlib("Bad dictionary", said, Z_NEED_DICT)),
            Outcome::Failed(errno) => Err(Failure::zlib("Zlib error", said, errno)),
        }
    }

    fn reset(&mut self) -> Result<(), Failure> {
        self.engine = engine(self.mode, self.window_bits);
        self.set_dictionary()
    }
}

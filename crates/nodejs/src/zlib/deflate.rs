//! Deflate, zlib and gzip, compressing.

use std::mem;

use webapi::websocket::Charge;
use zlib_rs::adler32::adler32;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush, Method, Status, Strategy};

use super::memory::Memory;
use super::{Engine, Failure, Progress, STEP, Z_STREAM_ERROR, mode};

/// As much as matches may go back.
const WINDOW: usize = 32 * 1024;

pub(super) struct Deflater {
    mode: u32,
    config: DeflateConfig,
    dictionary: Vec<u8>,
    engine: Deflate,
    /// Since its parameters were changed the engine is a raw one: zlib's checksum at the end is ours to write.
    replaced: bool,
    /// What has been compressed last, which is the window of an engine that goes on with other parameters.
    tail: Vec<u8>,
    /// Adler-32 of what has been compressed.
    sum: u32,
    /// Output that is to come before what the engine writes next.
    carried: Vec<u8>,
    ended: bool,
    _charge: Charge,
}

// === impl Deflater ===

impl Deflater {
    pub(super) fn new(
        mode: u32,
        window_bits: i32,
        level: i32,
        mem_level: i32,
        strategy: i32,
        dictionary: Vec<u8>,
        memory: &Memory,
    ) -> Result<Self, Failure> {
        let strategy = Strategy::try_from(strategy).map_err(|()| refused())?;
        if !(8..=15).contains(&window_bits) || !(1..=9).contains(&mem_level) || !(-1..=9).contains(&level) {
            return Err(refused());
        }
        let window_bits = match mode {
            mode::GZIP => window_bits.max(9) + 16,
            mode::DEFLATERAW => -window_bits.max(9),
            _ => window_bits,
        };
        // As zconf.h has it, with what is kept here.
        let bytes = (1 << (window_bits.abs() % 16 + 2)) + (1 << (mem_level + 9)) + WINDOW + dictionary.len();
        let charge = memory.charge(bytes)?;
        let config = DeflateConfig { level, method: Method::Deflated, window_bits, mem_level, strategy };
        let mut deflater = Self {
            mode,
            config,
            dictionary,
            engine: Deflate::new_with_config(config),
            replaced: false,
            tail: Vec::new(),
            sum: 1,
            carried: Vec::new(),
            ended: false,
            _charge: charge,
        };
        deflater.set_dictionary()?;
        Ok(deflater)
    }

    fn set_dictionary(&mut self) -> Result<(), Failure> {
        if self.dictionary.is_empty() || self.mode == mode::GZIP {
            return Ok(());
        }
        let set = self.engine.set_dictionary(&self.dictionary);
        set.map(drop).map_err(|error| Failure::zlib("Failed to set dictionary", None, error as i32))
    }

    /// Remembers what the engine has taken, for [`Self::replace`].
    fn remember(&mut self, taken: &[u8]) {
        match self.mode {
            // Its parameters don't change.
            mode::GZIP => return,
            mode::DEFLATE => self.sum = adler32(self.sum, taken),
            _ => {}
        }
        let taken = &taken[taken.len().saturating_sub(WINDOW)..];
        let surplus = (self.tail.len() + taken.len()).saturating_sub(WINDOW);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend_from_slice(taken);
    }

    /// Goes on with another engine: the library changes no strategy, and not every level, of one that has begun.
    fn replace(&mut self, config: DeflateConfig) -> Result<(), Failure> {
        self.flush_to_carried()?;
        let bits = match self.config.window_bits {
            bits @ 0.. => -bits.max(9),
            bits => bits,
        };
        self.engine = Deflate::new_with_config(DeflateConfig { window_bits: bits, ..config });
        if !self.tail.is_empty() {
            let set = self.engine.set_dictionary(&self.tail);
            set.map_err(|error| Failure::zlib("Failed to set parameters", None, error as i32))?;
        }
        self.replaced = true;
        Ok(())
    }

    /// Everything that the engine holds back comes out, up to a whole byte.
    fn flush_to_carried(&mut self) -> Result<(), Failure> {
        let mut room = vec![0; STEP];
        loop {
            let before = self.engine.total_out();
            let status = self.engine.compress(&[], &mut room, DeflateFlush::SyncFlush);
            status.map_err(|error| Failure::zlib("Failed to set parameters", None, error as i32))?;
            let written = (self.engine.total_out() - before) as usize;
            self.carried.extend_from_slice(&room[..written]);
            if written < room.len() {
                return Ok(());
            }
        }
    }

    fn write_carried(&mut self, output: &mut [u8], progress: &mut Progress) {
        let room = &mut output[progress.written..];
        let fitting = self.carried.len().min(room.len());
        room[..fitting].copy_from_slice(&self.carried[..fitting]);
        self.carried.drain(..fitting);
        progress.written += fitting;
    }
}

impl Engine for Deflater {
    fn step(&mut self, flush: u32, input: &[u8], output: &mut [u8], progress: &mut Progress) -> Result<(), Failure> {
        self.write_carried(output, progress);
        if self.ended || progress.written == output.len() && !output.is_empty() {
            return Ok(());
        }
        let flush = i32::try_from(flush).ok().and_then(|flush| DeflateFlush::try_from(flush).ok()).unwrap_or_default();
        let (taken, written) = (self.engine.total_in(), self.engine.total_out());
        let status = self.engine.compress(input, &mut output[progress.written..], flush);
        progress.taken = (self.engine.total_in() - taken) as usize;
        progress.written += (self.engine.total_out() - written) as usize;
        self.remember(&input[..progress.taken]);
        let status = status.map_err(|error| Failure::zlib("Zlib error", self.engine.error_message(), error as i32))?;
        if status == Status::StreamEnd && self.replaced {
            self.ended = true;
            if self.mode == mode::DEFLATE {
                self.carried.extend_from_slice(&self.sum.to_be_bytes());
                self.write_carried(output, progress);
            }
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Failure> {
        self.tail.clear();
        self.carried.clear();
        self.sum = 1;
        self.ended = false;
        if mem::take(&mut self.replaced) {
            self.engine = Deflate::new_with_config(self.config);
        } else {
            self.engine.reset();
        }
        self.set_dictionary()
    }

    fn params(&mut self, level: i32, strategy: i32) -> Result<(), Failure> {
        // As Node has it.
        if self.mode == mode::GZIP {
            return Ok(());
        }
        let strategy = Strategy::try_from(strategy).map_err(|()| refused())?;
        if !(-1..=9).contains(&level) {
            return Err(refused());
        }
        let config = DeflateConfig { level, strategy, ..self.config };
        if config != self.config {
            self.replace(config)?;
            self.config = config;
        }
        Ok(())
    }
}

fn refused() -> Failure {
    Failure::zlib("Init error", None, Z_STREAM_ERROR)
}

//! Compressed messages (RFC 7692 §7.2). What compresses and what inflates is lent for one message and shared by all
//! connections of a thread; only where the peer goes on from one message to the next does a connection keep its own.

use std::cell::Cell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::extension::{Deflate, WINDOW_BITS};

/// Messages below this gain nothing that is worth the work.
const WORTHWHILE: usize = 256;
/// Quick rather than small: messages are sent while somebody waits.
const LEVEL: u32 = 3;
/// What ends a flush, which a message leaves out (§7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// The smallest window that a compressor here can have.
const MIN_WINDOW_BITS: u8 = 9;
/// What one inflater takes up, about.
pub(super) const INFLATER: usize = 48 * 1024;
/// What is inflated at a time.
pub(super) const PIECE: usize = 16 * 1024;

thread_local! {
    static COMPRESS: Cell<Option<Compress>> = const { Cell::new(None) };
    static DECOMPRESS: Cell<Option<Decompress>> = const { Cell::new(None) };
}

/// The message compressed, by itself. `None`: it is better sent as it is.
pub(super) fn compress(deflate: Deflate, message: &[u8]) -> Option<Vec<u8>> {
    if message.len() < WORTHWHILE || deflate.window_bits < MIN_WINDOW_BITS {
        return None;
    }
    let shared = deflate.window_bits == WINDOW_BITS;
    let level = Compression::new(LEVEL);
    let lent = shared.then(|| COMPRESS.take()).flatten();
    let mut compress = lent.unwrap_or_else(|| Compress::new_with_window_bits(level, false, deflate.window_bits));
    let mut out = Vec::with_capacity(message.len());
    let done = compress.compress_vec(message, &mut out, FlushCompress::Sync);
    let whole = done.is_ok() && compress.total_in() == message.len() as u64 && out.len() < out.capacity();
    if shared {
        compress.reset();
        COMPRESS.set(Some(compress));
    }
    if !whole || !out.ends_with(&TAIL) {
        return None;
    }
    out.truncate(out.len() - TAIL.len());
    Some(out)
}

/// Inflates the messages of one peer.
pub(super) struct Inflater {
    keeps_context: bool,
    inflate: Option<Decompress>,
}

/// The bytes are no compressed message.
#[derive(Debug)]
pub(super) struct Invalid;

// === impl Inflater ===

impl Inflater {
    pub(super) fn new(deflate: Deflate) -> Self {
        Self { keeps_context: deflate.peer_keeps_context, inflate: None }
    }

    /// Whether it has memory of its own at present.
    pub(super) fn is_holding(&self) -> bool {
        self.inflate.is_some()
    }

    /// Inflates some of `input`, which moves on, into `piece`. The bytes that came of it: none when all is used up.
    pub(super) fn inflate<'a>(&mut self, input: &mut &[u8], piece: &'a mut [u8]) -> Result<&'a [u8], Invalid> {
        let lend = || DECOMPRESS.take().unwrap_or_else(|| Decompress::new_with_window_bits(false, WINDOW_BITS));
        let inflate = self.inflate.get_or_insert_with(lend);
        loop {
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(input, piece, FlushDecompress::None).map_err(|_| Invalid)?;
            let taken = (inflate.total_in() - before_in) as usize;
            let made = (inflate.total_out() - before_out) as usize;
            *input = &input[taken..];
            if status == Status::StreamEnd {
                // §7.2.3.4: a last block need not be the message's end.
                inflate.reset(false);
            }
            if made > 0 || input.is_empty() {
                return Ok(&piece[..made]);
            }
            if taken == 0 {
                return Err(Invalid);
            }
        }
    }

    /// What stands for the flush that a message leaves out.
    pub(super) const fn tail() -> [u8; 4] {
        TAIL
    }

    /// The message is over.
    pub(super) fn end(&mut self) {
        if self.keeps_context {
            return;
        }
        if let Some(mut inflate) = self.inflate.take() {
            inflate.reset(false);
            DECOMPRESS.set(Some(inflate));
        }
    }
}

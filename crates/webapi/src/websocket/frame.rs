//! Frames (RFC 6455 §5): bytes from the network become messages, piece by piece. Memory follows what has arrived, never what a
//! header announces.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::deflate::{INFLATER, Inflater, PIECE};
use super::{Budget, Charge, Close, Deflate, MAX_MESSAGE, Role};

/// What a decoded message is weighed in: small ones, of which a connection has one at a time, are not worth counting.
const UNCOUNTED: usize = 64 * 1024;
/// What a budget is charged at a time.
const GRAIN: usize = 256 * 1024;

/// §5.2: what a compressed message's first frame has set (RFC 7692 §6).
pub(super) const RSV1: u8 = 0x40;

const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xA;

/// §5.5: what a control frame holds at most.
pub(super) const MAX_CONTROL: usize = 125;

/// What has come whole.
#[derive(Debug)]
pub(super) enum Event {
    Text(String, Option<Charge>),
    Binary(Bytes, Option<Charge>),
    Ping(Bytes),
    Pong,
    Close(Close),
}

/// Why the connection has to fail, with the code that says so to the peer (§7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Violation {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

/// Reads the frames of one peer.
pub(super) struct Decoder {
    /// Frames of clients are masked, those of servers are not (§5.1).
    masked: bool,
    budget: Arc<Budget>,
    frame: Option<Frame>,
    /// The kind of the message that is being put together.
    kind: Option<u8>,
    message: Vec<u8>,
    control: Vec<u8>,
    charge: Option<Charge>,
    charged: usize,
    /// Where compressed messages were agreed on.
    inflater: Option<Inflater>,
    /// For what the inflater holds.
    inflater_charge: Option<Charge>,
    /// The message that is being put together is compressed.
    compressed: bool,
}

/// The frame that is being read.
struct Frame {
    fin: bool,
    opcode: u8,
    left: u64,
    mask: Option<[u8; 4]>,
    /// How far into the mask the next byte is.
    turn: usize,
}

// === impl Violation ===

const fn protocol(reason: &'static str) -> Violation {
    Violation { code: 1002, reason }
}

const TOO_LARGE: Violation = Violation { code: 1009, reason: "The message is larger than 32 MiB." };
const NO_ROOM: Violation = Violation { code: 1013, reason: "The server has no room for so many large messages." };
const NOT_COMPRESSED: Violation = protocol("A message is not compressed as it says.");

// === impl Decoder ===

impl Decoder {
    /// `role`: that of the end which reads.
    pub(super) fn new(role: Role, deflate: Option<Deflate>, budget: Arc<Budget>) -> Self {
        Self {
            masked: role == Role::Server,
            budget,
            frame: None,
            kind: None,
            message: Vec::new(),
            control: Vec::new(),
            charge: None,
            charged: UNCOUNTED,
            inflater: deflate.map(Inflater::new),
            inflater_charge: None,
            compressed: false,
        }
    }

    /// Takes bytes from `input` until something is whole; `None` asks for more.
    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Event>, Violation> {
        loop {
            if self.frame.is_none() {
                let Some(frame) = self.header(input)? else { return Ok(None) };
                self.frame = Some(frame);
            }
            let Some(frame) = &mut self.frame else { return Ok(None) };
            let n = usize::try_from(frame.left).unwrap_or(usize::MAX).min(input.len());
            let (opcode, fin) = (frame.opcode, frame.fin);
            if n > 0 {
                frame.unmask(&mut input[..n]);
                frame.left -= n as u64;
            }
            let whole = frame.left == 0;
            let control = opcode >= CLOSE;
            match control {
                true => self.control.extend_from_slice(&input[..n]),
                false if self.compressed => self.inflate(&input[..n])?,
                false => self.extend(&input[..n])?,
            }
            input.advance(n);
            if !whole {
                return Ok(None);
            }
            self.frame = None;
            if control {
                return self.end_control(opcode).map(Some);
            }
            if fin {
                if std::mem::take(&mut self.compressed) {
                    self.end_compressed()?;
                }
                return self.end_message().map(Some);
            }
        }
    }

    fn header(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, Violation> {
        let &[first, second, ..] = &input[..] else { return Ok(None) };
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
        let (masked, short) = (second & 0x80 != 0, second & 0x7F);
        if first & 0x70 & !RSV1 != 0 {
            return Err(protocol("Reserved bits are set that no extension has a use for."));
        }
        if first & RSV1 != 0 && self.inflater.is_none() {
            return Err(protocol("A frame is compressed, and no compression was agreed on."));
        }
        if masked != self.masked {
            return Err(protocol(match self.masked {
                true => "A client's frame is not masked.",
                false => "A server's frame is masked.",
            }));
        }
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let size = 2 + extended + if masked { 4 } else { 0 };
        if input.len() < size {
            return Ok(None);
        }
        let length = match extended {
            2 => u64::from(u16::from_be_bytes([input[2], input[3]])),
            8 => {
                let mut length = [0; 8];
                length.copy_from_slice(&input[2..10]);
                u64::from_be_bytes(length)
            }
            _ => u64::from(short),
        };
        let shortest = match extended {
            2 => length > 125,
            8 => length > 0xFFFF && length >> 63 == 0,
            _ => true,
        };
        if !shortest {
            return Err(protocol("A frame's length is not in its shortest form."));
        }
        self.admit(first & RSV1 != 0, fin, opcode, length)?;
        let mask = masked.then(|| [input[size - 4], input[size - 3], input[size - 2], input[size - 1]]);
        input.advance(size);
        Ok(Some(Frame { fin, opcode, left: length, mask, turn: 0 }))
    }

    /// Whether a frame of this kind and length may come now.
    fn admit(&mut self, compressed: bool, fin: bool, opcode: u8, length: u64) -> Result<(), Violation> {
        if compressed && !matches!(opcode, TEXT | BINARY) {
            return Err(protocol("A frame is marked as compressed that begins no message."));
        }
        match opcode {
            CLOSE | PING | PONG => {
                if !fin || length > MAX_CONTROL as u64 {
                    return Err(protocol("A control frame is in pieces or too long."));
                }
                self.control.clear();
                return Ok(());
            }
            CONTINUATION if self.kind.is_none() => {
                return Err(protocol("A continuation follows no message's beginning."));
            }
            CONTINUATION => {}
            TEXT | BINARY if self.kind.is_some() => return Err(protocol("A message begins within another.")),
            TEXT | BINARY => {
                self.kind = Some(opcode);
                self.compressed = compressed;
            }
            _ => return Err(protocol("A frame has an unknown opcode.")),
        }
        let (so_far, most) = match self.compressed {
            // What can't be compressed grows a little.
            true => (0, MAX_MESSAGE + MAX_MESSAGE / 1024),
            false => (self.message.len() as u64, MAX_MESSAGE),
        };
        match length.saturating_add(so_far) > most as u64 {
            true => Err(TOO_LARGE),
            false => Ok(()),
        }
    }

    /// Puts more to the message.
    fn extend(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.message.len() + bytes.len() > MAX_MESSAGE {
            return Err(TOO_LARGE);
        }
        self.weigh(bytes.len())?;
        self.message.extend_from_slice(bytes);
        Ok(())
    }

    /// Puts to the message what these bytes hold, piece by piece: what grows too large is not inflated whole.
    fn inflate(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        let Some(mut inflater) = self.inflater.take() else { return Err(NOT_COMPRESSED) };
        if !inflater.is_holding() {
            self.inflater_charge = self.budget.charge(INFLATER);
            if self.inflater_charge.is_none() {
                return Err(NO_ROOM);
            }
        }
        let mut piece = [0; PIECE];
        loop {
            let inflated = inflater.inflate(&mut bytes, &mut piece).map_err(|_| NOT_COMPRESSED)?;
            // What fills the piece may have more behind it.
            let done = bytes.is_empty() && inflated.len() < PIECE;
            self.extend(inflated)?;
            if done {
                break;
            }
        }
        self.inflater = Some(inflater);
        Ok(())
    }

    /// Charges the budget for `n` bytes more of the message.
    fn weigh(&mut self, n: usize) -> Result<(), Violation> {
        let size = self.message.len() + n;
        if size <= self.charged {
            return Ok(());
        }
        let more = (size - self.charged).max(GRAIN);
        let fits = match &mut self.charge {
            Some(charge) => charge.grow(more),
            None => {
                self.charge = self.budget.charge(more);
                self.charge.is_some()
            }
        };
        self.charged += more;
        match fits {
            true => Ok(()),
            false => Err(NO_ROOM),
        }
    }

    fn end_compressed(&mut self) -> Result<(), Violation> {
        self.inflate(&Inflater::tail())?;
        if let Some(inflater) = &mut self.inflater {
            inflater.end();
            if !inflater.is_holding() {
                self.inflater_charge = None;
            }
        }
        Ok(())
    }

    fn end_message(&mut self) -> Result<Event, Violation> {
        let message = std::mem::take(&mut self.message);
        let charge = self.charge.take();
        self.charged = UNCOUNTED;
        match self.kind.take() {
            Some(TEXT) => match String::from_utf8(message) {
                Ok(text) => Ok(Event::Text(text, charge)),
                Err(_) => Err(Violation { code: 1007, reason: "A text message is not UTF-8." }),
            },
            _ => Ok(Event::Binary(message.into(), charge)),
        }
    }

    fn end_control(&mut self, opcode: u8) -> Result<Event, Violation> {
        let payload = std::mem::take(&mut self.control);
        match opcode {
            PING => Ok(Event::Ping(payload.into())),
            PONG => Ok(Event::Pong),
            _ => Ok(Event::Close(close(&payload)?)),
        }
    }
}

/// §5.5.1.
fn close(payload: &[u8]) -> Result<Close, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(Close::none()),
        [_] => return Err(protocol("A Close frame has half a code.")),
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), reason),
    };
    if !Close::is_sendable(code) {
        return Err(protocol("A Close frame has a code that none may have."));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Close { code, reason: reason.to_owned() }),
        Err(_) => Err(Violation { code: 1007, reason: "The reason of a Close frame is not UTF-8." }),
    }
}

// === impl Frame ===

impl Frame {
    fn unmask(&mut self, bytes: &mut [u8]) {
        let Some(mask) = self.mask else { return };
        xor(mask, self.turn, bytes);
        self.turn = (self.turn + bytes.len()) % 4;
    }
}

/// §5.3, from `turn` bytes into the mask on. Eight bytes at a time.
pub(super) fn xor(mask: [u8; 4], turn: usize, bytes: &mut [u8]) {
    let turned = std::array::from_fn::<u8, 8, _>(|i| mask[(turn + i) % 4]);
    let word = u64::from_ne_bytes(turned);
    let mut chunks = bytes.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        chunk.copy_from_slice(&(u64::from_ne_bytes(eight) ^ word).to_ne_bytes());
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(turned) {
        *byte ^= mask;
    }
}

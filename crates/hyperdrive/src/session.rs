//! What one client's connection is in the middle of: which answers it waits for, what it has prepared, and when the origin's connection that
//! it uses is free for others. No I/O: messages in, messages out.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::{Bytes, BytesMut};

use crate::frame::{Frame, text};

/// What named statements of one client may take together. A client with more keeps its connection to the origin.
const MAX_STATEMENTS: usize = 256 * 1024;

/// What a statement takes besides its text.
const OVERHEAD: usize = 128;

/// One client, as long as it is connected.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The `Parse` messages of its named statements.
    statements: HashMap<Bytes, Bytes>,
    /// What they take together.
    kept: usize,
    /// It has something in its connection to the origin that no other has, and keeps it.
    pinned: bool,
    /// What sets what the client asked for when it connected, in front of everything else.
    prelude: Bytes,
    lease: Lease,
}

/// What holds for one connection to the origin, as long as it is this client's.
#[derive(Debug, Default)]
struct Lease {
    expected: VecDeque<Expected>,
    /// Those of the statements that the connection knows.
    prepared: HashSet<Bytes>,
    /// Messages were sent after which the origin says nothing before a `Sync`.
    unsynced: bool,
    /// `COPY … FROM STDIN` waits for data: the origin ignores `Sync`.
    copying: bool,
    /// The rest of a long message of the origin is not the client's.
    swallowing: bool,
    /// The rest of a long message of the client is not the origin's.
    dropping: bool,
}

/// An answer that the origin owes.
#[derive(Debug)]
enum Expected {
    /// `ParseComplete`. `before`: the statement of this name until then; `known`: the connection had it already.
    Parse { name: Bytes, before: Option<Bytes>, known: bool, ours: bool },
    /// `ReadyForQuery` for a `Sync`, …
    Sync,
    /// … for a query, …
    Query,
    /// … and for the prelude, of which the client sees nothing.
    Prelude,
}

/// A message that no client may send.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("invalid frontend message type {0}")]
    Type(u8),
    #[error("invalid message format")]
    Format,
}

/// What comes of a client's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Sent,
    /// The client says goodbye.
    Goodbye,
}

/// What comes of an origin's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    More,
    /// Nothing is open and nothing is owed: the connection may go back to the pool.
    Free,
    /// What the client asked for when it connected is refused; it has been told why.
    Refused,
}

/// An origin that does not keep to the protocol.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the origin sent an unexpected message of the type {0}")]
pub(crate) struct Unexpected(pub(crate) u8);

// === impl Session ===

impl Session {
    pub(crate) fn new(prelude: Bytes) -> Self {
        Self { prelude, ..Self::default() }
    }

    /// Whether this message needs a connection to the origin, where the client has none.
    pub(crate) fn needs_origin(&self, tag: u8) -> bool {
        // Nothing is to be flushed; data of a COPY that has failed already is ignored, as PostgreSQL does.
        !matches!(tag, b'X' | b'H' | b'd' | b'c' | b'f')
    }

    /// The client has a connection to the origin from now on, which is as new.
    pub(crate) fn begin(&mut self, origin: &mut BytesMut) {
        self.lease = Lease::default();
        if !self.prelude.is_empty() {
            origin.extend_from_slice(&self.prelude);
            self.lease.expected.push_back(Expected::Prelude);
        }
    }

    /// Whether the origin owes an answer.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.lease.expected.is_empty() || self.lease.unsynced
    }

    /// How many answers the origin owes.
    pub(crate) fn owed(&self) -> usize {
        self.lease.expected.len()
    }

    /// A message of the client's; what the origin gets is added to `origin`.
    pub(crate) fn asked(&mut self, frame: &Frame, origin: &mut BytesMut) -> Result<Asked, Violation> {
        self.lease.dropping = false;
        match frame.tag {
            b'Q' | b'F' => {
                self.lease.expected.push_back(Expected::Query);
                self.lease.unsynced = false;
            }
            b'S' if self.lease.copying => {}
            b'S' => {
                self.lease.expected.push_back(Expected::Sync);
                self.lease.unsynced = false;
            }
            b'P' => self.parse(frame)?,
            b'B' => {
                let (_, rest) = text(frame.body()).ok_or(Violation::Format)?;
                let (statement, _) = text(rest).ok_or(Violation::Format)?;
                self.prepare(statement, origin);
                self.lease.unsynced = true;
            }
            b'D' | b'C' => {
                let (kind, rest) = frame.body().split_first().ok_or(Violation::Format)?;
                let (name, _) = text(rest).ok_or(Violation::Format)?;
                match (frame.tag, *kind) {
                    (b'D', b'S') => self.prepare(name, origin),
                    (b'C', b'S') => {
                        self.lease.prepared.remove(name);
                        self.forget(name);
                    }
                    (_, b'P') => {}
                    _ => return Err(Violation::Format),
                }
                self.lease.unsynced = true;
            }
            b'E' => self.lease.unsynced = true,
            b'H' => {}
            b'd' => {}
            b'c' | b'f' => self.lease.copying = false,
            b'X' => return Ok(Asked::Goodbye),
            other => return Err(Violation::Type(other)),
        }
        origin.extend_from_slice(&frame.bytes);
        Ok(Asked::Sent)
    }

    /// A message that nobody gets, nor what follows of it.
    pub(crate) fn drop_message(&mut self) {
        self.lease.dropping = true;
    }

    pub(crate) fn asked_rest(&mut self, bytes: &[u8], origin: &mut BytesMut) {
        if !self.lease.dropping {
            origin.extend_from_slice(bytes);
        }
    }

    fn parse(&mut self, frame: &Frame) -> Result<(), Violation> {
        let (name, _) = text(frame.body()).ok_or(Violation::Format)?;
        let name = Bytes::copy_from_slice(name);
        self.lease.unsynced = true;
        if name.is_empty() {
            self.lease.expected.push_back(Expected::Parse { name, before: None, known: false, ours: false });
            return Ok(());
        }
        let (before, known) = (self.forget(&name), self.lease.prepared.contains(&name));
        if frame.is_whole && self.kept + frame.bytes.len() + OVERHEAD <= MAX_STATEMENTS {
            self.lease.prepared.insert(name.clone());
            // A copy: the message is a part of all that was read with it.
            self.remember(name.clone(), Bytes::copy_from_slice(&frame.bytes));
        } else {
            // Nothing but this connection knows the statement.
            self.lease.prepared.remove(&name);
            self.pinned = true;
        }
        self.lease.expected.push_back(Expected::Parse { name, before, known, ours: false });
        Ok(())
    }

    /// Prepares a statement of the client's on a connection that does not know it.
    fn prepare(&mut self, name: &[u8], origin: &mut BytesMut) {
        if name.is_empty() || self.lease.prepared.contains(name) {
            return;
        }
        if let Some((name, message)) = self.statements.get_key_value(name) {
            origin.extend_from_slice(message);
            self.lease.prepared.insert(name.clone());
            self.lease.expected.push_back(Expected::Parse {
                name: name.clone(),
                before: None,
                known: false,
                ours: true,
            });
        }
    }

    fn remember(&mut self, name: Bytes, message: Bytes) {
        self.kept += message.len() + OVERHEAD;
        self.statements.insert(name, message);
    }

    fn forget(&mut self, name: &[u8]) -> Option<Bytes> {
        let message = self.statements.remove(name)?;
        self.kept -= message.len() + OVERHEAD;
        Some(message)
    }

    /// A message of the origin's; what the client gets is added to `client`.
    pub(crate) fn told(&mut self, frame: &Frame, client: &mut BytesMut) -> Result<Told, Unexpected> {
        self.lease.swallowing = false;
        let in_prelude = matches!(self.lease.expected.front(), Some(Expected::Prelude));
        match frame.tag {
            b'1' => match self.lease.expected.pop_front() {
                Some(Expected::Parse { ours: false, .. }) => {}
                Some(Expected::Parse { ours: true, .. }) => return Ok(Told::More),
                _ => return Err(Unexpected(b'1')),
            },
            b'Z' => return self.ready(frame, client),
            b'E' if in_prelude => {
                client.extend_from_slice(&frame.bytes);
                return Ok(Told::Refused);
            }
            b'T' | b'D' | b'C' if in_prelude => {
                self.lease.swallowing = true;
                return Ok(Told::More);
            }
            b'C' => self.completed(frame.body()),
            b'G' => self.copy(),
            b'E' => self.lease.copying = false,
            _ => {}
        }
        client.extend_from_slice(&frame.bytes);
        Ok(Told::More)
    }

    pub(crate) fn told_rest(&mut self, bytes: &[u8], client: &mut BytesMut) {
        if !self.lease.swallowing {
            client.extend_from_slice(bytes);
        }
    }

    fn ready(&mut self, frame: &Frame, client: &mut BytesMut) -> Result<Told, Unexpected> {
        self.lease.copying = false;
        let mut unanswered = Vec::new();
        let answered = loop {
            match self.lease.expected.pop_front().ok_or(Unexpected(b'Z'))? {
                parse @ Expected::Parse { .. } => unanswered.push(parse),
                answered => break answered,
            }
        };
        // After an error nothing is carried out until the `Sync`: all is as it was, from the last one back.
        for parse in unanswered.into_iter().rev() {
            if let Expected::Parse { name, before, known, ours } = parse {
                self.undo(name, before, known, ours);
            }
        }
        if matches!(answered, Expected::Prelude) {
            return Ok(Told::More);
        }
        client.extend_from_slice(&frame.bytes);
        let is_idle = frame.body() == b"I";
        Ok(if is_idle && !self.is_waiting() && !self.pinned { Told::Free } else { Told::More })
    }

    fn undo(&mut self, name: Bytes, before: Option<Bytes>, known: bool, ours: bool) {
        if name.is_empty() {
            return;
        }
        match known {
            true => self.lease.prepared.insert(name.clone()),
            false => self.lease.prepared.remove(&name),
        };
        if !ours {
            self.forget(&name);
        }
        if let Some(before) = before {
            self.remember(name, before);
        }
    }

    /// A command has ended. Some leave behind what is only in this connection.
    fn completed(&mut self, tag: &[u8]) {
        match tag {
            b"LISTEN\0" | b"PREPARE\0" => self.pinned = true,
            b"DISCARD ALL\0" | b"DEALLOCATE ALL\0" => {
                self.lease.prepared.clear();
                self.statements.clear();
                self.kept = 0;
            }
            _ => {}
        }
    }

    fn copy(&mut self) {
        self.lease.copying = true;
        // Those that are on their way are ignored; the query's own `ReadyForQuery` still comes.
        self.lease.expected.retain(|expected| !matches!(expected, Expected::Sync));
        self.lease.unsynced = !matches!(self.lease.expected.front(), Some(Expected::Query));
    }
}

#[cfg(test)]
mod tests;

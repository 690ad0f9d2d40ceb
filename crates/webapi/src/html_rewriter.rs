//! `HTMLRewriter` (<https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/>) for `js/html_rewriter.js`, on Cloudflare's
//! own parser. It calls its handlers in its middle, and they may take as long as they like: so each body is parsed on a fiber, which
//! stops wherever the parser wants something of JavaScript. JavaScript drives it: [`Parser::run`] goes on to the next such place.

mod ops;
mod parse;
mod selector;
#[cfg(test)]
mod tests;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use encoding_rs::Encoding;
use isolate::Fiber;
use lol_html::{AsciiCompatibleEncoding, Selector};

use crate::budget::{Budget, Charge};
pub use ops::OPS;
use token::{Command, Reply};

/// The stack of a body's parser. What is deepest on it is how a selector of [`selector::MAX_STEPS`] steps is compiled.
const STACK: usize = 128 * 1024;

/// What all rewriters of an isolate may hold at once: parsers, and content that handlers have inserted and nobody has read yet.
const BUDGET: usize = 256 * 1024 * 1024;

/// What the parser of one body may keep, such as a tag whose end has not come yet: workerd's figure while the budget is mostly free,
/// and enough for any page of sense when an isolate rewrites dozens at once.
const AMPLE: usize = 3 * 1024 * 1024;
const SCARCE: usize = 128 * 1024;
const MOSTLY_FREE: usize = BUDGET / 4 * 3;

/// The bytes of all selectors of a rewriter, with [`REGISTRATION`] for each; and what each of them is taken to become once compiled.
const MAX_SELECTORS: usize = 256 * 1024;
const REGISTRATION: usize = 64;
const COMPILED: usize = 64;

/// How much is parsed before JavaScript is asked again, so that a CPU limit is noticed. Parsing can't be interrupted.
const SLICE: usize = 32 * 1024;

/// Output past which nothing more should be parsed before somebody takes it.
const FULL: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
enum RewriterError {
    /// In the platform's words, which are those of the parser.
    #[error("Parser error: {0}")]
    Parser(String),
    #[error("Parser error: Unknown character encoding has been provided.")]
    UnknownEncoding,
    #[error("Parser error: Expected ASCII-compatible encoding.")]
    OtherEncoding,
    #[error(
        "Parser error: A selector may have {} combinators and {} parentheses at most.",
        selector::MAX_STEPS,
        selector::MAX_PARENTHESES
    )]
    SelectorTooDeep,
    #[error("Parser error: The selectors of one HTMLRewriter are too long: {} KiB together is the most.", MAX_SELECTORS / 1024)]
    SelectorsTooLong,
    #[error("Too many responses are being rewritten at once: their parsers may take up {} MiB together.", BUDGET / 1024 / 1024)]
    TooMany,
    #[error("The content that HTMLRewriter's handlers have inserted is too large: {} MiB may wait to be read.", BUDGET / 1024 / 1024)]
    TooMuchContent,
    #[error("This HTMLRewriter is not where this can be done.")]
    Misplaced,
}

/// Handlers that were registered together: for a selector, or for the whole document.
struct Registered {
    selector: Option<Selector>,
    kinds: Kinds,
    /// Of [`MAX_SELECTORS`].
    weight: usize,
}

/// What of `element`, `comments`, `text`, `doctype`, `end` there are handlers for: bits in this order.
#[derive(Clone, Copy)]
struct Kinds(u32);

/// What the parser is told when it goes on.
enum Ask {
    Write(Bytes),
    /// The body is over.
    End,
    /// The handler is done with its token.
    Done,
    /// Do this to the token, and say what came of it.
    Command(Command),
    /// The next bytes of content that is a stream; `None`: there are no more.
    Content(Option<Bytes>),
}

/// Why the parser has stopped.
#[derive(Debug, PartialEq)]
enum Say {
    WantsInput,
    /// A handler's turn: of this kind, registered in this place. For end tags it is the number that `OnEndTag` was given.
    Token(TokenKind, u32),
    /// More is wanted of the stream of this number.
    WantsContent(u32),
    Reply(Result<Reply, String>),
    Over,
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    Element,
    EndTag,
    Comment,
    Text,
    Doctype,
    End,
}

/// What a run has come to.
#[derive(Debug, PartialEq)]
enum Stop {
    WantsInput,
    /// There is more input at hand: run again.
    Again,
    WantsContent(u32),
    Token(TokenKind, u32),
    Over,
}

/// Where a run goes on.
enum Go {
    Write(Bytes),
    End,
    /// With the input that is at hand.
    Again,
    Done,
    Content(Option<Bytes>),
}

/// Bytes that have come out, with the charges for content that is among them.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    charges: Vec<Charge>,
}

type SharedOutput = Arc<Mutex<Output>>;

/// One body being rewritten.
struct Parser {
    fiber: Fiber<Ask, Say>,
    output: SharedOutput,
    input: Bytes,
    at: Stop,
    budget: Arc<Budget>,
    _charge: Charge,
}

// === impl Kinds ===

impl Kinds {
    const ELEMENT: u32 = 1;
    const COMMENTS: u32 = 2;
    const TEXT: u32 = 4;
    const DOCTYPE: u32 = 8;
    const END: u32 = 16;

    fn has(self, kind: u32) -> bool {
        self.0 & kind != 0
    }
}

// === impl Parser ===

impl Parser {
    /// `label`: the charset that the Content-Type names, as the Encoding standard's labels are.
    fn new(handlers: Vec<Registered>, label: &str, void_esi: bool, budget: Arc<Budget>) -> Result<Self, RewriterError> {
        let encoding = encoding(label)?;
        let selectors: usize = handlers.iter().map(|registered| registered.weight).sum();
        let memory = if budget.left() > MOSTLY_FREE { AMPLE } else { SCARCE };
        let charge = budget.charge(STACK + memory + selectors * COMPILED).ok_or(RewriterError::TooMany)?;
        let output = SharedOutput::default();
        let sink = output.clone();
        let body = move |port, first| parse::parse(&port, first, &handlers, encoding, memory, void_esi, &sink);
        let fiber = Fiber::new(STACK, body).map_err(|error| {
            tracing::warn!(%error, "no fiber for an HTMLRewriter");
            RewriterError::TooMany
        })?;
        Ok(Self { fiber, output, input: Bytes::new(), at: Stop::WantsInput, budget, _charge: charge })
    }

    /// Goes on to the next place where something is wanted. After an error the parser is of no use.
    fn run(&mut self, go: Go) -> Result<&Stop, RewriterError> {
        let ask = match (go, &self.at) {
            (Go::Write(bytes), Stop::WantsInput) => {
                self.input = bytes;
                self.slice()
            }
            (Go::Again, Stop::Again) => self.slice(),
            (Go::End, Stop::WantsInput) => Ask::End,
            (Go::Done, Stop::Token(..)) => Ask::Done,
            (Go::Content(bytes), Stop::WantsContent(_)) => Ask::Content(bytes),
            _ => return Err(RewriterError::Misplaced),
        };
        self.at = match self.fiber.resume(ask) {
            Some(Say::WantsInput) if self.input.is_empty() => Stop::WantsInput,
            Some(Say::WantsInput) => Stop::Again,
            Some(Say::Token(kind, number)) => Stop::Token(kind, number),
            Some(Say::WantsContent(number)) => Stop::WantsContent(number),
            Some(Say::Over) => Stop::Over,
            Some(Say::Failed(message)) => return Err(RewriterError::Parser(message)),
            Some(Say::Reply(_)) | None => return Err(RewriterError::Misplaced),
        };
        Ok(&self.at)
    }

    fn slice(&mut self) -> Ask {
        let length = self.input.len().min(SLICE);
        let slice = self.input.slice(..length);
        self.input.advance(length);
        Ask::Write(slice)
    }

    /// Does something to the token that a handler has.
    fn command(&mut self, command: Command) -> Result<Reply, RewriterError> {
        let Stop::Token(..) = self.at else { return Err(RewriterError::Misplaced) };
        match self.fiber.resume(Ask::Command(command)) {
            Some(Say::Reply(reply)) => reply.map_err(RewriterError::Parser),
            _ => Err(RewriterError::Misplaced),
        }
    }

    /// What so many bytes of a handler's count as until they have been read.
    fn charge(&self, bytes: usize) -> Result<Charge, RewriterError> {
        self.budget.charge(bytes).ok_or(RewriterError::TooMuchContent)
    }

    fn is_full(&self) -> bool {
        lock(&self.output).bytes.len() >= FULL
    }

    /// What has come out since this was asked last. What a handler has inserted by then is only among it once the handler is done.
    fn take_output(&self) -> Vec<u8> {
        let mut output = lock(&self.output);
        if !matches!(self.at, Stop::Token(..)) {
            output.charges.clear();
        }
        std::mem::take(&mut output.bytes)
    }
}

fn lock(output: &SharedOutput) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

fn encoding(label: &str) -> Result<AsciiCompatibleEncoding, RewriterError> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes()).ok_or(RewriterError::UnknownEncoding)?;
    AsciiCompatibleEncoding::new(encoding).ok_or(RewriterError::OtherEncoding)
}

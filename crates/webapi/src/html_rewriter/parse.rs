//! What runs on a body's fiber: the parser, with handlers that stop to ask JavaScript.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lol_html::html_content::{ContentType, StreamingHandler, StreamingHandlerSink};
use lol_html::send::{DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, HandlerResult, MemorySettings};

use super::token::{self, Command, EndTagHandler, Reply};
use super::{Ask, Kinds, Registered, Say, SharedOutput, TokenKind, lock};

pub(super) type Port = isolate::Port<Ask, Say>;

/// Why a handler gave up: it was told something that makes no sense where it was.
#[derive(Debug, thiserror::Error)]
#[error("The parser was told something else than what it asked for.")]
struct OutOfStep;

/// Parses a body to its end; what it returns is the last thing it says.
pub(super) fn parse(
    port: &Port,
    first: Ask,
    handlers: &[Registered],
    encoding: AsciiCompatibleEncoding,
    memory: usize,
    void_esi: bool,
    output: &SharedOutput,
) -> Say {
    let memory =
        MemorySettings::new().with_preallocated_parsing_buffer_size(1024).with_max_allowed_memory_usage(memory);
    let settings = settings(port, handlers, output).with_encoding(encoding).with_strict(true);
    let settings = settings.with_memory_settings(memory).with_enable_esi_tags(void_esi);
    let mut rewriter = HtmlRewriter::new(settings, |chunk: &[u8]| lock(output).bytes.extend_from_slice(chunk));
    let mut ask = first;
    loop {
        let result = match ask {
            Ask::Write(bytes) => rewriter.write(&bytes),
            Ask::End => return rewriter.end().map_or_else(|error| Say::Failed(error.to_string()), |()| Say::Over),
            _ => return Say::Failed(OutOfStep.to_string()),
        };
        if let Err(error) = result {
            return Say::Failed(error.to_string());
        }
        ask = port.swap(Say::WantsInput);
    }
}

fn settings<'h>(port: &Port, handlers: &'h [Registered], output: &SharedOutput) -> Settings<'h, 'h> {
    let mut settings = Settings::new_send();
    let on_end_tag = Arc::new(Mutex::new(EndTagHandler::default()));
    for (number, registered) in (0..).zip(handlers) {
        settings = match &registered.selector {
            Some(selector) => settings.append_element_content_handler((
                Cow::Borrowed(selector),
                of_elements(port, number, registered.kinds, output, &on_end_tag),
            )),
            None => settings.append_document_content_handler(of_document(port, number, registered.kinds, output)),
        };
    }
    settings
}

fn of_elements<'h>(
    port: &Port,
    number: u32,
    kinds: Kinds,
    output: &SharedOutput,
    on_end_tag: &Arc<Mutex<EndTagHandler>>,
) -> ElementContentHandlers<'h> {
    let mut handlers = ElementContentHandlers::default();
    if kinds.has(Kinds::ELEMENT) {
        let (port, output, on_end_tag) = (port.clone(), output.clone(), on_end_tag.clone());
        handlers = handlers.element(move |element: &mut lol_html::send::Element<'_, '_>| {
            converse(&port, TokenKind::Element, number, |command| {
                let mut on_end_tag = on_end_tag.lock().unwrap_or_else(PoisonError::into_inner);
                token::element(&port, &output, element, &mut on_end_tag, command)
            })
        });
    }
    if kinds.has(Kinds::COMMENTS) {
        handlers = handlers.comments(comments(port, number, output));
    }
    if kinds.has(Kinds::TEXT) {
        handlers = handlers.text(text(port, number, output));
    }
    handlers
}

fn of_document<'h>(port: &Port, number: u32, kinds: Kinds, output: &SharedOutput) -> DocumentContentHandlers<'h> {
    let mut handlers = DocumentContentHandlers::default();
    if kinds.has(Kinds::DOCTYPE) {
        let port = port.clone();
        handlers = handlers.doctype(move |doctype: &mut lol_html::html_content::Doctype<'_>| {
            converse(&port, TokenKind::Doctype, number, |command| token::doctype(doctype, command))
        });
    }
    if kinds.has(Kinds::COMMENTS) {
        handlers = handlers.comments(comments(port, number, output));
    }
    if kinds.has(Kinds::TEXT) {
        handlers = handlers.text(text(port, number, output));
    }
    if kinds.has(Kinds::END) {
        let (port, output) = (port.clone(), output.clone());
        handlers = handlers.end(move |end: &mut lol_html::html_content::DocumentEnd<'_>| {
            converse(&port, TokenKind::End, number, |command| token::document_end(&output, end, command))
        });
    }
    handlers
}

fn comments<'h>(
    port: &Port,
    number: u32,
    output: &SharedOutput,
) -> impl FnMut(&mut lol_html::html_content::Comment<'_>) -> HandlerResult + Send + 'h {
    let (port, output) = (port.clone(), output.clone());
    move |comment: &mut lol_html::html_content::Comment<'_>| {
        converse(&port, TokenKind::Comment, number, |command| token::comment(&output, comment, command))
    }
}

fn text<'h>(
    port: &Port,
    number: u32,
    output: &SharedOutput,
) -> impl FnMut(&mut lol_html::html_content::TextChunk<'_>) -> HandlerResult + Send + 'h {
    let (port, output) = (port.clone(), output.clone());
    move |text: &mut lol_html::html_content::TextChunk<'_>| {
        converse(&port, TokenKind::Text, number, |command| token::text_chunk(&port, &output, text, command))
    }
}

/// A handler's turn: does what it is told to the token until the handler is done.
pub(super) fn converse(
    port: &Port,
    kind: TokenKind,
    number: u32,
    mut apply: impl FnMut(Command) -> Result<Reply, String>,
) -> HandlerResult {
    let mut say = Say::Token(kind, number);
    loop {
        say = match port.swap(say) {
            Ask::Done => return Ok(()),
            Ask::Command(command) => Say::Reply(apply(command)),
            _ => return Err(Box::new(OutOfStep)),
        };
    }
}

/// Content that is read when the parser comes to its place: the stream of this number.
pub(super) fn streamed(port: &Port, number: u32, content_type: ContentType) -> Box<dyn StreamingHandler + Send> {
    let port = port.clone();
    Box::new(move |sink: &mut StreamingHandlerSink<'_>| {
        loop {
            match port.swap(Say::WantsContent(number)) {
                Ask::Content(None) => return Ok(()),
                Ask::Content(Some(bytes)) => write(sink, &bytes, content_type)?,
                _ => return Err(OutOfStep.into()),
            }
        }
    })
}

fn write(sink: &mut StreamingHandlerSink<'_>, bytes: &Bytes, content_type: ContentType) -> HandlerResult {
    Ok(sink.write_utf8_chunk(bytes, content_type)?)
}

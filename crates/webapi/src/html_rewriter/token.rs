//! What handlers do to tokens: elements, end tags, comments, chunks of text, doctypes, the document's end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use lol_html::html_content::{Comment, ContentType, Doctype, DocumentEnd, EndTag, TextChunk};
use lol_html::send::Element;

use super::parse::{Port, converse, streamed};
use super::{SharedOutput, TokenKind, lock};
use crate::budget::Charge;

pub(super) enum Command {
    Name,
    SetName(Text),
    Namespace,
    Removed,
    Attributes,
    Attribute(String),
    HasAttribute(String),
    SetAttribute(String, Text),
    RemoveAttribute(String),
    Insert(Place, Content, ContentType),
    Remove,
    RemoveAndKeepContent,
    /// The handler of this number is to have the element's end tag.
    OnEndTag(u32),
    Text,
    SetText(Text),
    LastInTextNode,
    PublicId,
    SystemId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    After,
    Prepend,
    Append,
    Replace,
    /// In the place of what the element has in it.
    Inner,
}

/// What a handler gave to keep, and what that counts as.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) charge: Charge,
}

pub(super) enum Content {
    Text(Text),
    /// The stream of this number.
    Stream(u32),
}

#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Nothing,
    Bool(bool),
    Text(Option<String>),
    /// Names and values.
    Attributes(Vec<(String, String)>),
}

/// Who is to have the end tag of the element that handlers have at the moment: as on the platform, whoever asked last, also where handlers of
/// several selectors have the same element.
#[derive(Default)]
pub(super) struct EndTagHandler {
    /// Where in the document the element begins.
    element: usize,
    /// The number of the handler, once one was given.
    number: Option<Arc<AtomicU32>>,
}

type Answer = Result<Reply, String>;

const DONE: Answer = Ok(Reply::Nothing);

/// Puts `$content` into its place before a token, after it, or instead of it.
macro_rules! insert_around {
    ($port:expr, $output:expr, $token:expr, $place:expr, $content:expr, $type:expr) => {
        match ($place, $content) {
            (place, Content::Text(content)) => {
                match place {
                    Place::Before => $token.before(&content.text, $type),
                    Place::After => $token.after(&content.text, $type),
                    Place::Replace => $token.replace(&content.text, $type),
                    _ => return unknown(),
                }
                keep($output, content.charge);
            }
            (Place::Before, Content::Stream(number)) => $token.streaming_before(streamed($port, number, $type)),
            (Place::After, Content::Stream(number)) => $token.streaming_after(streamed($port, number, $type)),
            (Place::Replace, Content::Stream(number)) => $token.streaming_replace(streamed($port, number, $type)),
            _ => return unknown(),
        }
    };
}

fn unknown() -> Answer {
    Err("This token has no such operation.".to_owned())
}

fn text(text: impl Into<Option<String>>) -> Answer {
    Ok(Reply::Text(text.into()))
}

pub(super) fn element(
    port: &Port,
    output: &SharedOutput,
    element: &mut Element<'_, '_>,
    end_tag_handler: &mut EndTagHandler,
    command: Command,
) -> Answer {
    match command {
        Command::Name => return text(element.tag_name()),
        Command::SetName(name) => {
            element.set_tag_name(&name.text).map_err(|error| error.to_string())?;
            keep_to_end(output, element, name.charge);
        }
        Command::Namespace => return text(element.namespace_uri().to_owned()),
        Command::Removed => return Ok(Reply::Bool(element.removed())),
        Command::Attributes => {
            let pairs = element.attributes().iter().map(|attribute| (attribute.name(), attribute.value()));
            return Ok(Reply::Attributes(pairs.collect()));
        }
        Command::Attribute(name) => return text(element.get_attribute(&name)),
        Command::HasAttribute(name) => return Ok(Reply::Bool(element.has_attribute(&name))),
        Command::SetAttribute(name, value) => {
            element.set_attribute(&name, &value.text).map_err(|error| error.to_string())?;
            keep(output, value.charge);
        }
        Command::RemoveAttribute(name) => element.remove_attribute(&name),
        Command::Insert(place, content, content_type) => insert(port, output, element, place, content, content_type),
        Command::Remove => element.remove(),
        Command::RemoveAndKeepContent => element.remove_and_keep_content(),
        Command::OnEndTag(number) => return on_end_tag(port, output, element, end_tag_handler, number),
        _ => return unknown(),
    }
    DONE
}

fn insert(
    port: &Port,
    output: &SharedOutput,
    element: &mut Element<'_, '_>,
    place: Place,
    content: Content,
    content_type: ContentType,
) {
    match content {
        Content::Text(Text { text, charge }) => {
            match place {
                Place::Before => element.before(&text, content_type),
                Place::After => element.after(&text, content_type),
                Place::Prepend => element.prepend(&text, content_type),
                Place::Append => element.append(&text, content_type),
                Place::Replace => element.replace(&text, content_type),
                Place::Inner => element.set_inner_content(&text, content_type),
            }
            match place {
                Place::After | Place::Append => keep_to_end(output, element, charge),
                _ => keep(output, charge),
            }
        }
        Content::Stream(number) => {
            let content = streamed(port, number, content_type);
            match place {
                Place::Before => element.streaming_before(content),
                Place::After => element.streaming_after(content),
                Place::Prepend => element.streaming_prepend(content),
                Place::Append => element.streaming_append(content),
                Place::Replace => element.streaming_replace(content),
                Place::Inner => element.streaming_set_inner_content(content),
            }
        }
    }
}

/// Lets what was inserted count until the output that it is in has been taken.
fn keep(output: &SharedOutput, charge: Charge) {
    lock(output).charges.push(charge);
}

/// Lets what was inserted count until the element's end tag comes, or can't come any more.
fn keep_to_end(output: &SharedOutput, element: &mut Element<'_, '_>, charge: Charge) {
    match element.end_tag_handlers() {
        None => keep(output, charge),
        Some(handlers) => {
            let output = output.clone();
            handlers.push(Box::new(move |_: &mut EndTag<'_>| {
                keep(&output, charge);
                Ok(())
            }));
        }
    }
}

fn on_end_tag(
    port: &Port,
    output: &SharedOutput,
    element: &mut Element<'_, '_>,
    handler: &mut EndTagHandler,
    number: u32,
) -> Answer {
    let begins = element.source_location().bytes().start;
    if let Some(last) = handler.number.as_ref().filter(|_| handler.element == begins) {
        last.store(number, Ordering::Relaxed);
        return DONE;
    }
    let Some(handlers) = element.end_tag_handlers() else { return Err("No end tag.".to_owned()) };
    let number = Arc::new(AtomicU32::new(number));
    *handler = EndTagHandler { element: begins, number: Some(number.clone()) };
    let (port, output) = (port.clone(), output.clone());
    handlers.push(Box::new(move |tag: &mut EndTag<'_>| {
        let number = number.load(Ordering::Relaxed);
        converse(&port, TokenKind::EndTag, number, |command| end_tag(&port, &output, tag, command))
    }));
    DONE
}

fn end_tag(port: &Port, output: &SharedOutput, tag: &mut EndTag<'_>, command: Command) -> Answer {
    match command {
        Command::Name => return text(tag.name()),
        Command::SetName(name) => {
            tag.set_name_str(name.text);
            keep(output, name.charge);
        }
        Command::Insert(place, content, content_type) => {
            insert_around!(port, output, tag, place, content, content_type)
        }
        Command::Remove => tag.remove(),
        _ => return unknown(),
    }
    DONE
}

pub(super) fn comment(output: &SharedOutput, comment: &mut Comment<'_>, command: Command) -> Answer {
    match command {
        Command::Text => return text(comment.text()),
        Command::SetText(value) => {
            comment.set_text(&value.text).map_err(|error| error.to_string())?;
            keep(output, value.charge);
        }
        Command::Removed => return Ok(Reply::Bool(comment.removed())),
        Command::Insert(place, Content::Text(content), content_type) => {
            match place {
                Place::Before => comment.before(&content.text, content_type),
                Place::After => comment.after(&content.text, content_type),
                Place::Replace => comment.replace(&content.text, content_type),
                _ => return unknown(),
            }
            keep(output, content.charge);
        }
        Command::Remove => comment.remove(),
        _ => return unknown(),
    }
    DONE
}

pub(super) fn text_chunk(port: &Port, output: &SharedOutput, chunk: &mut TextChunk<'_>, command: Command) -> Answer {
    match command {
        Command::Text => return text(chunk.as_str().to_owned()),
        Command::LastInTextNode => return Ok(Reply::Bool(chunk.last_in_text_node())),
        Command::Removed => return Ok(Reply::Bool(chunk.removed())),
        Command::Insert(place, content, content_type) => {
            insert_around!(port, output, chunk, place, content, content_type)
        }
        Command::Remove => chunk.remove(),
        _ => return unknown(),
    }
    DONE
}

pub(super) fn doctype(doctype: &mut Doctype<'_>, command: Command) -> Answer {
    match command {
        Command::Name => text(doctype.name()),
        Command::PublicId => text(doctype.public_id()),
        Command::SystemId => text(doctype.system_id()),
        _ => unknown(),
    }
}

pub(super) fn document_end(output: &SharedOutput, end: &mut DocumentEnd<'_>, command: Command) -> Answer {
    match command {
        Command::Insert(Place::Append, Content::Text(content), content_type) => {
            end.append(&content.text, content_type);
            keep(output, content.charge);
            DONE
        }
        _ => unknown(),
    }
}

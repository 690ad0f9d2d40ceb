//! The ops on rewriters. JavaScript names one by its number in the resource table, and drives it with [`op_html_rewriter_run`].

use std::sync::Arc;

use bytes::Bytes;
use isolate::{Args, JsError, Op, op, v8};
use lol_html::html_content::ContentType;

use super::token::{Command, Content, Place, Reply, Text};
use super::{
    BUDGET, Go, Kinds, MAX_SELECTORS, Parser, REGISTRATION, Registered, RewriterError, Stop, TokenKind, selector,
};
use crate::budget::Budget;

pub const OPS: &[Op] = &[
    op!(op_html_rewriter_selector),
    op!(op_html_rewriter_new),
    op!(op_html_rewriter_run),
    op!(op_html_rewriter_output),
    op!(op_html_rewriter_token),
    op!(op_html_rewriter_drop),
];

/// What an isolate's rewriters may hold.
struct Held(Arc<Budget>);

// === impl RewriterError ===

impl From<RewriterError> for JsError {
    fn from(error: RewriterError) -> Self {
        let message = error.to_string();
        match error {
            RewriterError::Parser(_)
            | RewriterError::UnknownEncoding
            | RewriterError::OtherEncoding
            | RewriterError::SelectorTooDeep
            | RewriterError::SelectorsTooLong => Self::type_error(message),
            RewriterError::TooMany | RewriterError::TooMuchContent | RewriterError::Misplaced => Self::error(message),
        }
    }
}

// === ops ===

/// `op_html_rewriter_selector(text)`: throws where it is none.
fn op_html_rewriter_selector(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    if let Err(error) = selector::parse(&isolate::string_arg(scope, &args, 0)) {
        isolate::throw(scope, error.into());
    }
}

/// `op_html_rewriter_new([selector | null, kinds, …], charset)` → its number
fn op_html_rewriter_new(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    if !isolate::require_io(scope) {
        return;
    }
    let charset = isolate::string_arg(scope, &args, 1);
    let void_esi = crate::Behavior::of(scope).void_esi;
    let made =
        registered(scope, args.get(0)).and_then(|handlers| Parser::new(handlers, &charset, void_esi, budget(scope)));
    match made {
        Ok(parser) => rv.set_uint32(isolate::resources(scope).add(parser)),
        Err(error) => isolate::throw(scope, error.into()),
    }
}

fn registered(scope: &mut v8::PinScope, flat: v8::Local<v8::Value>) -> Result<Vec<Registered>, RewriterError> {
    let Ok(flat) = flat.try_cast::<v8::Array>() else { return Ok(Vec::new()) };
    let mut handlers = Vec::new();
    let mut left = MAX_SELECTORS;
    for index in (0..flat.length()).step_by(2) {
        let (Some(text), Some(kinds)) = (flat.get_index(scope, index), flat.get_index(scope, index + 1)) else { break };
        let text = (!text.is_null()).then(|| text.to_rust_string_lossy(scope));
        let weight = REGISTRATION + text.as_ref().map_or(0, String::len);
        left = left.checked_sub(weight).ok_or(RewriterError::SelectorsTooLong)?;
        let selector = text.map(|text| selector::parse(&text)).transpose()?;
        handlers.push(Registered { selector, kinds: Kinds(kinds.uint32_value(scope).unwrap_or(0)), weight });
    }
    Ok(handlers)
}

fn budget(scope: &mut v8::PinScope) -> Arc<Budget> {
    if let Some(Held(budget)) = isolate::embedder::<Held>(scope) {
        return budget.clone();
    }
    let budget = Budget::new(BUDGET);
    isolate::put(scope, Held(budget.clone()));
    budget
}

/// `op_html_rewriter_run(number, how, bytes)` → what it came to: a kind in the low four bits (0 input is wanted, 1 run again, 2 content
/// is wanted, 3 over, 4 element, 5 end tag, 6 comment, 7 text, 8 doctype, 9 document end), whether much output waits in the fifth, and
/// above them the number of a handler or of a stream. `how`: 0 the handler is done, 1 again, 2 the body's end, 3 these bytes of it,
/// 4 these bytes of content, 5 the content's end. An error is the end of the rewriter.
fn op_html_rewriter_run(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let mut bytes = || isolate::bytes_arg(scope, &args, 2).map(Bytes::from).unwrap_or_default();
    let go = match args.get(1).try_cast::<v8::Integer>().map_or(-1, |how| how.value()) {
        0 => Go::Done,
        1 => Go::Again,
        2 => Go::End,
        3 => Go::Write(bytes()),
        4 => Go::Content(Some(bytes())),
        _ => Go::Content(None),
    };
    let resources = isolate::resources(scope);
    let Some(parser) = resources.get::<Parser>(rid) else { return throw_gone(scope) };
    match parser.run(go).map(code) {
        Ok(code) => {
            let full = if parser.is_full() { 16 } else { 0 };
            rv.set_double(code + f64::from(full));
        }
        Err(error) => {
            drop(resources.take::<Parser>(rid));
            isolate::throw(scope, error.into());
        }
    }
}

fn code(stop: &Stop) -> f64 {
    let (kind, number) = match *stop {
        Stop::WantsInput => (0, 0),
        Stop::Again => (1, 0),
        Stop::WantsContent(number) => (2, number),
        Stop::Over => (3, 0),
        Stop::Token(kind, number) => {
            let kind = match kind {
                TokenKind::Element => 4,
                TokenKind::EndTag => 5,
                TokenKind::Comment => 6,
                TokenKind::Text => 7,
                TokenKind::Doctype => 8,
                TokenKind::End => 9,
            };
            (kind, number)
        }
    };
    f64::from(number) * 32.0 + f64::from(kind)
}

/// `op_html_rewriter_output(number)` → what has come out since, as a Uint8Array; undefined: nothing
fn op_html_rewriter_output(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let Some(parser) = isolate::resources(scope).get::<Parser>(rid) else { return throw_gone(scope) };
    let output = parser.take_output();
    if !output.is_empty() {
        rv.set(isolate::new_bytes(scope, output).into());
    }
}

/// `op_html_rewriter_drop(number)`
fn op_html_rewriter_drop(scope: &mut v8::PinScope, args: Args, _rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    drop(isolate::resources(scope).take::<Parser>(rid));
}

/// `op_html_rewriter_token(number, what, a, b, c)`: does something to the token that a handler has. `what` is numbered as in
/// [`command`]; returns undefined, a boolean, a string, null, or a flat list of attributes.
fn op_html_rewriter_token(scope: &mut v8::PinScope, args: Args, rv: v8::ReturnValue) {
    let rid = args.get(0).uint32_value(scope).unwrap_or(0);
    let what = args.get(1).uint32_value(scope).unwrap_or(u32::MAX);
    let given = Given::read(scope, &args, what);
    let Some(parser) = isolate::resources(scope).get::<Parser>(rid) else { return throw_gone(scope) };
    match given.command(parser, what).and_then(|command| parser.command(command)) {
        Ok(reply) => give(scope, rv, reply),
        Err(error) => isolate::throw(scope, error.into()),
    }
}

/// The arguments of a command.
struct Given {
    a: String,
    b: String,
    number: u32,
    is_stream: bool,
    is_html: bool,
}

// === impl Given ===

impl Given {
    fn read(scope: &mut v8::PinScope, args: &Args, what: u32) -> Self {
        let is_stream = what > 16 && args.get(2).is_number();
        Self {
            a: if is_stream { String::new() } else { isolate::string_arg(scope, args, 2) },
            b: if what == 7 { isolate::string_arg(scope, args, 3) } else { String::new() },
            number: args.get(2).uint32_value(scope).unwrap_or(0),
            is_stream,
            is_html: args.get(3).is_true(),
        }
    }

    fn command(self, parser: &Parser, what: u32) -> Result<Command, RewriterError> {
        let Self { a, b, number, is_stream, is_html } = self;
        let text = |text: String| Ok::<_, RewriterError>(Text { charge: parser.charge(text.len())?, text });
        Ok(match what {
            0 => Command::Name,
            1 => Command::SetName(text(a)?),
            2 => Command::Namespace,
            3 => Command::Removed,
            4 => Command::Attributes,
            5 => Command::Attribute(a),
            6 => Command::HasAttribute(a),
            7 => Command::SetAttribute(a, text(b)?),
            8 => Command::RemoveAttribute(a),
            9 => Command::Remove,
            10 => Command::RemoveAndKeepContent,
            11 => Command::OnEndTag(number),
            12 => Command::Text,
            13 => Command::SetText(text(a)?),
            14 => Command::LastInTextNode,
            15 => Command::PublicId,
            16 => Command::SystemId,
            _ => {
                let places = [Place::Before, Place::After, Place::Prepend, Place::Append, Place::Replace, Place::Inner];
                let place = places.get(what as usize - 17).ok_or(RewriterError::Misplaced)?;
                let content = if is_stream { Content::Stream(number) } else { Content::Text(text(a)?) };
                Command::Insert(*place, content, if is_html { ContentType::Html } else { ContentType::Text })
            }
        })
    }
}

fn give(scope: &mut v8::PinScope, mut rv: v8::ReturnValue, reply: Reply) {
    match reply {
        Reply::Nothing => {}
        Reply::Bool(value) => rv.set_bool(value),
        Reply::Text(None) => rv.set_null(),
        Reply::Text(Some(text)) => rv.set(isolate::new_string(scope, &text).into()),
        Reply::Attributes(pairs) => {
            let mut flat: Vec<v8::Local<v8::Value>> = Vec::with_capacity(pairs.len() * 2);
            for (name, value) in &pairs {
                flat.push(isolate::new_string(scope, name).into());
                flat.push(isolate::new_string(scope, value).into());
            }
            rv.set(v8::Array::new_with_elements(scope, &flat).into());
        }
    }
}

fn throw_gone(scope: &mut v8::PinScope) {
    let error = match isolate::io_context(scope).is_some() {
        true => isolate::foreign(scope),
        false => JsError::error("This HTMLRewriter belongs to a request that has ended."),
    };
    isolate::throw(scope, error);
}

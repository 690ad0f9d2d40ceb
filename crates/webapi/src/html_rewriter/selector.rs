//! Selectors, bounded before they are parsed: the parser and the compiler of selectors call themselves for each step and each
//! parenthesis, on a stack that ends.

use lol_html::Selector;

use super::RewriterError;

/// Combinators of a selector, its whole list; white space after a comma is none.
pub(super) const MAX_STEPS: usize = 128;
pub(super) const MAX_PARENTHESES: usize = 64;

pub(super) fn parse(text: &str) -> Result<Selector, RewriterError> {
    // However deep they may be within each other: which of them are, only a parser knows.
    let parentheses = text.bytes().filter(|byte| *byte == b'(').count();
    if parentheses > MAX_PARENTHESES || steps(text) > MAX_STEPS {
        return Err(RewriterError::SelectorTooDeep);
    }
    text.parse().map_err(|error: lol_html::errors::SelectorError| RewriterError::Parser(error.to_string()))
}

/// Runs of white space and `>` that may be combinators. A comma begins another selector, but only its own white space is sure to be none:
/// the comma may be within a string.
fn steps(text: &str) -> usize {
    let is_combinator = |byte: u8| byte.is_ascii_whitespace() || byte == b'>';
    let mut before = b',';
    let mut steps = 0;
    for mut byte in text.bytes() {
        // An escaped comma is part of a name, which white space ends.
        if byte == b',' && before == b'\\' {
            byte = b'x';
        }
        if is_combinator(byte) && !is_combinator(before) && before != b',' {
            steps += 1;
        }
        if !(is_combinator(byte) && before == b',') {
            before = byte;
        }
    }
    steps
}

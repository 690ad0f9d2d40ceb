//! From text to one statement and the format of its answer.

use sqlparser::ast::{Query, Statement};
use sqlparser::dialect::ClickHouseDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::{Format, refused, unsupported};
use crate::QueryError;

/// The parts of a query: a name, a number, a sign.
const MAX_TOKENS: usize = 10_000;

pub(crate) struct Parsed {
    pub(crate) asked: Asked,
    pub(crate) format: Format,
}

pub(crate) enum Asked {
    Select(Box<Query>),
    Tables,
    Timezones,
    Timezone,
}

pub(crate) fn parse(text: &str) -> Result<Parsed, QueryError> {
    let dialect = ClickHouseDialect {};
    let unreadable = |error: &dyn std::fmt::Display| refused(format!("the query can't be read: {error}"));
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| unreadable(&error))?;
    let mut tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    while tokens.last().is_some_and(|token| matches!(token.token, Token::SemiColon | Token::EOF)) {
        tokens.pop();
    }
    if tokens.is_empty() {
        return Err(refused("the query is empty"));
    }
    if tokens.len() > MAX_TOKENS {
        return Err(refused(format!("the query is too long: it may have {MAX_TOKENS} names, numbers and signs")));
    }
    let format = format(&mut tokens)?;
    if let [show, what] = &tokens[..]
        && is_word(show, "SHOW")
    {
        let asked = match &what.token {
            Token::Word(word) if word.value.eq_ignore_ascii_case("TABLES") => Asked::Tables,
            Token::Word(word) if word.value.eq_ignore_ascii_case("TIMEZONES") => Asked::Timezones,
            Token::Word(word) if word.value.eq_ignore_ascii_case("TIMEZONE") => Asked::Timezone,
            other => return Err(unsupported(format!("SHOW {other}"))),
        };
        return Ok(Parsed { asked, format });
    }
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| unreadable(&error))?;
    let statement = match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => statement,
        _ => return Err(refused("one query at a time is answered")),
    };
    match statement {
        Statement::Query(query) => Ok(Parsed { asked: Asked::Select(query), format }),
        other => {
            let text = other.to_string();
            let verb = text.split_whitespace().next().unwrap_or_default();
            Err(refused(format!("{verb} is not supported: datasets are asked with SELECT and SHOW")))
        }
    }
}

/// Takes the clause off the end of a query.
fn format(tokens: &mut Vec<TokenWithSpan>) -> Result<Format, QueryError> {
    let [.., clause, named] = &tokens[..] else { return Ok(Format::default()) };
    if !is_word(clause, "FORMAT") {
        return Ok(Format::default());
    }
    let Token::Word(named) = &named.token else { return Ok(Format::default()) };
    let found = Format::named(&named.value).ok_or_else(|| {
        refused(format!("the format {:?} is not supported: there are JSON, JSONEachRow and TabSeparated", named.value))
    })?;
    tokens.truncate(tokens.len() - 2);
    Ok(found)
}

fn is_word(token: &TokenWithSpan, wanted: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

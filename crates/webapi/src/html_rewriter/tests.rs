//! The parser on its fiber, driven as JavaScript drives it.

use super::*;
use crate::budget::Budget;
use lol_html::html_content::ContentType;
use token::{Content, Place, Text};

fn registered(selector: &str, kinds: u32) -> Registered {
    Registered { selector: Some(selector::parse(selector).unwrap()), kinds: Kinds(kinds), weight: selector.len() }
}

fn parser(handlers: Vec<Registered>) -> Parser {
    Parser::new(handlers, "utf-8", false, Budget::new(BUDGET)).unwrap()
}

/// Parses a body, `handle` being given each token.
fn rewrite(parser: &mut Parser, html: &str, mut handle: impl FnMut(&mut Parser)) -> Result<String, RewriterError> {
    let mut go = Go::Write(html.to_owned().into());
    let mut ended = false;
    let mut output = Vec::new();
    loop {
        let next = match parser.run(go)? {
            Stop::WantsInput if ended => unreachable!("the end wants no input"),
            Stop::WantsInput => {
                ended = true;
                Go::End
            }
            Stop::Again => Go::Again,
            Stop::Token(..) => {
                handle(parser);
                Go::Done
            }
            Stop::WantsContent(_) => Go::Content(None),
            Stop::Over => {
                output.extend(parser.take_output());
                return Ok(String::from_utf8(output).unwrap());
            }
        };
        output.extend(parser.take_output());
        go = next;
    }
}

fn append(parser: &mut Parser, text: String) -> Result<Reply, RewriterError> {
    let text = Text { charge: parser.charge(text.len())?, text };
    parser.command(Command::Insert(Place::Append, Content::Text(text), ContentType::Text))
}

#[test]
fn stops_for_each_token_and_goes_on_in_other_threads() {
    let mut parser = parser(vec![registered("p", Kinds::ELEMENT)]);
    assert_eq!(parser.run(Go::Write("<p>1<p>2".into())).unwrap(), &Stop::Token(TokenKind::Element, 0));
    let mut parser = std::thread::spawn(move || {
        assert_eq!(parser.command(Command::Name).unwrap(), Reply::Text(Some("p".to_owned())));
        parser
    })
    .join()
    .unwrap();
    assert_eq!(parser.run(Go::Done).unwrap(), &Stop::Token(TokenKind::Element, 0));
    assert_eq!(parser.take_output(), b"<p>1");
    assert!(matches!(parser.run(Go::End), Err(RewriterError::Misplaced)));
    assert_eq!(parser.run(Go::Done).unwrap(), &Stop::WantsInput);
    assert!(matches!(parser.command(Command::Name), Err(RewriterError::Misplaced)));
}

#[test]
fn the_deepest_selectors_and_the_deepest_documents_fit_the_stack() {
    let steps = "a > ".repeat(MAX) + "a";
    const MAX: usize = selector::MAX_STEPS;
    let within = format!(
        "{}{}",
        ":not(".repeat(selector::MAX_PARENTHESES),
        "b".to_owned() + &")".repeat(selector::MAX_PARENTHESES)
    );
    assert!(selector::parse(&(steps.clone() + " b")).is_err());
    assert!(selector::parse(&format!(":not({within})")).is_err());
    assert!(selector::parse(&"(".repeat(100_000)).is_err());
    assert!(selector::parse(&"a[x=','] ".repeat(100_000)).is_err());
    assert!(selector::parse(&":not([x=')']".repeat(100_000)).is_err());
    assert!(selector::parse(&r"a\, ".repeat(100_000)).is_err());
    let list = vec!["a b"; 100].join(", ");
    let handlers = vec![
        registered(&steps, Kinds::ELEMENT),
        registered(&("a ".repeat(MAX) + "a"), Kinds::ELEMENT),
        registered(&within, Kinds::ELEMENT),
        registered(&list, Kinds::ELEMENT),
    ];
    let mut parser = parser(handlers);
    let mut seen = 0;
    // Within what the parser may keep of open elements, and past it.
    let depth = 400;
    let html = "<a>".repeat(depth);
    assert_eq!(rewrite(&mut parser, &html, |_| seen += 1).unwrap(), html);
    // A double negation is none, and no `b` is there.
    assert_eq!(seen, 2 * (depth - MAX));
    let mut parser = self::parser(vec![registered("a ".repeat(20).trim_end(), Kinds::ELEMENT)]);
    let error = rewrite(&mut parser, &"<a>".repeat(1_000_000), |_| ()).unwrap_err();
    assert!(error.to_string().contains("memory limit"), "{error}");
}

#[test]
fn the_budget_holds_parsers_and_content() {
    let budget = Budget::new(BUDGET);
    let make = || Parser::new(vec![registered("p", Kinds::ELEMENT)], "utf-8", false, budget.clone());
    let mut parsers = Vec::new();
    let error = loop {
        match make() {
            Ok(mut parser) => {
                assert_eq!(parser.run(Go::Write("<p>".into())).unwrap(), &Stop::Token(TokenKind::Element, 0));
                parsers.push(parser);
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RewriterError::TooMany));
    assert!(parsers.len() > 500, "{}", parsers.len());
    parsers.clear();
    assert_eq!(budget.left(), BUDGET);

    // Content that is inserted counts until it has come out, that at an element's end until the end has come.
    let mut parser = make().unwrap();
    let before = budget.left();
    parser.run(Go::Write("<div><p>x".into())).unwrap();
    append(&mut parser, "y".repeat(1 << 20)).unwrap();
    let text = Text { charge: parser.charge(1 << 20).unwrap(), text: "z".repeat(1 << 20) };
    parser.command(Command::Insert(Place::Before, Content::Text(text), ContentType::Text)).unwrap();
    assert_eq!(before - budget.left(), 2 << 20);
    parser.take_output();
    assert_eq!(before - budget.left(), 2 << 20, "its handler is not done");
    parser.run(Go::Done).unwrap();
    assert!(parser.take_output().len() > 1 << 20);
    assert_eq!(before - budget.left(), 1 << 20);
    parser.run(Go::Write("</p>".into())).unwrap();
    assert!(parser.take_output().len() > 1 << 20);
    assert_eq!(before, budget.left());

    parser.run(Go::Write("<p>".into())).unwrap();
    let error = (0..1000).find_map(|_| append(&mut parser, "y".repeat(1 << 20)).err()).unwrap();
    assert!(matches!(error, RewriterError::TooMuchContent));
    drop(parser);
    assert_eq!(budget.left(), BUDGET);
}

#[test]
fn charsets_are_those_of_the_encoding_standard() {
    assert!(encoding("Latin1").is_ok() && encoding("utf8").is_ok());
    assert!(matches!(encoding("nope"), Err(RewriterError::UnknownEncoding)));
    assert!(matches!(encoding("replacement"), Err(RewriterError::UnknownEncoding)));
    assert!(matches!(encoding("utf-16le"), Err(RewriterError::OtherEncoding)));
}

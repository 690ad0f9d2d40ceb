use std::collections::BTreeMap;

use super::{expand, parse};

#[test]
fn pairs_are_read_as_the_dotenv_package_reads_them() {
    let text = r#"
# A comment, then plain values.
PLAIN=value
SPACED =  some words   # and a comment
EMPTY=
export EXPORTED=yes
COLON: works too
DASHED-NAME.x=1
SINGLE='a # b\n $X'
DOUBLE="line one\nline two" # comment
BACKTICK=`it's "quoted"`
ESCAPED="say \"hi\""
MULTI="-----BEGIN-----
abc
-----END-----"
AFTER=multi
HASH=a#b
UNCLOSED="half
this line says nothing
URL=https://example.com/?a=b&c=d
"#;
    let file = parse(text);
    let expected = [
        ("PLAIN", "value"),
        ("SPACED", "some words"),
        ("EMPTY", ""),
        ("EXPORTED", "yes"),
        ("COLON", "works too"),
        ("DASHED-NAME.x", "1"),
        ("SINGLE", r"a # b\n $X"),
        ("DOUBLE", "line one\nline two"),
        ("BACKTICK", r#"it's "quoted""#),
        ("ESCAPED", r#"say \"hi\""#),
        ("MULTI", "-----BEGIN-----\nabc\n-----END-----"),
        ("AFTER", "multi"),
        ("HASH", "a"),
        ("UNCLOSED", "\"half"),
        ("URL", "https://example.com/?a=b&c=d"),
    ];
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(file.pairs, expected);
    assert_eq!(file.skipped, [19], "the line that says nothing");
    assert_eq!(parse("A=1\r\nB='2'\r\n").pairs.len(), 2, "CRLF");
    assert_eq!(parse("").pairs, []);
}

#[test]
fn references_expand() {
    let pairs: Vec<(String, String)> = [
        ("HOST", "db.example"),
        ("URL", "pg://${HOST}:$PORT/${NAME:-main}"),
        ("PRICE", r"5\$ and $ and $NOTHING."),
        ("OUTER", "${HOME_DIR}"),
        ("NESTED", "${NOTHING:-$HOST}"),
    ]
    .iter()
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    let outer = |name: &str| match name {
        "PORT" => Some("5432".to_owned()),
        "HOME_DIR" => Some("/home".to_owned()),
        _ => None,
    };
    let expanded = expand(&pairs, outer);
    let expected: BTreeMap<String, String> = [
        ("HOST", "db.example"),
        ("URL", "pg://db.example:5432/main"),
        ("PRICE", "5$ and $ and ."),
        ("OUTER", "/home"),
        ("NESTED", "db.example"),
    ]
    .iter()
    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    .collect();
    assert_eq!(expanded, expected);
}

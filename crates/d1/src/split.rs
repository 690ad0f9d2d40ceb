//! SQL text to statements: at semicolons outside of strings, comments and the bodies of triggers.

/// The statements of `sql`, each without what surrounds it. Comments alone are no statement.
pub fn split(sql: &str) -> Vec<&str> {
    let Scanned { mut ended, last, .. } = scan(sql);
    ended.extend(last);
    ended
}

/// A text, of which more may follow.
pub(crate) struct Scanned<'a> {
    /// The statements that a semicolon ends.
    pub(crate) ended: Vec<&'a str>,
    /// Where the next one may begin.
    pub(crate) rest: usize,
    /// What stands there, where it is more than blanks and comments.
    last: Option<&'a str>,
}

pub(crate) fn scan(sql: &str) -> Scanned<'_> {
    let (mut ended, mut rest) = (Vec::new(), 0);
    let mut statement = Open::default();
    let mut at = 0;
    while let Some((token, end)) = next(sql, at) {
        match token {
            Token::Space => {}
            Token::Semicolon if statement.ends_here() => {
                if let Some(start) = statement.start {
                    ended.push(&sql[start..end]);
                }
                statement = Open::default();
                rest = end;
            }
            token => statement.take(token, at, end),
        }
        at = end;
    }
    let last = statement.start.map(|start| &sql[start..statement.end]);
    Scanned { ended, rest, last }
}

#[derive(Clone, Copy, PartialEq)]
enum Token<'a> {
    /// Blanks and comments.
    Space,
    Semicolon,
    Word(&'a str),
    Other,
}

/// The statement that is being read.
#[derive(Default)]
struct Open {
    start: Option<usize>,
    end: usize,
    kind: Kind,
    /// Inside a trigger: whether the last token was the `END` after a semicolon, and whether it was a semicolon.
    after_end: bool,
    after_semicolon: bool,
}

/// How far a statement is recognised as the making of a trigger, whose body holds statements of its own.
#[derive(Default, Clone, Copy, PartialEq)]
enum Kind {
    #[default]
    Unknown,
    Explain,
    Create,
    Trigger,
    Other,
}

// === impl Open ===

impl Open {
    fn ends_here(&self) -> bool {
        self.kind != Kind::Trigger || self.after_end
    }

    fn take(&mut self, token: Token<'_>, at: usize, end: usize) {
        self.start.get_or_insert(at);
        self.end = end;
        let is = |word: &str| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word));
        self.kind = match self.kind {
            Kind::Unknown if is("explain") => Kind::Explain,
            Kind::Explain if is("query") || is("plan") => Kind::Explain,
            Kind::Unknown | Kind::Explain if is("create") => Kind::Create,
            Kind::Create if is("temp") || is("temporary") => Kind::Create,
            Kind::Create if is("trigger") => Kind::Trigger,
            Kind::Trigger => Kind::Trigger,
            _ => Kind::Other,
        };
        self.after_end = self.after_semicolon && is("end");
        self.after_semicolon = token == Token::Semicolon;
    }
}

/// The token at `at` and where it ends.
fn next(sql: &str, at: usize) -> Option<(Token<'_>, usize)> {
    let rest = &sql[at..];
    let first = rest.chars().next()?;
    let until = |found: Option<usize>, length: usize| found.map_or(sql.len(), |found| at + found + length);
    Some(match first {
        ';' => (Token::Semicolon, at + 1),
        '-' if rest.starts_with("--") => (Token::Space, until(rest.find('\n'), 1)),
        '/' if rest.starts_with("/*") => (Token::Space, until(rest[2..].find("*/"), 4)),
        // A doubled quote inside reads as two strings side by side: their ends are the same.
        '\'' | '"' | '`' => (Token::Other, until(rest[1..].find(first), 2)),
        '[' => (Token::Other, until(rest.find(']'), 1)),
        space if space.is_ascii_whitespace() => (Token::Space, at + 1),
        letter if letter.is_ascii_alphabetic() || letter == '_' => {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Token::Word(&rest[..length]), at + length)
        }
        other => (Token::Other, at + other.len_utf8()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_where_sqlite_would() {
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split(" ; -- nothing\n ; /* at ; all */"), [""; 0]);
        assert_eq!(split("SELECT 1"), ["SELECT 1"]);
        assert_eq!(split("SELECT 1; -- one\n SELECT 2 /* two */ ;"), ["SELECT 1;", "SELECT 2 /* two */ ;"]);
        assert_eq!(split("SELECT ';', \";\", `;`, [;], 'it''s;'; x"), ["SELECT ';', \";\", `;`, [;], 'it''s;';", "x"]);
        assert_eq!(split("SELECT 'open; x"), ["SELECT 'open; x"]);
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; DELETE FROM b; END;";
        assert_eq!(split(&format!("{trigger}\nSELECT 'é;'")), [trigger, "SELECT 'é;'"]);
        assert_eq!(
            split("EXPLAIN SELECT 1; CREATE TABLE trigger_x (a); y"),
            ["EXPLAIN SELECT 1;", "CREATE TABLE trigger_x (a);", "y"]
        );
    }
}

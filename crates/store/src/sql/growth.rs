//! What statements may make of a database's size, as far as their first words tell.

/// In this order, several together are as the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Growth {
    /// It changes nothing.
    Reads,
    /// It takes away, for which a few pages may be written first, or makes something that is often there already.
    Little,
    Grows,
}

// === impl Growth ===

impl Growth {
    /// Of a text with any number of statements. One with a semicolon in a text or a trigger is taken for several.
    pub fn of(sql: &str) -> Self {
        let statements = sql.split(';').map(without_comments).filter(|statement| !statement.is_empty());
        statements.map(Self::of_statement).max().unwrap_or(Self::Reads)
    }

    fn of_statement(sql: &str) -> Self {
        let end = sql.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(sql.len());
        match sql[..end].to_ascii_uppercase().as_str() {
            "SELECT" | "EXPLAIN" => Self::Reads,
            "DELETE" | "DROP" | "PRAGMA" | "CREATE" | "ALTER" => Self::Little,
            _ => Self::Grows,
        }
    }
}

/// Without what stands before the first word.
fn without_comments(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start();
        let rest = match (sql.strip_prefix("--"), sql.strip_prefix("/*")) {
            (Some(line), _) => line.split_once('\n'),
            (_, Some(comment)) => comment.split_once("*/"),
            _ => return sql,
        };
        sql = rest.map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_tell() {
        for sql in ["SELECT 1", " select * FROM t;\n", "EXPLAIN QUERY PLAN DELETE FROM t", "", "-- nothing"] {
            assert_eq!(Growth::of(sql), Growth::Reads, "{sql}");
        }
        for sql in [
            "DELETE FROM t",
            "drop table t;",
            "PRAGMA optimize",
            "-- a\n /* b */ CREATE TABLE IF NOT EXISTS t (a); CREATE INDEX IF NOT EXISTS i ON t (a);",
            "SELECT 1; DELETE FROM t",
        ] {
            assert_eq!(Growth::of(sql), Growth::Little, "{sql}");
        }
        for sql in [
            "INSERT INTO t SELECT 1",
            "SELECT 1; INSERT INTO t VALUES (1)",
            "WITH a AS (SELECT 1) DELETE FROM t",
            "DELETE FROM t WHERE a = 'x;y'",
        ] {
            assert_eq!(Growth::of(sql), Growth::Grows, "{sql}");
        }
    }
}

//! A file of SQL, read a statement at a time: however large it is, little of it is in memory.

use std::collections::VecDeque;
use std::io::Read;

use crate::Error;
use crate::connection::MAX_SQL;
use crate::split::{scan, split};

/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;
/// Bytes of a statement with the comments before it.
const LONGEST: usize = 10 * MAX_SQL;

pub(crate) struct Statements<R> {
    source: R,
    /// What was read and does not end yet.
    buffer: Vec<u8>,
    ready: VecDeque<String>,
    ended: bool,
}

// === impl Statements ===

impl<R: Read> Statements<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, buffer: Vec::new(), ready: VecDeque::new(), ended: false }
    }

    pub(crate) fn next(&mut self) -> Result<Option<String>, Error> {
        while self.ready.is_empty() && !self.ended {
            self.fill()?;
        }
        Ok(self.ready.pop_front())
    }

    fn fill(&mut self) -> Result<(), Error> {
        let read = self.source.by_ref().take(CHUNK).read_to_end(&mut self.buffer);
        self.ended = read.map_err(Error::io("the file can't be read"))? == 0;
        let text = match std::str::from_utf8(&self.buffer) {
            Ok(text) => text,
            // A character may go on in what was not read yet.
            Err(error) if error.error_len().is_none() && !self.ended => {
                let valid = &self.buffer[..error.valid_up_to()];
                std::str::from_utf8(valid).map_err(|_| Error::NotText)?
            }
            Err(_) => return Err(Error::NotText),
        };
        if self.ended {
            self.ready.extend(split(text).into_iter().map(str::to_owned));
            return Ok(());
        }
        let scanned = scan(text);
        self.ready.extend(scanned.ended.into_iter().map(str::to_owned));
        let rest = scanned.rest;
        self.buffer.drain(..rest);
        match self.buffer.len() > LONGEST {
            true => Err(Error::Sql("statement too long: SQLITE_TOOBIG".into())),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives little at a time, so that every place in the text is once the end of what was read.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.0.len().min(buffer.len()).min(CHUNK as usize);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    fn all(text: &[u8]) -> Result<Vec<String>, Error> {
        let mut statements = Statements::new(Slow(text));
        let mut all = Vec::new();
        while let Some(statement) = statements.next()? {
            all.push(statement);
        }
        Ok(all)
    }

    #[test]
    fn a_text_longer_than_what_is_read_at_once_is_split_as_a_whole_one() {
        let one = "INSERT INTO t VALUES ('é; it''s', 1); -- a comment; with é\n";
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END;\n";
        let text = format!("{}SELECT 1", format!("{one}{trigger}").repeat(40_000));
        assert!(text.len() > 4 << 20);
        assert_eq!(all(text.as_bytes()).unwrap(), split(&text));
        assert_eq!(all(b" -- nothing\n").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_text_or_never_ends_is_refused() {
        assert!(matches!(all(b"SELECT '\xff';"), Err(Error::NotText)));
        assert!(matches!(all(b"SELECT 'a\xc3"), Err(Error::NotText)));
        let endless = format!("SELECT '{}", "x".repeat(4 << 20));
        assert!(all(endless.as_bytes()).unwrap_err().to_string().contains("SQLITE_TOOBIG"));
    }
}

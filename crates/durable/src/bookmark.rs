//! Bookmarks: names of points in an object's history. Later ones are greater as strings.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Error, ObjectId};

/// A point in the history. `epoch`: how many times the object was restored before; `number`: within that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) epoch: u32,
    pub(crate) number: u32,
}

/// A point of one object's history, for those who keep it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bookmark(String);

// === impl Point ===

impl Point {
    pub(crate) const FIRST: Self = Self { epoch: 0, number: 1 };

    /// The end of the epoch, which a restore makes: what was before it.
    pub(crate) fn end(self) -> Self {
        Self { number: u32::MAX, ..self }
    }

    pub(crate) fn next(self) -> Self {
        match self.number {
            u32::MAX => Self { epoch: self.epoch + 1, number: 0 },
            number => Self { number: number + 1, ..self },
        }
    }
}

// === impl Bookmark ===

impl Bookmark {
    pub(crate) fn new(id: &ObjectId, point: Point) -> Self {
        let Point { epoch, number } = point;
        let mut digest = Sha256::new();
        digest.update(id.as_bytes());
        digest.update(epoch.to_be_bytes());
        digest.update(number.to_be_bytes());
        let seal: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{epoch:08x}-{number:08x}-00000000-{seal}"))
    }

    /// The point that a text names, if it is a bookmark of this object.
    pub(crate) fn read(id: &ObjectId, text: &str) -> Result<Point, Error> {
        let mut parts = text.split('-').map(|part| u32::from_str_radix(part, 16));
        let (Some(Ok(epoch)), Some(Ok(number))) = (parts.next(), parts.next()) else { return Err(Error::Bookmark) };
        let point = Point { epoch, number };
        if Self::new(id, point).0 == text { Ok(point) } else { Err(Error::Bookmark) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! Compatibility dates: the day whose runtime behaviour a Worker asks for.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::read::{Read, Reader};
use crate::value::{Kind, Value};

#[cfg(test)]
mod tests;

/// A calendar day, in UTC. Ordered as time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompatibilityDate {
    year: u16,
    month: u8,
    day: u8,
}

/// Workers were announced in September 2017; a date before them is a typing error.
const FIRST_YEAR: u16 = 2017;

// === impl CompatibilityDate ===

impl CompatibilityDate {
    /// Reads `YYYY-MM-DD`; the error is a sentence that completes "the compatibility date …".
    pub fn parse(text: &str, today: Self) -> Result<Self, String> {
        if text.contains(['\u{2013}', '\u{2014}']) {
            return Err("should be written with hyphens (-), not with dashes (– or —)".to_owned());
        }
        let date =
            Self::from_iso(text).ok_or_else(|| format!("should be a day written as YYYY-MM-DD, but is \"{text}\""))?;
        if date > today {
            return Err(format!(
                "is in the future: Can't set compatibility date in the future: \"{text}\". \
                 The latest that can be used today is {today}"
            ));
        }
        if date.year < FIRST_YEAR {
            return Err(format!("is \"{text}\", which is before Workers existed"));
        }
        Ok(date)
    }

    pub fn today() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_days_since_epoch(since_epoch.as_secs() / 86_400)
    }

    pub fn year(self) -> u16 {
        self.year
    }

    pub fn month(self) -> u8 {
        self.month
    }

    pub fn day(self) -> u8 {
        self.day
    }

    fn from_iso(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(index, byte)| match index {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return None;
        }
        let (year, month, day) = (text[0..4].parse().ok()?, text[5..7].parse().ok()?, text[8..10].parse().ok()?);
        let exists = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    fn from_days_since_epoch(mut days: u64) -> Self {
        let mut year = 1970;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= u64::from(days_in_month(year, month)) {
            days -= u64::from(days_in_month(year, month));
            month += 1;
        }
        Self { year, month, day: days as u8 + 1 }
    }
}

impl fmt::Display for CompatibilityDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Read for CompatibilityDate {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let Kind::String(text) = &value.kind else {
            reader.expected(value, "a string");
            return None;
        };
        match Self::parse(text, reader.today) {
            Ok(date) => Some(date),
            Err(reason) => {
                let message = format!("`{}` {reason}", reader.here());
                reader.problem(&value.span, message);
                None
            }
        }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_year(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

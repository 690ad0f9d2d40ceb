//! Dates and times, all of them in UTC.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, Timelike, Utc};

use super::value::Value;
use super::{refused, unsupported};
use crate::QueryError;

/// The names of the one time zone that there is.
pub(crate) const UTC: [&str; 4] = ["Etc/GMT", "Etc/UTC", "GMT", "UTC"];

const DAY: i64 = 24 * 60 * 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

// === impl Unit ===

impl Unit {
    /// So many of them.
    pub(crate) fn interval(self, count: i64) -> Result<Value, QueryError> {
        let (months, seconds) = match self {
            Self::Second => (0, 1),
            Self::Minute => (0, 60),
            Self::Hour => (0, 60 * 60),
            Self::Day => (0, DAY),
            Self::Month => (1, 0),
            Self::Year => (12, 0),
        };
        let times = |unit: i64| count.checked_mul(unit).ok_or_else(|| refused("the interval is too long"));
        Ok(Value::Interval { months: times(months)?, seconds: times(seconds)? })
    }
}

fn at(seconds: i64) -> Result<NaiveDateTime, QueryError> {
    let at = DateTime::<Utc>::from_timestamp(seconds, 0).map(|at| at.naive_utc());
    at.ok_or_else(|| refused(format!("{seconds} is no time")))
}

fn seconds(at: NaiveDateTime) -> Value {
    Value::Time(at.and_utc().timestamp())
}

/// `2026-11-28 22:10:00`
pub(crate) fn text(time: i64) -> String {
    at(time).map_or_else(|_| time.to_string(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// `2026-11-28`
pub(crate) fn date_text(time: i64) -> String {
    at(time).map_or_else(|_| time.to_string(), |at| at.format("%Y-%m-%d").to_string())
}

/// A date and time, a date, or seconds since the Unix epoch.
pub(crate) fn parse(text: &str) -> Result<i64, QueryError> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
        .ok()
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0));
    let time = time.ok_or_else(|| refused(format!("{text:?} is no time of the form 'YYYY-MM-DD hh:mm:ss'")))?;
    Ok(time.and_utc().timestamp())
}

pub(crate) fn check_zone(name: &str) -> Result<(), QueryError> {
    match UTC.contains(&name) {
        true => Ok(()),
        false => Err(unsupported(format!("the time zone {name:?}"))),
    }
}

/// `time` and so many times an interval: -1 goes back.
pub(crate) fn add(time: i64, interval: &Value, times: i64) -> Result<Value, QueryError> {
    let Value::Interval { months, seconds: length } = interval else { return Err(refused("no interval")) };
    let far = || refused("the time is too far away");
    let moved = length.checked_mul(times).and_then(|length| time.checked_add(length)).ok_or_else(far)?;
    if *months == 0 {
        return Ok(Value::Time(moved));
    }
    let count = u32::try_from(months.unsigned_abs()).map(Months::new).map_err(|_| far())?;
    let from = at(moved)?;
    let moved =
        if months.signum() * times > 0 { from.checked_add_months(count) } else { from.checked_sub_months(count) };
    Ok(seconds(moved.ok_or_else(far)?))
}

/// The beginning of the interval that a time is in, where the first begins with the Unix epoch, or with the year 0.
pub(crate) fn start_of(time: i64, interval: &Value) -> Result<Value, QueryError> {
    let Value::Interval { months, seconds: length } = interval else { return Err(refused("no interval")) };
    if *months == 0 && *length > 0 {
        return Ok(Value::Time(time - time.rem_euclid(*length)));
    }
    if *months <= 0 {
        return Err(refused("an interval to round to must be longer than nothing"));
    }
    let at = at(time)?;
    let month = i64::from(at.year()) * 12 + i64::from(at.month0());
    let first = month - month.rem_euclid(*months);
    let year = i32::try_from(first.div_euclid(12)).unwrap_or_default();
    let date =
        NaiveDate::from_ymd_opt(year, first.rem_euclid(12) as u32 + 1, 1).and_then(|date| date.and_hms_opt(0, 0, 0));
    Ok(seconds(date.ok_or_else(|| refused("the time is too far away"))?))
}

/// The Monday that a week begins with.
pub(crate) fn start_of_week(time: i64) -> Value {
    // The epoch was a Thursday.
    let monday = time + 3 * DAY;
    Value::Time(monday - monday.rem_euclid(7 * DAY) - 3 * DAY)
}

/// A part of a date and time, as a number.
pub(crate) fn part(time: i64, of: fn(&NaiveDateTime) -> u32) -> Result<Value, QueryError> {
    Ok(Value::Int(i64::from(of(&at(time)?))))
}

pub(crate) fn year(at: &NaiveDateTime) -> u32 {
    u32::try_from(at.year()).unwrap_or_default()
}

pub(crate) fn month(at: &NaiveDateTime) -> u32 {
    at.month()
}

pub(crate) fn day_of_month(at: &NaiveDateTime) -> u32 {
    at.day()
}

/// Monday is 1.
pub(crate) fn day_of_week(at: &NaiveDateTime) -> u32 {
    at.weekday().number_from_monday()
}

pub(crate) fn hour(at: &NaiveDateTime) -> u32 {
    at.hour()
}

pub(crate) fn minute(at: &NaiveDateTime) -> u32 {
    at.minute()
}

pub(crate) fn second(at: &NaiveDateTime) -> u32 {
    at.second()
}

pub(crate) fn year_and_month(at: &NaiveDateTime) -> u32 {
    year(at) * 100 + at.month()
}

/// `formatDateTime`, with ClickHouse's signs.
pub(crate) fn format(time: i64, pattern: &str) -> Result<String, QueryError> {
    let at = at(time)?;
    let mut text = String::new();
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        if sign != '%' {
            text.push(sign);
            continue;
        }
        let chrono = match signs.next() {
            Some('%') => "%%",
            Some('Y') => "%Y",
            Some('y') => "%y",
            Some('C') => "%C",
            Some('m') => "%m",
            Some('b') => "%b",
            Some('M') => "%B",
            Some('d') => "%d",
            Some('e') => "%e",
            Some('j') => "%j",
            Some('a') => "%a",
            Some('W') => "%A",
            Some('u') => "%u",
            Some('w') => "%w",
            Some('V') => "%V",
            Some('G') => "%G",
            Some('g') => "%g",
            Some('D') => "%m/%d/%y",
            Some('F') => "%Y-%m-%d",
            Some('H' | 'k') => "%H",
            Some('I' | 'h' | 'l') => "%I",
            Some('i') => "%M",
            Some('s' | 'S') => "%S",
            Some('p') => "%p",
            Some('R') => "%H:%M",
            Some('T') => "%H:%M:%S",
            Some('r') => "%I:%M %p",
            Some('z') => "+0000",
            Some('Q') => match at.month0() / 3 {
                0 => "1",
                1 => "2",
                2 => "3",
                _ => "4",
            },
            Some('n') => "\n",
            Some('t') => "\t",
            Some(other) => return Err(unsupported(format!("%{other} in formatDateTime"))),
            None => return Err(refused("the format ends with a single %")),
        };
        text.push_str(&at.format(chrono).to_string());
    }
    Ok(text)
}

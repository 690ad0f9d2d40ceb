//! Values, and the types that a result names them by.

use std::cmp::Ordering;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    /// Seconds since the Unix epoch: a date and time, or a date.
    Time(i64),
    /// A length of time.
    Interval {
        months: i64,
        seconds: i64,
    },
}

/// As ClickHouse calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int { bits: u8, signed: bool },
    Float,
    Text,
    Time,
    Date,
    Interval,
}

// === impl Type ===

impl Type {
    pub(crate) const BOOL: Self = Self::uint(8);

    pub(crate) const fn uint(bits: u8) -> Self {
        Self::Int { bits, signed: false }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Int { .. } | Self::Float)
    }

    pub(crate) fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::Date)
    }

    pub(crate) fn name(self) -> String {
        match self {
            Self::Int { bits, signed } => format!("{}Int{bits}", if signed { "" } else { "U" }),
            Self::Float => "Float64".into(),
            Self::Text => "String".into(),
            Self::Time => "DateTime".into(),
            Self::Date => "Date".into(),
            Self::Interval => "Interval".into(),
        }
    }

    /// The type that has the values of both.
    pub(crate) fn common(self, other: Self) -> Option<Self> {
        use Type::{Float, Int};
        Some(match (self, other) {
            _ if self == other => self,
            (Int { bits, signed }, Int { bits: others, signed: sign }) if signed == sign => {
                Int { bits: bits.max(others), signed }
            }
            (Int { bits, .. }, Int { bits: others, .. }) => Int { bits: (2 * bits.max(others)).min(64), signed: true },
            (Int { .. } | Float, Int { .. } | Float) => Float,
            _ => return None,
        })
    }

    /// That of a sum, a difference or a product of these.
    pub(crate) fn wider(self, other: Self, signed: bool) -> Self {
        match (self, other) {
            (Self::Int { bits, signed: one }, Self::Int { bits: others, signed: two }) => {
                Self::Int { bits: (2 * bits.max(others)).min(64), signed: signed || one || two }
            }
            _ => Self::Float,
        }
    }
}

// === impl Value ===

impl Value {
    pub(crate) fn bool(value: bool) -> Self {
        Self::Int(i64::from(value))
    }

    /// A number, or the seconds of a time.
    pub(crate) fn float(&self) -> f64 {
        match self {
            Self::Int(number) | Self::Time(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(_) | Self::Interval { .. } => f64::NAN,
        }
    }

    pub(crate) fn int(&self) -> i64 {
        match self {
            Self::Int(number) | Self::Time(number) => *number,
            Self::Float(number) => *number as i64,
            Self::Text(_) | Self::Interval { .. } => 0,
        }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            _ => false,
        }
    }

    /// Of values of types that can be compared. Nothing compares with a NaN.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => Some(one.cmp(two)),
            (Self::Int(one) | Self::Time(one), Self::Int(two) | Self::Time(two)) => Some(one.cmp(two)),
            _ => self.float().partial_cmp(&other.float()),
        }
    }

    /// The same with a place for everything: NaN is the greatest.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.compare(other).unwrap_or_else(|| self.float().is_nan().cmp(&other.float().is_nan()))
    }

    /// Bytes that are the same for equal values of one type.
    pub(crate) fn key(&self, key: &mut Vec<u8>) {
        match self {
            Self::Int(number) | Self::Time(number) => key.extend_from_slice(&number.to_le_bytes()),
            // Zero has one sign here.
            Self::Float(number) => key.extend_from_slice(&(number + 0.0).to_bits().to_le_bytes()),
            Self::Text(text) => {
                key.extend_from_slice(&(text.len() as u64).to_le_bytes());
                key.extend_from_slice(text.as_bytes());
            }
            Self::Interval { months, seconds } => {
                key.extend_from_slice(&months.to_le_bytes());
                key.extend_from_slice(&seconds.to_le_bytes());
            }
        }
    }

    /// What it takes of memory, about.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Text(text) => 48 + text.len(),
            _ => 24,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        self.key(&mut one);
        other.key(&mut two);
        std::mem::discriminant(self) == std::mem::discriminant(other) && one == two
    }
}

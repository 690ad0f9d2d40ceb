//! `traceparent`: the place in a trace that a request comes from (W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header).

use http::HeaderMap;
use workers::{SpanId, TraceId};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    /// Its sender follows it.
    pub(super) sampled: bool,
}

// === impl Parent ===

impl Parent {
    /// `None` also where there are several: then none is meant.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut all = headers.get_all("traceparent").iter();
        let (first, second) = (all.next()?, all.next());
        if second.is_some() {
            return None;
        }
        Self::parse(first.to_str().ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.trim().split('-');
        let version = hex(fields.next()?, 2)?;
        let trace = hex(fields.next()?, 32).filter(|id| *id != 0)?;
        let span = hex(fields.next()?, 16).filter(|id| *id != 0)?;
        let flags = hex(fields.next()?, 2)?;
        // Later versions may have more fields; 255 is none.
        if version == 0xff || (version == 0 && fields.next().is_some()) {
            return None;
        }
        Some(Self { trace: TraceId(trace), span: SpanId(u64::try_from(span).ok()?), sampled: flags & 1 == 1 })
    }
}

/// So many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != digits || !text.bytes().all(is_hex) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_standard_allows_is_a_parent() {
        let known = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        let span = SpanId(0x00f0_67aa_0ba9_02b7);
        assert_eq!(Parent::parse(known), Some(Parent { trace, span, sampled: true }));
        let unsampled = known.replace("-01", "-02");
        assert_eq!(Parent::parse(&unsampled), Some(Parent { trace, span, sampled: false }));
        assert!(Parent::parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").is_some());
        for wrong in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Parent::parse(wrong), None, "{wrong}");
        }
        let twice = HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), known.parse().unwrap())]);
        assert!(Parent::of(&twice).is_some());
        let mut twice = twice;
        twice.append("traceparent", known.parse().unwrap());
        assert_eq!(Parent::of(&twice), None);
    }
}

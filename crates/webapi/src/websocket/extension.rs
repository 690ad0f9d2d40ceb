//! What two sides agree on of permessage-deflate (RFC 7692 §7.1), the one extension that is spoken here.

const NAME: &str = "permessage-deflate";

/// The largest window, 32 KiB, as the logarithm that parameters give.
pub(super) const WINDOW_BITS: u8 = 15;

/// What was agreed on, as one side of the connection sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// The window that what is sent may be compressed with.
    pub(super) window_bits: u8,
    /// What the peer compresses may go back to its earlier messages.
    pub(super) peer_keeps_context: bool,
}

/// The parameters of an offer or an answer.
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<u8>,
}

/// The server's part: takes the first of a client's offers that it understands. `wanted`: what the Worker answers, of which
/// the same holds. The answer for the client comes along.
///
/// Neither side is to keep a window from message to message: one that is idle costs nothing
/// (docs/decisions/0022-permessage-deflate.md).
pub fn accept(offers: &str, wanted: &str) -> Option<(Deflate, String)> {
    let offer = parse(offers).next()?;
    let wanted = parse(wanted).next()?;
    let mut answer = format!("{NAME}; client_no_context_takeover; server_no_context_takeover");
    let window = [offer.server_max_window_bits, wanted.server_max_window_bits].into_iter().flatten().min();
    if let Some(bits) = window {
        answer.push_str(&format!("; server_max_window_bits={bits}"));
    }
    Some((Deflate { window_bits: window.unwrap_or(WINDOW_BITS), peer_keeps_context: false }, answer))
}

/// Whether a client may offer this.
pub(super) fn is_offer(offers: &str) -> bool {
    parse(offers).next().is_some()
}

/// The client's part: what the server's answer to these offers means. `None`: it is no answer to them.
pub(super) fn agreed(offers: &str, answer: &str) -> Option<Deflate> {
    // §5.1: one is agreed on.
    if answer.contains(',') {
        return None;
    }
    let answer = parse(answer).next()?;
    let limited = parse(offers).find_map(|offer| offer.client_max_window_bits);
    let window_bits = match (answer.client_max_window_bits, limited) {
        // §7.1.2.2: only a client that has said so lets its window be limited.
        (Some(_), None) => return None,
        (Some(bits), Some(own)) => bits.min(own),
        (None, own) => own.unwrap_or(WINDOW_BITS),
    };
    Some(Deflate { window_bits, peer_keeps_context: !answer.server_no_context_takeover })
}

/// Those elements of a `Sec-WebSocket-Extensions` header that are understood here.
fn parse(header: &str) -> impl Iterator<Item = Parameters> {
    header.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        (parts.next() == Some(NAME)).then_some(())?;
        let mut parameters = Parameters::default();
        parts.try_for_each(|part| parameters.take(part))?;
        Some(parameters)
    })
}

// === impl Parameters ===

impl Parameters {
    /// `None`: the parameter is unknown, has no such value, or was there before (§7.1).
    fn take(&mut self, part: &str) -> Option<()> {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(value.trim_start())),
            None => (part, None),
        };
        match (name, value) {
            ("server_no_context_takeover", None) => once(&mut self.server_no_context_takeover),
            ("client_no_context_takeover", None) => once(&mut self.client_no_context_takeover),
            ("server_max_window_bits", Some(value)) => self.server_max_window_bits.replace(bits(value)?).is_none(),
            ("client_max_window_bits", None) => self.client_max_window_bits.replace(WINDOW_BITS).is_none(),
            ("client_max_window_bits", Some(value)) => self.client_max_window_bits.replace(bits(value)?).is_none(),
            _ => false,
        }
        .then_some(())
    }
}

fn once(parameter: &mut bool) -> bool {
    !std::mem::replace(parameter, true)
}

fn bits(value: &str) -> Option<u8> {
    value.parse().ok().filter(|bits| (8..=WINDOW_BITS).contains(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "permessage-deflate; client_no_context_takeover; server_no_context_takeover";

    #[test]
    fn the_first_offer_that_is_understood_is_taken() {
        let answer = |offers: &str| accept(offers, offers).map(|(deflate, answer)| (deflate.window_bits, answer));
        let plain = Some((15, ANSWER.to_owned()));
        for offers in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate;client_max_window_bits=10 ; server_no_context_takeover",
            "x-foo, permessage-deflate",
            "permessage-deflate; server_max_window_bits=16, permessage-deflate",
        ] {
            assert_eq!(answer(offers), plain, "{offers}");
        }
        let narrow = Some((9, format!("{ANSWER}; server_max_window_bits=9")));
        assert_eq!(answer("permessage-deflate; server_max_window_bits = 9, permessage-deflate"), narrow);
        for offers in [
            "",
            "x-foo",
            "Permessage-Deflate",
            "permessage-deflate; bogus",
            "permessage-deflate;",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=\"10\"",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
        ] {
            assert_eq!(answer(offers), None, "{offers}");
        }
        assert_eq!(accept("permessage-deflate", "nonsense"), None);
        let (deflate, _) = accept("permessage-deflate", "permessage-deflate; server_max_window_bits=10").unwrap();
        assert_eq!(deflate.window_bits, 10);
    }

    #[test]
    fn an_answer_fits_what_was_offered() {
        let plain = Deflate { window_bits: 15, peer_keeps_context: true };
        assert_eq!(agreed("permessage-deflate", "permessage-deflate"), Some(plain));
        assert_eq!(
            agreed("permessage-deflate", ANSWER),
            Some(Deflate { peer_keeps_context: false, ..plain }),
            "unasked, but allowed"
        );
        assert_eq!(agreed("permessage-deflate", "permessage-deflate; client_max_window_bits=9"), None);
        let offer = "permessage-deflate; client_max_window_bits=12";
        let narrow = Some(Deflate { window_bits: 9, ..plain });
        assert_eq!(agreed(offer, "permessage-deflate; client_max_window_bits=9"), narrow);
        assert_eq!(agreed(offer, "permessage-deflate"), Some(Deflate { window_bits: 12, ..plain }));
        assert_eq!(agreed(offer, "permessage-deflate, permessage-deflate"), None);
        assert_eq!(agreed(offer, "x-foo"), None);
    }
}

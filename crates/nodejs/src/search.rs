//! Where bytes are within others, in time that grows with both lengths and not with their product: nothing can interrupt it.

use memchr::memmem;

/// What a match begins at: any byte, or every second one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Byte,
    Unit,
}

/// The first match that begins at `from` or later. `needle` is not empty.
pub(crate) fn forward(bytes: &[u8], needle: &[u8], from: usize, step: Step) -> Option<usize> {
    match step {
        Step::Byte => memmem::find(bytes.get(from..)?, needle).map(|at| from + at),
        Step::Unit => {
            let from = from.div_ceil(2);
            first(units(bytes).get(from..)?, &units(needle)).map(|at| (from + at) * 2)
        }
    }
}

/// The last match that begins at `from` or earlier. `needle` is not empty.
pub(crate) fn backward(bytes: &[u8], needle: &[u8], from: usize, step: Step) -> Option<usize> {
    match step {
        Step::Byte => memmem::rfind(&bytes[..from.saturating_add(needle.len()).min(bytes.len())], needle),
        Step::Unit => {
            let (mut bytes, mut needle) = (units(bytes), units(needle));
            bytes.truncate(from / 2 + needle.len());
            bytes.reverse();
            needle.reverse();
            first(&bytes, &needle).map(|at| (bytes.len() - at - needle.len()) * 2)
        }
    }
}

fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Knuth, Morris and Pratt's: what was matched so far tells where the next match may begin.
fn first(units: &[u16], needle: &[u16]) -> Option<usize> {
    if needle.is_empty() {
        return None;
    }
    let mut matched = 0;
    let mut shorter = vec![0; needle.len()];
    for at in 1..needle.len() {
        matched = next(needle, &shorter, matched, needle[at]);
        shorter[at] = matched;
    }
    matched = 0;
    units.iter().enumerate().find_map(|(at, unit)| {
        matched = next(needle, &shorter, matched, *unit);
        (matched == needle.len()).then(|| at + 1 - matched)
    })
}

/// How much of the needle is matched with one unit more.
fn next(needle: &[u16], shorter: &[usize], mut matched: usize, unit: u16) -> usize {
    while matched > 0 && needle[matched] != unit {
        matched = shorter[matched - 1];
    }
    matched + usize::from(needle[matched] == unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_found_where_they_are() {
        let mut seed = 1_u32;
        let mut random = move |below: u32| {
            seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            (seed >> 16) % below
        };
        for _ in 0..5_000 {
            let bytes: Vec<u8> = (0..random(24)).map(|_| random(2) as u8).collect();
            let needle: Vec<u8> = (0..=random(6)).map(|_| random(2) as u8).collect();
            let from = random(26) as usize;
            for step in [Step::Byte, Step::Unit] {
                let (size, whole) = match step {
                    Step::Byte => (1, &needle[..]),
                    Step::Unit => (2, &needle[..needle.len() / 2 * 2]),
                };
                let places =
                    (0..bytes.len()).step_by(size).filter(|at| !whole.is_empty() && bytes[*at..].starts_with(whole));
                let places: Vec<usize> = places.collect();
                let expected = places.iter().find(|at| **at >= from).copied();
                assert_eq!(forward(&bytes, &needle, from, step), expected, "{bytes:?} {needle:?} {from}");
                let expected = places.iter().rev().find(|at| **at <= from).copied();
                assert_eq!(backward(&bytes, &needle, from, step), expected, "{bytes:?} {needle:?} {from} back");
            }
        }
    }

    /// What would take hours if it grew with the product of the lengths.
    #[test]
    fn long_near_misses_take_no_time() {
        let bytes = vec![0; 8 << 20];
        let mut needle = vec![0; 4 << 20];
        for at in [0, needle.len() - 1] {
            needle[at] = 1;
            for step in [Step::Byte, Step::Unit] {
                assert_eq!(forward(&bytes, &needle, 0, step), None);
                assert_eq!(backward(&bytes, &needle, bytes.len(), step), None);
            }
            needle[at] = 0;
        }
    }
}

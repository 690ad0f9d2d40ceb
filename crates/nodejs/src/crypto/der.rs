//! Reading and writing DER (X.690), as far as OpenSSL's interface doesn't do it for what is asked here.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// The elements that follow one another in some bytes. It ends where one is not whole.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
    /// With its tag and length.
    pub(super) whole: &'a [u8],
}

// === impl Elements ===

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let (length, rest) = if length < 0x80 {
            (usize::from(length), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            if bytes.len() > 4 {
                return None;
            }
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        };
        let (body, after) = rest.split_at_checked(length)?;
        let whole = &self.0[..self.0.len() - after.len()];
        self.0 = after;
        Some(Element { tag, body, whole })
    }
}

// === impl Element ===

impl<'a> Element<'a> {
    /// The first element of some bytes.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        Elements(bytes).next()
    }

    /// The elements inside of it; none where it is a single value.
    pub(super) fn parts(&self) -> Elements<'a> {
        Elements(if self.tag & 0x20 != 0 { self.body } else { &[] })
    }

    pub(super) fn part(&self, number: usize) -> Option<Self> {
        self.parts().nth(number)
    }

    /// A number that is not negative; as much as an `u64` holds where it is longer.
    pub(super) fn number(&self) -> Option<u64> {
        if self.tag != INTEGER || self.body.first().is_some_and(|byte| byte & 0x80 != 0) {
            return None;
        }
        let fold =
            |number: u64, byte: &u8| number.checked_mul(256).map_or(u64::MAX, |number| number + u64::from(*byte));
        Some(self.body.iter().fold(0, fold))
    }

    /// `1.2.840.113549`
    pub(super) fn object(&self) -> Option<String> {
        if self.tag != OBJECT {
            return None;
        }
        let mut arcs = Vec::new();
        let mut arc = 0_u128;
        for byte in self.body {
            arc = arc.checked_mul(128)? | u128::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                if arcs.is_empty() {
                    let first = (arc / 40).min(2);
                    arcs.push(first.to_string());
                    arc -= first * 40;
                }
                arcs.push(arc.to_string());
                arc = 0;
            }
        }
        Some(arcs.join("."))
    }
}

// === Writing ===

pub(super) fn element(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut whole = vec![tag];
    match body.len() {
        length @ 0..0x80 => whole.push(length as u8),
        length => {
            let bytes = length.to_be_bytes();
            let bytes = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(0)..];
            whole.push(0x80 | bytes.len() as u8);
            whole.extend_from_slice(bytes);
        }
    }
    whole.extend_from_slice(body);
    whole
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

pub(super) fn number(number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let mut body = bytes[bytes.iter().position(|byte| *byte != 0).unwrap_or(3)..].to_vec();
    if body[0] & 0x80 != 0 {
        body.insert(0, 0);
    }
    element(INTEGER, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let long = vec![7; 300];
        let bytes = sequence(&[&number(0), &number(200), &element(4, &long)]);
        let outer = Element::first(&bytes).unwrap();
        assert_eq!(outer.whole, bytes);
        let numbers: Vec<_> = outer.parts().map(|part| part.number()).collect();
        assert_eq!(numbers, [Some(0), Some(200), None]);
        assert_eq!(outer.part(2).unwrap().body, long);
        assert!(Element::first(&bytes[..200]).is_none() && Element::first(&[0x30, 0x89, 1]).is_none());
        let object = element(OBJECT, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]);
        assert_eq!(Element::first(&object).unwrap().object().unwrap(), "1.2.840.113549");
    }
}

//! Node's encodings of bytes as strings, numbered as `internalBinding('string_decoder').encodings` lists them.

use isolate::v8;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Ascii,
    Utf8,
    Base64,
    Utf16Le,
    Latin1,
    Hex,
    Base64Url,
}

impl Encoding {
    /// Of a number, or of a name in whatever case; UTF-8 for what is neither.
    pub(crate) fn of(scope: &mut v8::PinScope, value: v8::Local<v8::Value>) -> Self {
        if value.is_number() {
            return match value.uint32_value(scope) {
                Some(0) => Self::Ascii,
                Some(2) => Self::Base64,
                Some(3) => Self::Utf16Le,
                Some(4) => Self::Latin1,
                Some(5) => Self::Hex,
                Some(7) => Self::Base64Url,
                _ => Self::Utf8,
            };
        }
        match value.to_rust_string_lossy(scope).to_ascii_lowercase().as_str() {
            "ascii" => Self::Ascii,
            "base64" => Self::Base64,
            "base64url" => Self::Base64Url,
            "ucs2" | "ucs-2" | "utf16le" | "utf-16le" => Self::Utf16Le,
            "latin1" | "binary" => Self::Latin1,
            "hex" => Self::Hex,
            _ => Self::Utf8,
        }
    }

    /// The bytes that a string means.
    pub(crate) fn bytes(self, scope: &mut v8::PinScope, string: v8::Local<v8::String>) -> Vec<u8> {
        match self {
            Self::Utf8 => string.to_rust_string_lossy(scope).into_bytes(),
            Self::Utf16Le => units(scope, string).into_iter().flat_map(u16::to_le_bytes).collect(),
            Self::Latin1 | Self::Ascii => units(scope, string).into_iter().map(|unit| unit as u8).collect(),
            Self::Hex => units(scope, string)
                .chunks_exact(2)
                .map_while(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
                .collect(),
            Self::Base64 | Self::Base64Url => base64(&units(scope, string)),
        }
    }

    /// The string that bytes mean; `None` past V8's longest.
    pub(crate) fn string<'s>(self, scope: &v8::PinScope<'s, '_>, bytes: &[u8]) -> Option<v8::Local<'s, v8::String>> {
        let one_byte = |bytes: &[u8]| v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal);
        match self {
            Self::Utf8 => v8::String::new_from_utf8(scope, bytes, v8::NewStringType::Normal),
            Self::Latin1 => one_byte(bytes),
            Self::Ascii => one_byte(&bytes.iter().map(|byte| byte & 0x7f).collect::<Vec<_>>()),
            Self::Hex => {
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                one_byte(&bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<Vec<_>>())
            }
            Self::Base64 => one_byte(base64_simd::STANDARD.encode_to_string(bytes).as_bytes()),
            Self::Base64Url => one_byte(base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes).as_bytes()),
            Self::Utf16Le => {
                let units: Vec<u16> =
                    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                v8::String::new_from_two_byte(scope, &units, v8::NewStringType::Normal)
            }
        }
    }
}

fn units(scope: &mut v8::PinScope, string: v8::Local<v8::String>) -> Vec<u16> {
    let view = v8::ValueView::new(scope, string);
    match view.data() {
        v8::ValueViewData::OneByte(units) => units.iter().map(|unit| u16::from(*unit)).collect(),
        v8::ValueViewData::TwoByte(units) => units.to_vec(),
    }
}

fn digit(unit: u16) -> Option<u8> {
    char::from_u32(unit.into())?.to_digit(16).map(|digit| digit as u8)
}

/// Either alphabet, up to the padding; what belongs to neither is passed over.
fn base64(units: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    for unit in units {
        let value = match u8::try_from(*unit) {
            Ok(c @ b'A'..=b'Z') => c - b'A',
            Ok(c @ b'a'..=b'z') => c - b'a' + 26,
            Ok(c @ b'0'..=b'9') => c - b'0' + 52,
            Ok(b'+' | b'-') => 62,
            Ok(b'/' | b'_') => 63,
            Ok(b'=') => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

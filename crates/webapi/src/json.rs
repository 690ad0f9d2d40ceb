//! A guard before `JSON.parse`, which V8 can't be stopped in: a short text can take many times its size.

use isolate::{Args, Op, op, v8};

pub const OPS: &[Op] = &[op!(op_json_guard)];

/// The least that V8 takes for an object or array, and for an element.
const OBJECT: usize = 32;
const ELEMENT: usize = 8;

/// `op_json_guard(text)` → whether what `text` describes can fit the isolate's memory; otherwise the script is being ended.
fn op_json_guard(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(text) = args.get(0).try_cast::<v8::String>() else { return };
    rv.set_bool(fits(scope, text));
}

/// Whether what `text` describes can fit the isolate's memory; otherwise the script is being ended.
pub fn fits(scope: &mut v8::PinScope, text: v8::Local<v8::String>) -> bool {
    let least = {
        let view = v8::ValueView::new(scope, text);
        match view.data() {
            v8::ValueViewData::OneByte(bytes) => least_memory(bytes.iter().map(|byte| u16::from(*byte))),
            v8::ValueViewData::TwoByte(units) => least_memory(units.iter().copied()),
        }
    };
    isolate::require_memory(scope, least)
}

/// The least memory, in bytes, of the values that a JSON text describes.
fn least_memory(units: impl Iterator<Item = u16>) -> usize {
    const QUOTE: u16 = b'"' as u16;
    const BACKSLASH: u16 = b'\\' as u16;
    const COMMA: u16 = b',' as u16;
    const BRACKET: u16 = b'[' as u16;
    const BRACE: u16 = b'{' as u16;
    let (mut bytes, mut in_string, mut escaped) = (0, false, false);
    for unit in units {
        if in_string {
            in_string = escaped || unit != QUOTE;
            escaped = !escaped && unit == BACKSLASH;
            continue;
        }
        match unit {
            QUOTE => in_string = true,
            BRACKET | BRACE => bytes += OBJECT,
            COMMA => bytes += ELEMENT,
            _ => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_outside_strings() {
        let least = |text: &str| least_memory(text.encode_utf16());
        assert_eq!(least(r#"{"a": [1, 2]}"#), 2 * OBJECT + ELEMENT);
        assert_eq!(least(r#"["[[[,,,", "\\", "\"[", {}]"#), 2 * OBJECT + 3 * ELEMENT);
        assert_eq!(least("12"), 0);
    }
}

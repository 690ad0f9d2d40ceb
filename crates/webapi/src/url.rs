//! The URL standard (<https://url.spec.whatwg.org>) under `js/url.js`, which keeps a URL as its serialisation and the
//! offsets of its parts. Section numbers in this folder are the standard's.

mod encode;
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod parse;
mod record;
mod set;
#[cfg(test)]
mod tests;

use isolate::{Args, Op, v8};

use self::record::Offsets;
use self::set::Component;
use crate::views::{latin1_string, write_bytes};

pub const OPS: &[Op] = &[isolate::op!(op_url_parse), isolate::op!(op_url_set), isolate::op!(op_percent_decode)];

/// `op_url_parse(input, base | undefined, offsets)` → the serialisation, `true` when the input is it already, or undefined
/// when it doesn't parse. `offsets` is a `Uint32Array(7)`, see [`Offsets`].
fn op_url_parse(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(input) = args.get(0).try_cast::<v8::String>() else { return };
    let base = match args.get(1).try_cast::<v8::String>() {
        Ok(base) => {
            let view = v8::ValueView::new(scope, base);
            let Some(base) = parse::parse(&view.to_cow_lossy(), None) else { return };
            Some(base)
        }
        Err(_) => None,
    };
    let (href, offsets, same) = {
        let view = v8::ValueView::new(scope, input);
        let input = view.to_cow_lossy();
        let Some(url) = parse::parse(&input, base.as_ref()) else { return };
        let (href, offsets) = url.serialize();
        let same = href == input;
        (href, offsets, same)
    };
    write_offsets(&args, 2, &offsets);
    if same {
        rv.set_bool(true);
    } else if let Some(href) = latin1_string(scope, href.as_bytes()) {
        rv.set(href.into());
    }
}

/// `op_url_set(href, component, value, offsets)` → the new serialisation, or undefined when the setter changes nothing.
fn op_url_set(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let before = isolate::string_arg(scope, &args, 0);
    let value = isolate::string_arg(scope, &args, 2);
    let component = args.get(1).uint32_value(scope).and_then(Component::from_number);
    let (Some(mut url), Some(component)) = (parse::parse(&before, None), component) else { return };
    // A refused value may have set a part: a host before a port that is none. What came of it is in the URL.
    let _ = url.set(component, &value);
    let (href, offsets) = url.serialize();
    if href == before {
        return;
    }
    write_offsets(&args, 3, &offsets);
    if let Some(href) = latin1_string(scope, href.as_bytes()) {
        rv.set(href.into());
    }
}

fn write_offsets(args: &Args, index: i32, offsets: &Offsets) {
    let Ok(view) = args.get(index).try_cast::<v8::ArrayBufferView>() else { return };
    let mut bytes = [0; size_of::<Offsets>()];
    for (chunk, offset) in bytes.chunks_exact_mut(4).zip(offsets) {
        chunk.copy_from_slice(&offset.to_ne_bytes());
    }
    write_bytes(view, &bytes);
}

/// `op_percent_decode(string)` → the string with its escapes decoded as UTF-8, malformed sequences as U+FFFD.
fn op_percent_decode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let input = isolate::string_arg(scope, &args, 0);
    let decoded = encode::decode(input.as_bytes());
    let string = isolate::new_string(scope, &String::from_utf8_lossy(&decoded));
    rv.set(string.into());
}

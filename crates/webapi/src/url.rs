//! URL parsing and setting (<https://url.spec.whatwg.org>) for `js/url.js`, which keeps a URL as its serialisation and the
//! offsets of its parts.

use isolate::{Args, Op, v8};
use url::{Url, quirks};

use crate::views::{latin1_string, write_bytes};

pub const OPS: &[Op] = &[isolate::op!(op_url_parse), isolate::op!(op_url_set), isolate::op!(op_percent_decode)];

/// `op_url_parse(input, base | undefined, offsets)` → the serialisation, `true` when the input is it already, or undefined
/// when it doesn't parse. `offsets` is a `Uint32Array(7)`, see [`write_offsets`].
fn op_url_parse(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let Ok(input) = args.get(0).try_cast::<v8::String>() else { return };
    let base = match args.get(1).try_cast::<v8::String>() {
        Ok(base) => {
            let view = v8::ValueView::new(scope, base);
            match Url::parse(&view.to_cow_lossy()) {
                Ok(base) => Some(base),
                Err(_) => return,
            }
        }
        Err(_) => None,
    };
    let (url, same) = {
        let view = v8::ValueView::new(scope, input);
        let input = view.to_cow_lossy();
        let Ok(url) = Url::options().base_url(base.as_ref()).parse(&input) else { return };
        let same = url.as_str() == input;
        (url, same)
    };
    write_offsets(&args, 2, &url);
    if same {
        rv.set_bool(true);
    } else if let Some(href) = latin1_string(scope, url.as_str().as_bytes()) {
        rv.set(href.into());
    }
}

/// `op_url_set(href, component, value, offsets)` → the new serialisation, or undefined when the setter changes nothing.
/// Components are numbered in `js/url.js`.
fn op_url_set(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let href = isolate::string_arg(scope, &args, 0);
    let value = isolate::string_arg(scope, &args, 2);
    let Ok(mut url) = Url::parse(&href) else { return };
    // A setter that refuses leaves the URL as it was: that is all that the API shows of it.
    let refused = match args.get(1).uint32_value(scope) {
        Some(0) => quirks::set_protocol(&mut url, &value).is_err(),
        Some(1) => quirks::set_username(&mut url, &value).is_err(),
        Some(2) => quirks::set_password(&mut url, &value).is_err(),
        Some(3) => quirks::set_host(&mut url, &value).is_err(),
        Some(4) => quirks::set_hostname(&mut url, &value).is_err(),
        Some(5) => quirks::set_port(&mut url, &value).is_err(),
        Some(6) => {
            quirks::set_pathname(&mut url, &value);
            false
        }
        Some(7) => {
            quirks::set_search(&mut url, &value);
            false
        }
        Some(8) => {
            quirks::set_hash(&mut url, &value);
            false
        }
        _ => true,
    };
    if refused || url.as_str() == href {
        return;
    }
    write_offsets(&args, 3, &url);
    if let Some(href) = latin1_string(scope, url.as_str().as_bytes()) {
        rv.set(href.into());
    }
}

/// Scheme end, username end, host start, host end, path start, query start and fragment start, the last two 0 when absent.
fn write_offsets(args: &Args, index: i32, url: &Url) {
    let Ok(offsets) = args.get(index).try_cast::<v8::ArrayBufferView>() else { return };
    let parts = quirks::internal_components(url);
    let numbers = [
        parts.scheme_end,
        parts.username_end,
        parts.host_start,
        parts.host_end,
        parts.path_start,
        parts.query_start.unwrap_or(0),
        parts.fragment_start.unwrap_or(0),
    ];
    let mut bytes = [0; 28];
    for (chunk, number) in bytes.chunks_exact_mut(4).zip(numbers) {
        chunk.copy_from_slice(&number.to_ne_bytes());
    }
    write_bytes(offsets, &bytes);
}

/// `op_percent_decode(string)` → the string with its escapes decoded as UTF-8, malformed sequences as U+FFFD.
fn op_percent_decode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let input = isolate::string_arg(scope, &args, 0);
    let decoded = percent_decode(input.as_bytes());
    let string = isolate::new_string(scope, &String::from_utf8_lossy(&decoded));
    rv.set(string.into());
}

fn percent_decode(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let escaped = match (byte, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                output.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => output.push(byte),
        }
    }
    output
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

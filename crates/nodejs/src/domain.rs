//! `internalBinding('encoding_binding')`: domains by UTS #46.

use isolate::{Args, Op, op, v8};

pub(crate) const OPS: &[Op] = &[op!(to_ascii), op!(to_unicode)];

/// As much as a URL's host may be.
const MAX_DOMAIN: usize = 64 * 1024;

/// `toASCII(domain)` → the domain with its labels in Punycode; '' for what is none
fn to_ascii(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let domain = isolate::string_arg(scope, &args, 0);
    let ascii = match domain.len() {
        0..=MAX_DOMAIN => idna::domain_to_ascii_from_cow(domain.into_bytes().into(), idna::AsciiDenyList::EMPTY),
        _ => Ok("".into()),
    };
    rv.set(isolate::new_string(scope, &ascii.unwrap_or_default()).into());
}

/// `toUnicode(domain)` → the domain with its labels in Unicode; a label that is not valid Punycode stays as it is
fn to_unicode(scope: &mut v8::PinScope, args: Args, mut rv: v8::ReturnValue) {
    let domain = isolate::string_arg(scope, &args, 0);
    if domain.len() > MAX_DOMAIN {
        return rv.set_empty_string();
    }
    let (unicode, _) = idna::domain_to_unicode(&domain);
    rv.set(isolate::new_string(scope, &unicode).into());
}

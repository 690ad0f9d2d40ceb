//! URLs: parsed, set, and written.

#![no_main]

use libfuzzer_sys::fuzz_target;

// Its lines are the URL, the base, the number of the part that is set, and the value.
fuzz_target!(|text: &str| {
    let mut lines = text.split('\u{1f}');
    let (input, base) = (lines.next().unwrap_or_default(), lines.next());
    let component = lines.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    webapi::url::fuzzing::check(input, base, component, lines.next().unwrap_or_default());
});

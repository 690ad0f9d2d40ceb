//! What a fuzz target enters by, with what holds of any URL.

use super::parse::parse;
use super::record::Url;
use super::set::Component;

/// Parses a URL against a base and sets its parts. Whatever comes of it parses, and as itself.
pub fn check(input: &str, base: Option<&str>, component: u32, value: &str) {
    let base = base.and_then(|base| parse(base, None));
    let Some(mut url) = parse(input, base.as_ref()) else { return };
    assert_stable(&url);
    let Some(component) = Component::from_number(component) else { return };
    let _ = url.set(component, value);
    assert_stable(&url);
}

fn assert_stable(url: &Url) {
    let (href, offsets) = url.serialize();
    assert!(href.is_ascii(), "{href:?}");
    let again = parse(&href, None).unwrap_or_else(|| panic!("{href:?} does not parse"));
    assert_eq!(again.serialize(), (href, offsets));
}

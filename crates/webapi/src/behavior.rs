//! What a Worker may have chosen of the standards' native half, by its compatibility date and flags.

use isolate::v8;

/// As with the newest date, unless somebody put another one into the isolate.
#[derive(Clone, Copy, Debug)]
pub struct Behavior {
    /// `br` is a content coding that this runtime does and undoes (`brotli_content_encoding`).
    pub brotli: bool,
    /// A redirect to another origin leaves out `Authorization` (`strip_authorization_on_cross_origin_redirect`).
    pub strip_authorization: bool,
    /// `<esi:include>` has no content (`html_rewriter_treats_esi_include_as_void_tag`).
    pub void_esi: bool,
}

// === impl Behavior ===

impl Behavior {
    /// The one of this isolate.
    pub fn of(scope: &mut v8::PinScope) -> Self {
        isolate::embedder::<Self>(scope).copied().unwrap_or_default()
    }
}

impl Default for Behavior {
    fn default() -> Self {
        Self { brotli: true, strip_authorization: true, void_esi: false }
    }
}

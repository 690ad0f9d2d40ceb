//! Several locations in one process, for development: which of them a request comes in at.

use http::header::HOST;
use http::{HeaderName, Request};

use super::{Colo, Geo, GeoError, unknown};

/// The header that names a location.
pub(crate) const X_SKERRY_COLO: HeaderName = HeaderName::from_static("x-skerry-colo");

/// Where a request comes in.
#[derive(Debug)]
pub(crate) enum Choice {
    /// At the first location: the request names none.
    Here,
    At(&'static Colo),
    /// It names one that is not served here.
    Nowhere(String),
}

// === impl Geo ===

impl Geo {
    /// The locations that requests may choose among; the first is that of those which don't. Empty: there is no choice.
    pub fn choices(&self) -> &[&'static Colo] {
        &self.choices
    }

    /// Lets requests choose among `colos`, by the header `X-Skerry-Colo` or by `<colo>.<name>.localhost`.
    pub fn with_choices(mut self, colos: &[String]) -> Result<Self, GeoError> {
        let find = |given: &String| Colo::find(given).ok_or_else(|| unknown(given));
        self.choices = colos.iter().map(find).collect::<Result<_, _>>()?;
        Ok(self)
    }

    pub(crate) fn choose<B>(&self, request: &Request<B>) -> Choice {
        if self.choices.is_empty() {
            return Choice::Here;
        }
        let Some(named) = named(request) else { return Choice::Here };
        match self.choices.iter().find(|colo| colo.iata.eq_ignore_ascii_case(named)) {
            Some(colo) => Choice::At(colo),
            None => Choice::Nowhere(named.to_owned()),
        }
    }
}

fn named<B>(request: &Request<B>) -> Option<&str> {
    if let Some(header) = request.headers().get(X_SKERRY_COLO) {
        return Some(header.to_str().unwrap_or("?").trim());
    }
    let host = match request.uri().host() {
        Some(host) => host,
        None => request.headers().get(HOST)?.to_str().ok()?.split(':').next()?,
    };
    let (colo, name) = host.strip_suffix(".localhost")?.split_once('.')?;
    (!name.contains('.')).then_some(colo)
}

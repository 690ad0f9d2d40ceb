//! `[traces]`: which events are followed, and the collector that is told of them.

use config::ServerConfig;
use http::{HeaderMap, HeaderName, HeaderValue};
use traces::{Exporter, Options};
use url::Url;

/// What the platform follows events by, and what sends their spans.
pub fn start(config: &ServerConfig) -> Result<Option<(platform::Traces, Exporter)>, String> {
    let Some(traces) = &config.traces else { return Ok(None) };
    let endpoint = format!("{}/v1/traces", traces.endpoint.0);
    let endpoint = Url::parse(&endpoint).map_err(|error| format!("traces.endpoint: {endpoint}: {error}"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &traces.headers {
        let key = HeaderName::try_from(name).map_err(|_| format!("traces.headers: {name:?} is no name of a header"))?;
        // A value is a secret for the most part: it is not repeated.
        let value =
            HeaderValue::try_from(value).map_err(|_| format!("traces.headers: {name} can't have this value"))?;
        headers.insert(key, value);
    }
    let options = Options { endpoint, headers, version: env!("CARGO_PKG_VERSION") };
    let (sink, exporter) = Exporter::new(options);
    let traces = platform::Traces {
        sink,
        counts: exporter.counts().clone(),
        sample: traces.sample.map_or(1.0, |share| share.0),
        follow_parents: traces.follow_parents.unwrap_or(false),
        propagate: traces.propagate.unwrap_or(false),
    };
    Ok(Some((traces, exporter)))
}

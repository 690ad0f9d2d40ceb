//! Which events a watcher wants to see: the filters that `wrangler tail` sends.

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filters {
    #[serde(default)]
    filters: Vec<Filter>,
}

/// One of them; an event must pass all.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Filter {
    /// The share of events that is shown, from 0 to 1.
    SamplingRate {
        sampling_rate: f64,
    },
    Outcome {
        outcome: Vec<String>,
    },
    Method {
        method: Vec<String>,
    },
    Header {
        header: HeaderFilter,
    },
    ClientIp {
        client_ip: Vec<String>,
    },
    /// A text that a line of the event's console has.
    Query {
        query: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct HeaderFilter {
    key: String,
    query: Option<String>,
}

// === impl Filters ===

impl Filters {
    pub(crate) fn let_through(&self, event: &Value) -> bool {
        self.filters.iter().all(|filter| filter.lets_through(event))
    }
}

// === impl Filter ===

impl Filter {
    fn lets_through(&self, event: &Value) -> bool {
        let headers = &event["event"]["request"]["headers"];
        let among = |wanted: &[String], value: &Value| {
            value.as_str().is_some_and(|value| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value)))
        };
        match self {
            Self::SamplingRate { sampling_rate } => fastrand::f64() < *sampling_rate,
            Self::Outcome { outcome } => among(outcome, &event["outcome"]),
            Self::Method { method } => among(method, &event["event"]["request"]["method"]),
            Self::Header { header } => {
                let value = headers[header.key.to_ascii_lowercase()].as_str();
                value.is_some_and(|value| header.query.as_deref().is_none_or(|query| value.contains(query)))
            }
            Self::ClientIp { client_ip } => among(client_ip, &headers["cf-connecting-ip"]),
            Self::Query { query } => {
                let logs = event["logs"].as_array().into_iter().flatten();
                logs.into_iter().any(|log| log["message"].to_string().contains(query.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_passes_all_filters() {
        let event = json!({
            "outcome": "ok",
            "logs": [{ "message": ["hello", { "a": 1 }] }],
            "event": { "request": { "method": "GET", "headers": { "x-a": "yes", "cf-connecting-ip": "192.0.2.1" } } },
        });
        let cases = [
            (json!([]), true),
            (json!([{ "sampling_rate": 1 }]), true),
            (json!([{ "sampling_rate": 0 }]), false),
            (json!([{ "outcome": ["ok", "canceled"] }, { "method": ["get"] }]), true),
            (json!([{ "outcome": ["exception"] }]), false),
            (json!([{ "method": ["POST"] }]), false),
            (json!([{ "header": { "key": "X-A" } }]), true),
            (json!([{ "header": { "key": "X-A", "query": "no" } }]), false),
            (json!([{ "client_ip": ["192.0.2.1"] }]), true),
            (json!([{ "client_ip": ["self"] }]), false),
            (json!([{ "query": "hello" }]), true),
            (json!([{ "query": "bye" }]), false),
        ];
        for (filters, expected) in cases {
            let parsed: Filters = serde_json::from_value(json!({ "filters": filters })).unwrap();
            assert_eq!(parsed.let_through(&event), expected, "{filters}");
        }
    }
}

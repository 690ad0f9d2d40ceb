//! The request of OTLP/HTTP in its JSON form (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): ids are hexadecimal,
//! 64-bit integers are texts, enums are numbers.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use isolate::{Fact, Span, SpanKind, SpanSource};
use serde_json::{Value, json};

/// `ExportTraceServiceRequest`: spans by whose they are.
pub(crate) fn request(spans: &[Span], version: &str) -> Vec<u8> {
    let mut sources: Vec<(&SpanSource, Vec<Value>)> = Vec::new();
    for each in spans {
        let known = sources.iter_mut().find(|(source, _)| Arc::ptr_eq(source, &each.source));
        match known {
            Some((_, spans)) => spans.push(span(each)),
            None => sources.push((&each.source, vec![span(each)])),
        }
    }
    let scope = json!({ "name": "skerry", "version": version });
    let resource = |(source, spans): (&SpanSource, Vec<Value>)| {
        json!({
            "resource": { "attributes": attributes(source) },
            "scopeSpans": [{ "scope": scope, "spans": spans }],
        })
    };
    let request = json!({ "resourceSpans": sources.into_iter().map(resource).collect::<Vec<Value>>() });
    request.to_string().into_bytes()
}

/// How many spans were rejected, as an `ExportTraceServiceResponse` says it.
pub(crate) fn rejected(answer: &[u8]) -> u64 {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return 0 };
    let rejected = &answer["partialSuccess"]["rejectedSpans"];
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or_default()
}

fn span(span: &Span) -> Value {
    let mut json = json!({
        "traceId": format!("{:032x}", span.trace.0),
        "spanId": format!("{:016x}", span.id.0),
        "name": span.name,
        "kind": match span.kind {
            SpanKind::Server => 2,
            SpanKind::Client => 3,
        },
        "startTimeUnixNano": nanos(span.began),
        "endTimeUnixNano": nanos(span.ended),
        "attributes": attributes(&span.facts),
        "status": if span.failed { json!({ "code": 2 }) } else { json!({}) },
    });
    if let Some(parent) = span.parent {
        json["parentSpanId"] = format!("{:016x}", parent.0).into();
    }
    json
}

fn attributes(facts: &[(&'static str, Fact)]) -> Value {
    let attribute = |(name, fact): &(&'static str, Fact)| {
        let value = match fact {
            Fact::Text(text) => json!({ "stringValue": text }),
            Fact::Integer(number) => json!({ "intValue": number.to_string() }),
            Fact::Decimal(number) => json!({ "doubleValue": number }),
            Fact::Flag(flag) => json!({ "boolValue": flag }),
        };
        json!({ "key": name, "value": value })
    };
    facts.iter().map(attribute).collect()
}

fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use isolate::{SpanId, TraceId};

    use super::*;

    #[test]
    fn a_request_is_as_the_protocol_has_it() {
        let began = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001);
        let one: SpanSource = Arc::from([("service.name", Fact::from("hello"))]);
        let other: SpanSource = Arc::from([("service.name", Fact::from("other"))]);
        let root = Span {
            source: one.clone(),
            trace: TraceId(0xabc),
            id: SpanId(1),
            parent: None,
            name: "fetch".into(),
            kind: SpanKind::Server,
            began,
            ended: began + Duration::from_micros(5),
            facts: vec![("status", 200_i64.into()), ("ratio", 0.5.into()), ("cold", true.into())],
            failed: false,
        };
        let child = Span {
            id: SpanId(2),
            parent: Some(SpanId(1)),
            kind: SpanKind::Client,
            failed: true,
            facts: Vec::new(),
            ..root.clone()
        };
        let elsewhere = Span { source: other, ..child.clone() };
        let json: Value = serde_json::from_slice(&request(&[root, elsewhere, child], "9.9")).unwrap();
        let first = &json["resourceSpans"][0];
        assert_eq!(first["resource"]["attributes"][0]["value"]["stringValue"], "hello");
        assert_eq!(first["scopeSpans"][0]["scope"], json!({ "name": "skerry", "version": "9.9" }));
        let spans = first["scopeSpans"][0]["spans"].as_array().unwrap();
        assert_eq!(spans.len(), 2);
        assert_eq!(
            spans[0],
            json!({
                "traceId": "00000000000000000000000000000abc",
                "spanId": "0000000000000001",
                "name": "fetch",
                "kind": 2,
                "startTimeUnixNano": "1700000000000000001",
                "endTimeUnixNano": "1700000000000005001",
                "attributes": [
                    { "key": "status", "value": { "intValue": "200" } },
                    { "key": "ratio", "value": { "doubleValue": 0.5 } },
                    { "key": "cold", "value": { "boolValue": true } },
                ],
                "status": {},
            })
        );
        assert_eq!((&spans[1]["parentSpanId"], &spans[1]["status"]["code"]), (&json!("0000000000000001"), &json!(2)));
        assert_eq!(json["resourceSpans"][1]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn what_is_rejected_is_read() {
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"3"}}"#), 3);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":2}}"#), 2);
        assert_eq!((rejected(b"{}"), rejected(b""), rejected(b"\x00\xff")), (0, 0, 0));
    }
}

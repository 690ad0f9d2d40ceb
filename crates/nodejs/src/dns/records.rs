//! Records in the shape that Node's `dns` hands them out in.

use std::net::IpAddr;

use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use serde_json::{Value, json};

/// `{ records, ttls }` with the records of this kind; `None` where there are none.
pub(super) fn of(kind: RecordType, answers: &[Record], allows: impl Fn(IpAddr) -> bool) -> Option<Value> {
    let mut ttls = Vec::new();
    let mut records = Vec::new();
    for answer in answers.iter().filter(|answer| answer.record_type() == kind) {
        let hidden = match &answer.data {
            RData::A(address) => !allows(IpAddr::V4(address.0)),
            RData::AAAA(address) => !allows(IpAddr::V6(address.0)),
            _ => false,
        };
        if hidden {
            continue;
        }
        if let Some(record) = record(&answer.data) {
            records.push(record);
            ttls.push(answer.ttl);
        }
    }
    if records.is_empty() {
        return None;
    }
    // There is one of these.
    let records = if kind == RecordType::SOA { records.swap_remove(0) } else { Value::Array(records) };
    Some(json!({ "records": records, "ttls": ttls }))
}

fn record(data: &RData) -> Option<Value> {
    Some(match data {
        RData::A(address) => json!(address.0.to_string()),
        RData::AAAA(address) => json!(address.0.to_string()),
        RData::CNAME(name) => json!(bare(&name.0)),
        RData::NS(name) => json!(bare(&name.0)),
        RData::PTR(name) => json!(bare(&name.0)),
        RData::MX(mx) => json!({ "exchange": bare(&mx.exchange), "priority": mx.preference }),
        RData::TXT(txt) => json!(txt.txt_data.iter().map(|part| text(part)).collect::<Vec<_>>()),
        RData::SRV(srv) => json!({
            "name": bare(&srv.target), "port": srv.port, "priority": srv.priority, "weight": srv.weight,
        }),
        RData::NAPTR(naptr) => json!({
            "flags": text(&naptr.flags), "service": text(&naptr.services), "regexp": text(&naptr.regexp),
            "replacement": bare(&naptr.replacement), "order": naptr.order, "preference": naptr.preference,
        }),
        RData::SOA(soa) => json!({
            "nsname": bare(&soa.mname), "hostmaster": bare(&soa.rname), "serial": soa.serial, "refresh": soa.refresh,
            "retry": soa.retry, "expire": soa.expire, "minttl": soa.minimum,
        }),
        RData::CAA(caa) => {
            json!({ "critical": if caa.issuer_critical { 128 } else { 0 }, caa.tag.clone(): text(&caa.value) })
        }
        _ => return None,
    })
}

/// Without the dot at its end.
fn bare(name: &Name) -> String {
    let name = name.to_utf8();
    name.strip_suffix('.').map_or(name.clone(), str::to_owned)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

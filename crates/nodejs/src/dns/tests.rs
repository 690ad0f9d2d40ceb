use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ProtocolConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::rdata::{A, CAA, CNAME, MX, NAPTR, SOA, SRV, TXT};
use hickory_resolver::proto::rr::{RData, Record};
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use super::*;

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

/// A name server on a port of this machine's.
async fn serve() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let question = Message::from_vec(&packet[..length]).unwrap();
            let asked = question.queries[0].clone();
            let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
            answer.metadata.recursion_available = true;
            for data in data(&asked.name().to_utf8(), asked.query_type()) {
                answer.add_answer(Record::from_rdata(asked.name().clone(), 60, data));
            }
            if asked.name().to_utf8().starts_with("none") {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            if asked.name().to_utf8().starts_with("broken") {
                answer.metadata.response_code = ResponseCode::ServFail;
            }
            answer.add_query(asked);
            socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        }
    });
    address
}

fn data(asked: &str, kind: RecordType) -> Vec<RData> {
    if !asked.starts_with("example") && !asked.ends_with("arpa.") {
        return Vec::new();
    }
    let address = |text: &str| RData::A(A(text.parse::<Ipv4Addr>().unwrap()));
    match kind {
        RecordType::A => vec![address("10.0.0.1"), address("192.0.2.1")],
        RecordType::CNAME => vec![RData::CNAME(CNAME(name("other.example.")))],
        RecordType::PTR => vec![RData::PTR(hickory_resolver::proto::rr::rdata::PTR(name("host.example.")))],
        RecordType::MX => vec![RData::MX(MX::new(10, name("mail.example.")))],
        RecordType::TXT => vec![RData::TXT(TXT::new(vec!["a".to_owned(), "b c".to_owned()]))],
        RecordType::SRV => vec![RData::SRV(SRV::new(1, 2, 443, name("srv.example.")))],
        RecordType::NAPTR => {
            let part = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
            vec![RData::NAPTR(NAPTR::new(1, 2, part("u"), part("SIP"), part("!.*!x!"), name(".")))]
        }
        RecordType::SOA => vec![RData::SOA(SOA::new(name("ns.example."), name("me.example."), 1, 2, 3, 4, 5))],
        RecordType::CAA => vec![RData::CAA(CAA::new_issue(true, None, Vec::new()))],
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn answers_have_the_shape_that_node_gives_them() {
    let address = serve().await;
    let mut connection = ConnectionConfig::new(ProtocolConfig::Udp);
    connection.port = address.port();
    let server = NameServerConfig::new(address.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap();
    let ask = async |text: &str, kind: RecordType| -> Result<Value, &'static str> {
        let answer =
            resolve(&resolver, absolute(text).unwrap(), kind, |address| address.to_string() != "10.0.0.1").await;
        answer.map(|answer| answer["records"].clone())
    };
    assert_eq!(ask("example.com", RecordType::A).await, Ok(json!(["192.0.2.1"])), "what the policy hides is not told");
    assert_eq!(ask("example.com", RecordType::CNAME).await, Ok(json!(["other.example"])));
    assert_eq!(ask("example.com", RecordType::MX).await, Ok(json!([{ "exchange": "mail.example", "priority": 10 }])));
    assert_eq!(ask("example.com", RecordType::TXT).await, Ok(json!([["a", "b c"]])));
    let srv = json!([{ "name": "srv.example", "port": 443, "priority": 1, "weight": 2 }]);
    assert_eq!(ask("example.com", RecordType::SRV).await, Ok(srv));
    let naptr =
        json!([{ "flags": "u", "service": "SIP", "regexp": "!.*!x!", "replacement": "", "order": 1, "preference": 2 }]);
    assert_eq!(ask("example.com", RecordType::NAPTR).await, Ok(naptr));
    let soa = json!({
        "nsname": "ns.example", "hostmaster": "me.example", "serial": 1, "refresh": 2, "retry": 3, "expire": 4, "minttl": 5,
    });
    assert_eq!(ask("example.com", RecordType::SOA).await, Ok(soa));
    assert_eq!(ask("example.com", RecordType::CAA).await.unwrap()[0]["critical"], 128);
    assert_eq!(ask("1.2.0.192.in-addr.arpa", RecordType::PTR).await, Ok(json!(["host.example"])));
    assert_eq!(ask("none.com", RecordType::A).await, Err("ENOTFOUND"));
    assert_eq!(ask("empty.com", RecordType::A).await, Err("ENODATA"));
    assert_eq!(ask("broken.com", RecordType::A).await, Err("ESERVFAIL"));
    assert!(absolute(&"a.".repeat(200)).is_none() && absolute("a..b").is_none());
}

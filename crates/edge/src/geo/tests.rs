use std::collections::BTreeMap;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use super::*;

/// Data of a MaxMind database (maxmind.github.io/MaxMind-DB, "Data Field Format").
enum Field {
    Map(Vec<(&'static str, Field)>),
    Array(Vec<Field>),
    Text(&'static str),
    Double(f64),
    Float(f32),
    U16(u16),
    U32(u32),
    U64(u64),
    Bool(bool),
}

impl Field {
    fn write(&self, out: &mut Vec<u8>) {
        let control = |out: &mut Vec<u8>, kind: u8, size: usize| {
            let extended = kind > 7;
            let high = if extended { 0 } else { kind << 5 };
            match size {
                0..29 => out.push(high | size as u8),
                _ => out.push(high | 29),
            }
            if extended {
                out.push(kind - 7);
            }
            if size >= 29 {
                out.push((size - 29) as u8);
            }
        };
        match self {
            Field::Map(entries) => {
                control(out, 7, entries.len());
                for (key, value) in entries {
                    Field::Text(key).write(out);
                    value.write(out);
                }
            }
            Field::Array(items) => {
                control(out, 11, items.len());
                items.iter().for_each(|item| item.write(out));
            }
            Field::Text(text) => {
                control(out, 2, text.len());
                out.extend_from_slice(text.as_bytes());
            }
            Field::Double(value) => {
                control(out, 3, 8);
                out.extend_from_slice(&value.to_be_bytes());
            }
            Field::Float(value) => {
                control(out, 15, 4);
                out.extend_from_slice(&value.to_be_bytes());
            }
            Field::U16(value) => {
                control(out, 5, 2);
                out.extend_from_slice(&value.to_be_bytes());
            }
            Field::U32(value) => {
                control(out, 6, 4);
                out.extend_from_slice(&value.to_be_bytes());
            }
            Field::U64(value) => {
                control(out, 9, 8);
                out.extend_from_slice(&value.to_be_bytes());
            }
            Field::Bool(value) => control(out, 14, usize::from(*value)),
        }
    }
}

/// A whole database: a binary tree over IPv6 (IPv4 stands at ::/96) of 32-bit records, then the data.
fn database(kind: &'static str, networks: Vec<(&str, u8, Field)>) -> Vec<u8> {
    const EMPTY: u32 = u32::MAX;
    let mut nodes = vec![[EMPTY; 2]];
    let mut data = Vec::new();
    let mut leaves = BTreeMap::new();
    for (address, prefix, field) in networks {
        let (bits, prefix) = match address.parse::<IpAddr>().expect("an address") {
            IpAddr::V4(v4) => (u128::from(u32::from(v4)), 96 + prefix),
            IpAddr::V6(v6) => (u128::from(v6), prefix),
        };
        let side = |depth: u8| (bits >> (127 - depth) & 1) as usize;
        let mut node = 0;
        for depth in 0..prefix - 1 {
            if nodes[node][side(depth)] == EMPTY {
                nodes.push([EMPTY; 2]);
                nodes[node][side(depth)] = nodes.len() as u32 - 1;
            }
            node = nodes[node][side(depth)] as usize;
        }
        leaves.insert((node, side(prefix - 1)), data.len() as u32);
        field.write(&mut data);
    }
    let count = nodes.len() as u32;
    let mut file = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        for (side, child) in node.iter().enumerate() {
            let record = match (leaves.get(&(index, side)), *child) {
                (Some(offset), _) => count + 16 + offset,
                (None, EMPTY) => count,
                (None, next) => next,
            };
            file.extend_from_slice(&record.to_be_bytes());
        }
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    Field::Map(vec![
        ("binary_format_major_version", Field::U16(2)),
        ("binary_format_minor_version", Field::U16(0)),
        ("build_epoch", Field::U64(1_700_000_000)),
        ("database_type", Field::Text(kind)),
        ("description", Field::Map(vec![("en", Field::Text("for a test"))])),
        ("ip_version", Field::U16(6)),
        ("languages", Field::Array(vec![Field::Text("en")])),
        ("node_count", Field::U32(count)),
        ("record_size", Field::U16(32)),
    ])
    .write(&mut file);
    file
}

fn named(name: &'static str) -> Field {
    Field::Map(vec![("names", Field::Map(vec![("en", Field::Text(name)), ("ja", Field::Text("別名"))]))])
}

fn city() -> Vec<u8> {
    let nagoya = Field::Map(vec![
        ("city", named("Nagoya")),
        ("continent", Field::Map(vec![("code", Field::Text("AS")), ("names", Field::Map(vec![]))])),
        ("country", Field::Map(vec![("iso_code", Field::Text("JP")), ("geoname_id", Field::U32(1_861_060))])),
        (
            "location",
            Field::Map(vec![
                ("latitude", Field::Double(35.1815)),
                ("longitude", Field::Double(136.9066)),
                ("time_zone", Field::Text("Asia/Tokyo")),
                ("accuracy_radius", Field::U16(20)),
            ]),
        ),
        ("postal", Field::Map(vec![("code", Field::Text("460-0001"))])),
        (
            "subdivisions",
            Field::Array(vec![Field::Map(vec![
                ("iso_code", Field::Text("23")),
                ("names", Field::Map(vec![("en", Field::Text("Aichi"))])),
            ])]),
        ),
    ]);
    let paris = Field::Map(vec![
        ("country", Field::Map(vec![("iso_code", Field::Text("FR")), ("is_in_european_union", Field::Bool(true))])),
        (
            "location",
            Field::Map(vec![
                ("latitude", Field::Double(48.9)),
                ("longitude", Field::Float(2.3)),
                ("metro_code", Field::U32(819)),
            ]),
        ),
    ]);
    database("GeoLite2-City", vec![("133.5.0.0", 16, nagoya), ("2a01:e00::", 26, paris)])
}

fn asn() -> Vec<u8> {
    let nagoya = Field::Map(vec![
        ("autonomous_system_number", Field::U16(2518)),
        ("autonomous_system_organization", Field::Text("BIGLOBE Inc.")),
    ]);
    database("GeoLite2-ASN", vec![("133.0.0.0", 8, nagoya)])
}

/// The files, in a folder of this test's own.
fn files(name: &str) -> (PathBuf, [PathBuf; 2]) {
    let folder = std::env::temp_dir().join(format!("skerry-geo-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let paths = [folder.join("city.mmdb"), folder.join("asn.mmdb")];
    std::fs::write(&paths[0], city()).expect("written");
    std::fs::write(&paths[1], asn()).expect("written");
    (folder, paths)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn databases_are_merged_and_the_nearest_colo_is_theirs() {
    let (folder, paths) = files("merged");
    let geo = Geo::new(Some("fra"), &paths).expect("databases");
    let there = geo.locate(ip("133.5.6.7"));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    assert_eq!(
        [
            &there.city,
            &there.country,
            &there.continent,
            &there.region,
            &there.region_code,
            &there.postal_code,
            &there.timezone
        ]
        .map(text),
        ["Nagoya", "JP", "AS", "Aichi", "23", "460-0001", "Asia/Tokyo"]
    );
    assert_eq!((there.asn, there.organization.as_deref(), there.in_eu), (Some(2518), Some("BIGLOBE Inc."), false));
    assert_eq!(&*there.colo, "ITM", "Nagoya is nearer to Osaka than to Tokyo");

    let paris = geo.locate(ip("2a01:e01::1"));
    assert_eq!((paris.country.as_deref(), paris.in_eu, &*paris.colo), (Some("FR"), true, "CDG"));
    assert_eq!((paris.city, paris.asn, paris.metro_code.as_deref()), (None, None, Some("819")));

    // Only the ASN database knows this one: it reaches this server.
    let half = geo.locate(ip("133.200.0.1"));
    assert_eq!((half.asn, half.country, &*half.colo), (Some(2518), None, "FRA"));
    let nobody = geo.locate(ip("8.8.8.8"));
    assert_eq!((nobody.country, nobody.asn, &*nobody.colo), (None, None, "FRA"));
    // The machine next door is where the machine is.
    assert_eq!(geo.locate(ip("192.168.1.9")).city.as_deref(), Some("Frankfurt am Main"));
    assert_eq!(geo.locate(Ipv6Addr::LOCALHOST.into()).country.as_deref(), Some("DE"));
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn faults_are_named() {
    let unknown = Geo::new(Some("NRX"), &[]).expect_err("no such colo").to_string();
    assert!(unknown.starts_with("\"NRX\" is no known colo.") && unknown.contains("NRT"), "{unknown}");
    for odd in ["", "é", "12345"] {
        assert!(Geo::new(Some(odd), &[]).is_err());
    }
    let missing = Geo::new(None, &[PathBuf::from("/nowhere/geo.mmdb")]).expect_err("no file").to_string();
    assert!(missing.contains("/nowhere/geo.mmdb"), "{missing}");
    let junk = Geo::new(None, &[Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")]);
    assert!(junk.expect_err("no database").to_string().contains("Cargo.toml"));
    assert_eq!(Geo::new(None, &[]).expect("the default").colo().iata, DEFAULT_COLO);
}

#[test]
fn the_table_of_colos_is_sound() {
    let all = Colo::all();
    assert!(all.len() >= 120, "{}", all.len());
    let codes: HashSet<_> = all.iter().map(|colo| colo.iata).collect();
    assert_eq!(codes.len(), all.len(), "a code twice");
    for colo in all {
        let upper = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
        assert!(colo.iata.len() == 3 && upper(colo.iata), "{}", colo.iata);
        assert!(colo.country.len() == 2 && upper(colo.country), "{}", colo.iata);
        assert!(["AF", "AS", "EU", "NA", "OC", "SA"].contains(&colo.continent), "{}", colo.iata);
        assert!(colo.latitude.abs() < 72.0 && colo.longitude.abs() <= 180.0, "{}", colo.iata);
        assert!(colo.timezone.contains('/') && colo.asn > 0, "{}", colo.iata);
        assert_eq!(Colo::nearest(colo.latitude, colo.longitude).iata, colo.iata);
    }
    assert_eq!(Colo::nearest(-17.7, 178.0).iata, "NOU", "Fiji, across no date line");
    assert_eq!(Colo::nearest(52.0, -179.0).iata, "NRT", "the Aleutians are nearer to Japan, across the date line");
}

#[test]
fn requests_choose_among_the_locations() {
    let geo = |colos: &[&str]| {
        let colos: Vec<_> = colos.iter().map(|colo| (*colo).to_owned()).collect();
        Geo::new(colos.first().map(String::as_str), &[]).and_then(|geo| geo.with_choices(&colos))
    };
    let three = geo(&["NRT", "gru", "IAD"]).expect("known colos");
    let choose = |geo: &Geo, host: &str, header: Option<&str>| {
        let mut request = http::Request::get("/").header("host", host);
        if let Some(header) = header {
            request = request.header("x-skerry-colo", header);
        }
        match geo.choose(&request.body(()).expect("a request")) {
            Choice::Here => "here".to_owned(),
            Choice::At(colo) => colo.iata.to_owned(),
            Choice::Nowhere(named) => format!("no {named:?}"),
        }
    };
    assert_eq!(choose(&three, "127.0.0.1:8787", None), "here");
    assert_eq!(choose(&three, "api.localhost:8787", None), "here");
    assert_eq!(choose(&three, "gru.api.localhost:8787", None), "GRU");
    assert_eq!(choose(&three, "gru.api.localhost", Some("iad")), "IAD");
    assert_eq!(choose(&three, "lhr.api.localhost", None), "no \"lhr\"");
    assert_eq!(choose(&three, "www.gru.example", None), "here");
    assert_eq!(choose(&three, "127.0.0.1", Some("")), "no \"\"");
    // Without a choice nobody chooses.
    let one = Geo::new(None, &[]).expect("the default");
    assert_eq!(choose(&one, "gru.api.localhost", Some("GRU")), "here");

    let there = three.locate_at(ip("127.0.0.1"), Colo::find("GRU").expect("a colo"));
    assert_eq!((&*there.colo, there.country.as_deref()), ("GRU", Some("BR")));
    assert_eq!(three.locate(ip("127.0.0.1")).country.as_deref(), Some("JP"));
    assert!(geo(&["NRT", "XXX"]).is_err());
}

use std::path::PathBuf;
use std::time::Duration;

use super::*;

fn parse(text: &str) -> Result<ServerConfig, String> {
    let source = Source { path: PathBuf::from("skerry.toml"), text: text.into(), format: Format::Toml };
    ServerConfig::parse(&source, Path::new("/etc/skerry")).map_err(|error| error.to_string())
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(parse("").unwrap(), ServerConfig::below(Path::new("/etc/skerry")));
}

#[test]
fn every_key_is_read() {
    let text = r#"
        data = "/var/lib/skerry"
        base_domain = "Workers.Example.com"
        isolates = 20
        isolate_accounts = true
        sandbox = "required"
        memory_mb = 4000

        [http]
        listen = "0.0.0.0:80"

        [https]
        listen = "[::]:443"
        certificate = "tls/cert.pem"
        key = "/tls/key.pem"
        http3 = true

        [api]
        listen = "127.0.0.1:9000"

        [metrics]
        listen = "127.0.0.1:9090"

        [s3]
        listen = "0.0.0.0:9001"
        domain = "r2.example.com"

        [traces]
        endpoint = "http://127.0.0.1:4318/"
        sample = 0.25
        headers = { authorization = "Bearer x" }
        propagate = true

        [[zones]]
        name = "Example.com"
        origin = "http://10.0.0.5:8080"

        [geo]
        colo = "FRA"
        database = "geo.mmdb"

        [outbound]
        allow_private = true

        [[outbound.allow]]
        account = "Main"
        networks = ["10.1.0.0/16", "fd00::1"]

        [plans.small]
        cpu_ms = 5
        max_cpu_ms = 50
        memory_mb = 64
        subrequests = 10
        script_mb = 1
        asset_files = 20
        scripts = 3
    "#;
    let config = parse(text).unwrap();
    assert_eq!(config.data, PathBuf::from("/var/lib/skerry"));
    assert_eq!(config.base_domain, "workers.example.com");
    assert_eq!(config.http, "0.0.0.0:80".parse().unwrap());
    assert_eq!(config.metrics, Some("127.0.0.1:9090".parse().unwrap()));
    let s3 = config.s3.unwrap();
    assert_eq!((s3.listen.0, s3.domain.unwrap().0.as_str()), ("0.0.0.0:9001".parse().unwrap(), "r2.example.com"));
    let traces = config.traces.unwrap();
    assert_eq!((traces.endpoint.0.as_str(), traces.sample), ("http://127.0.0.1:4318", Some(Share(0.25))));
    assert_eq!(
        (&*traces.headers["authorization"], traces.follow_parents, traces.propagate),
        ("Bearer x", None, Some(true))
    );
    assert_eq!(config.zones[0].name.0, "example.com");
    assert_eq!(config.zones[0].origin.as_ref().unwrap().0.as_str(), "http://10.0.0.5:8080/");
    let https = config.https.unwrap();
    assert_eq!(https.listen.0, "[::]:443".parse().unwrap());
    assert_eq!(https.certificate, Some(PathBuf::from("/etc/skerry/tls/cert.pem")));
    assert_eq!(https.key, Some(PathBuf::from("/tls/key.pem")));
    assert_eq!(https.http3, Some(true));
    assert_eq!(config.api, "127.0.0.1:9000".parse().unwrap());
    assert_eq!(config.geo, Geo { colo: Some("FRA".into()), database: Some("/etc/skerry/geo.mmdb".into()) });
    assert_eq!(config.sandbox, Sandbox::Required);
    assert_eq!((config.isolates, config.memory), (Some(20), Some(4000 << 20)));
    assert!(config.isolate_accounts);
    assert_eq!(config.outbound.allow_private, Some(true));
    let networks = ["10.1.0.0/16", "fd00::1/128"].map(|text| Network(text.parse().unwrap()));
    assert_eq!(config.outbound.allow[0].networks, networks);
    let plan = &config.plans["small"];
    assert_eq!((plan.cpu_ms.unwrap().0, plan.memory_mb.unwrap().0), (Duration::from_millis(5), 64 << 20));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        ("bas_domain = \"x\"", "skerry.toml:1", "did you mean `base_domain`?"),
        ("\n[http]\nlisten = \"80\"", "skerry.toml:3", "should be an address with a port"),
        ("[[outbound.allow]]\nnetworks = [\"10.1\"]", "skerry.toml:2", "should be an address or a network"),
        ("[[zones]]\nname = \"a.b\"\norigin = \"10.0.0.1\"", "skerry.toml:3", "a server's URL without a path"),
        ("base_domain = \"a b\"", "skerry.toml:1", "should be a domain name"),
        (
            "[https]\nlisten = \"[::]:443\"",
            "skerry.toml:1",
            "there is no certificate: add `certificate` and `key`, or [https.acme]",
        ),
        (
            "[https]\nlisten = \"[::]:443\"\n[https.acme]\nterms_of_service_agreed = false",
            "skerry.toml:4",
            "without it no certificate may be ordered",
        ),
        ("[traces]\nendpoint = \"127.0.0.1:4318\"", "skerry.toml:2", "should be an address of http or https"),
        ("[traces]\nendpoint = \"http://a\"\nsample = 2", "skerry.toml:3", "should be from 0 to 1"),
        ("[plans.x]\ncpu_ms = 0", "skerry.toml:2", "from 1 to 300000"),
    ];
    for (text, place, message) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.contains(place) && error.contains(message), "{text}: {error}");
    }
}

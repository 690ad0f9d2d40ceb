use super::*;

fn router(routes: &[(&str, Option<&str>)]) -> Router {
    let routed = |(pattern, tag): &(&str, Option<&str>)| Routed {
        pattern: pattern.parse().unwrap(),
        zone: Zone::new("example.com", ""),
        tag: tag.map(Arc::from),
    };
    let mut routes: Vec<Routed> = routes.iter().map(routed).collect();
    routes.sort_by_key(|route| route.pattern.rank());
    let own = |tag: &str, enabled, previews| Own { tag: tag.into(), enabled, previews, zone: "example.dev".into() };
    let hosts = HashMap::from([
        ("hello.example.dev".to_owned(), own("hello", true, true)),
        ("hidden.example.dev".to_owned(), own("hidden", false, false)),
    ]);
    let custom_domains = HashMap::from([("shop.example.com".to_owned(), "shop".into())]);
    Router { base: ".example.dev".into(), hosts, custom_domains, names: HashMap::new(), routes, zones: Vec::new() }
}

fn found(router: &Router, url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    router.find(scheme == "https", host, path).map(|found| match found.target {
        Target::Origin(_) => "origin".to_owned(),
        Target::Worker(tag) => tag.to_string(),
        Target::Preview { script, version } => format!("{script}@{version}"),
    })
}

#[test]
fn the_most_specific_route_answers() {
    let router = router(&[
        ("*example.com/*", Some("wide")),
        ("example.com/*", Some("apex")),
        ("*.example.com/*", Some("sub")),
        ("example.com/images/*", Some("images")),
        ("example.com/images/one.png", Some("one")),
        ("example.com/none/*", None),
        ("https://secure.example.com/", Some("secure")),
    ]);
    let cases = [
        ("http://example.com/", Some("apex")),
        ("http://example.com/x?q=/images/", Some("apex")),
        ("http://example.com/images/two.png", Some("images")),
        ("http://example.com/images/one.png?x=1", Some("one")),
        ("http://example.com/none/x", None),
        ("http://www.example.com/", Some("sub")),
        ("http://notexample.com/", None),
        ("https://secure.example.com/", Some("secure")),
        ("http://secure.example.com/", Some("sub")),
        ("http://WWW.Example.COM./", Some("sub")),
        ("http://example.org/", None),
    ];
    for (url, expected) in cases {
        assert_eq!(found(&router, url).as_deref(), expected, "{url}");
    }
}

#[test]
fn own_hosts_answer_where_they_are_enabled() {
    let router = router(&[]);
    let cases = [
        ("http://hello.example.dev/", Some("hello")),
        ("http://hidden.example.dev/", None),
        ("http://0a1b2c3d-hello.example.dev/", Some("hello@0a1b2c3d")),
        ("http://0a1b2c3d-hidden.example.dev/", None),
        ("http://nothex00-hello.example.dev/", None),
        ("http://shop.example.com/any", Some("shop")),
        ("http://hello.example.dev.evil.com/", None),
        ("http://evilhello.example.dev/", None),
        ("http://example.dev/", None),
        ("http://127.0.0.1/", None),
        ("http://[::1]/", None),
    ];
    for (url, expected) in cases {
        assert_eq!(found(&router, url).as_deref(), expected, "{url}");
    }
}

#[test]
fn patterns_are_checked() {
    for wrong in ["", "*/x", "/x", "ex*mple.com/", "example.com/*/x", "example.com/?x", "ftp://example.com/", "a b/"] {
        assert!(check_pattern(wrong).is_err(), "{wrong}");
    }
    for right in ["example.com", "example.com/*", "*.example.com/x*", "https://*example.com/"] {
        assert_eq!(check_pattern(right), Ok(()), "{right}");
    }
}

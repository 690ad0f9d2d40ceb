//! The parser and setters where they are easily got wrong; the web-platform-tests cover the rest.

use super::parse::parse;
use super::set::Component;

fn href(input: &str, base: Option<&str>) -> Option<String> {
    let base = base.map(|base| parse(base, None).expect("a base URL"));
    parse(input, base.as_ref()).map(|url| url.serialize().0)
}

#[test]
fn parses() {
    let cases = [
        ("  HTTP://Ex\tample.COM:080/a/./b/%2e%2E/c?q'#f`", None, Some("http://example.com/a/c?q%27#f%60")),
        ("https:example.org", None, Some("https://example.org/")),
        ("https:example.org", Some("https://a/b/c"), Some("https://a/b/example.org")),
        ("///test", Some("http://example.org/"), Some("http://test/")),
        ("../../x?", Some("http://a/b/c"), Some("http://a/x?")),
        ("#f", Some("mailto:a@b"), Some("mailto:a@b#f")),
        ("x", Some("mailto:a@b"), None),
        ("http://u@x:p@h/", None, Some("http://u%40x:p@h/")),
        ("http://@/", None, None),
        ("http://h:65536/", None, None),
        ("http://h:443:1/", None, None),
        ("http://ß.example/β?β#β", None, Some("http://xn--zca.example/%CE%B2?%CE%B2#%CE%B2")),
        ("http://0x7f.1/", None, Some("http://127.0.0.1/")),
        ("http://1.2.3.4.5/", None, None),
        ("http://09.1/", None, None),
        ("http://[1:0:0:2::ffff:1.2.3.4]/", None, Some("http://[1::2:0:ffff:102:304]/")),
        ("http://[::1", None, None),
        ("foo://h\\x/", None, None),
        ("foo:/.//p", None, Some("foo:/.//p")),
        ("data:x  #f", None, Some("data:x %20#f")),
        ("C|/x", Some("file://host/D:/y"), Some("file://host/C:/x")),
        ("file:\\\\//", None, Some("file:////")),
    ];
    for (input, base, expected) in cases {
        assert_eq!(href(input, base).as_deref(), expected, "{input:?} against {base:?}");
    }
}

#[test]
fn sets() {
    use Component::*;
    let cases = [
        ("http://h/", Protocol, "https:x", "https://h/"),
        ("http://h/", Protocol, "foo", "http://h/"),
        ("http://h:443/", Protocol, "https", "https://h/"),
        ("http://h/", Username, "a:b", "http://a%3Ab@h/"),
        ("file:///x", Password, "p", "file:///x"),
        ("http://h/p", Host, "x:8080/y", "http://x:8080/p"),
        ("http://h/p", Host, "x:65536", "http://x/p"),
        ("http://h/p", Hostname, "x:8080", "http://h/p"),
        ("http://h/p", Port, "90a", "http://h:90/p"),
        ("http://h/p", Port, "x", "http://h/p"),
        ("http://h/p", Pathname, "a?b#c", "http://h/a%3Fb%23c"),
        ("foo:///p", Pathname, "", "foo://"),
        ("non-spec:/.//p", Hostname, "h", "non-spec://h//p"),
        ("http://h/?a", Search, "", "http://h/"),
        ("http://h/", Search, "?a'#", "http://h/?a%27%23"),
        ("http://h/", Hash, "#a b", "http://h/#a%20b"),
    ];
    for (before, component, value, expected) in cases {
        let mut url = parse(before, None).expect("a URL");
        let _ = url.set(component, value);
        assert_eq!(url.serialize().0, expected, "{before} with {value:?}");
    }
}

#[test]
fn offsets_are_where_the_parts_begin() {
    let (href, offsets) = parse("https://u:p@h:8080/a?b#c", None).expect("a URL").serialize();
    let [scheme, username, host, host_end, path, query, fragment] = offsets.map(|offset| offset as usize);
    assert_eq!(&href[..scheme], "https");
    assert_eq!(&href[scheme + 3..username], "u");
    assert_eq!(&href[host..host_end], "h");
    assert_eq!(&href[path..query], "/a");
    assert_eq!(&href[query..fragment], "?b");
    assert_eq!(&href[fragment..], "#c");
}

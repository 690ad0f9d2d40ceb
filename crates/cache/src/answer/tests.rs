use super::*;
use crate::policy::Lifetime;

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&str, &str)| (HeaderName::try_from(*name).expect("name"), value.parse().expect("value"));
    headers.iter().map(pair).collect()
}

fn ask(stored: &[(&str, &str)], request: &[(&str, &str)]) -> Answer {
    let lifetime = Lifetime { from: 1000, fresh: 60_000, while_revalidate: 0, if_error: 0, always_revalidate: false };
    let head = Head::new(200, None, &map(stored), &HeaderMap::new(), lifetime);
    answer(&head, 10, &map(request), "HIT", 6500)
}

#[test]
fn ranges_are_cut_from_what_has_a_length() {
    let sized = [("content-length", "10"), ("etag", "\"a\"")];
    for (range, status, body, content_range) in [
        ("bytes=2-4", 206, Some((2, 3)), Some("bytes 2-4/10")),
        ("bytes=7-", 206, Some((7, 3)), Some("bytes 7-9/10")),
        ("bytes=-4", 206, Some((6, 4)), Some("bytes 6-9/10")),
        ("bytes=-99", 206, Some((0, 10)), Some("bytes 0-9/10")),
        ("bytes=0-99", 206, Some((0, 10)), Some("bytes 0-9/10")),
        ("bytes=10-", 416, None, Some("bytes */10")),
        ("bytes=-0", 416, None, Some("bytes */10")),
        ("bytes=4-2", 200, Some((0, 10)), None),
        ("bytes=0-1,3-4", 200, Some((0, 10)), None),
        ("lines=1-2", 200, Some((0, 10)), None),
        ("bytes=x-", 200, Some((0, 10)), None),
    ] {
        let got = ask(&sized, &[("range", range)]);
        let shown = got.headers.get(CONTENT_RANGE).map(|value| value.to_str().expect("text"));
        assert_eq!((got.status, got.body, shown), (status, body, content_range), "{range}");
        assert_eq!(
            (&got.headers["cf-cache-status"], &got.headers["age"]),
            (&"HIT".parse().unwrap(), &"5".parse().unwrap())
        );
    }
    assert_eq!(ask(&[], &[("range", "bytes=0-1")]).status, 200);
    assert_eq!(ask(&sized, &[("range", "bytes=0-1"), ("if-range", "\"b\"")]).status, 200);
    assert_eq!(ask(&sized, &[("range", "bytes=0-1"), ("if-range", "\"a\"")]).status, 206);
}

#[test]
fn conditions_are_met_or_not() {
    let stored = [("etag", "W/\"a\""), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
    for (request, status) in [
        (&[("if-none-match", "\"b\", \"a\"")][..], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"b\""), ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")], 200),
        (&[("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")], 304),
        (&[("if-modified-since", "Sun, 06 Nov 1994 08:49:36 GMT")], 200),
        (&[("if-modified-since", "yesterday")], 200),
    ] {
        assert_eq!(ask(&stored, request).status, status, "{request:?}");
    }
}

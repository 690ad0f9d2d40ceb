use super::*;

const NOW: u64 = 1_750_000_000_000;

fn decide(status: u16, headers: &[(&str, &str)]) -> Result<Lifetime, Refusal> {
    lifetime(status, &mut map(headers), &HeaderMap::new(), &Forced::default(), NOW)
}

fn map(headers: &[(&str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&str, &str)| (HeaderName::try_from(*name).expect("name"), value.parse().expect("value"));
    headers.iter().map(pair).collect()
}

#[test]
fn lifetimes_come_from_the_first_that_says_one() {
    for (status, headers, seconds) in [
        (200, &[("cache-control", "max-age=60, s-maxage=10")][..], 10),
        (200, &[("cache-control", "MAX-AGE=\"60\"")], 60),
        (200, &[("cache-control", "max-age=banana")], 0),
        (200, &[("cache-control", "max-age=-1")], 0),
        (200, &[("cache-control", "max-age=99999999999999999999")], LONGEST),
        (200, &[("cache-control", "max-age=1"), ("cdn-cache-control", "max-age=2")], 2),
        (200, &[("cdn-cache-control", "max-age=2"), ("cloudflare-cdn-cache-control", "max-age=3")], 3),
        (200, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")], 60),
        (200, &[("expires", "0")], 0),
        (500, &[("cache-control", "max-age=5")], 5),
        (200, &[], 7200),
        (302, &[], 1200),
        (404, &[], 180),
    ] {
        let found = decide(status, headers).expect("storable");
        assert_eq!(found.fresh / 1000, seconds, "{headers:?}");
        assert_eq!(found.is_fresh(NOW), seconds > 0, "{headers:?}");
    }
    let aged = decide(200, &[("cache-control", "max-age=60"), ("age", "59")]).expect("storable");
    assert!(aged.is_fresh(NOW) && !aged.is_fresh(NOW + 1000));
    let stale =
        decide(200, &[("cache-control", "max-age=1, stale-while-revalidate=5, stale-if-error=9")]).expect("storable");
    assert!(stale.may_wait(NOW + 5999) && !stale.may_wait(NOW + 6000) && stale.may_replace_error(NOW + 9999));
    let strict = decide(200, &[("cache-control", "max-age=1, stale-while-revalidate=5, must-revalidate")]);
    assert!(!strict.expect("storable").may_wait(NOW + 1000));
}

#[test]
fn what_must_not_be_stored_is_not() {
    for (status, headers, refusal) in [
        (206, &[("cache-control", "max-age=60")][..], Refusal::Status),
        (304, &[("cache-control", "max-age=60")], Refusal::Status),
        (500, &[], Refusal::Status),
        (200, &[("vary", "accept, *")], Refusal::Headers),
        (200, &[("cache-control", "no-store, max-age=60")], Refusal::Headers),
        (200, &[("cache-control", "private, max-age=60")], Refusal::Headers),
        (200, &[("cache-control", "max-age=60"), ("set-cookie", "a=b")], Refusal::SetCookie),
    ] {
        assert_eq!(decide(status, headers), Err(refusal), "{headers:?}");
    }
    let mut headers = map(&[("cache-control", "private=Set-Cookie, max-age=60"), ("set-cookie", "a=b")]);
    lifetime(200, &mut headers, &HeaderMap::new(), &Forced::default(), NOW).expect("storable without the cookie");
    assert!(!headers.contains_key(SET_COOKIE));
    let authorized = map(&[("authorization", "Bearer x")]);
    for (control, stored) in [("max-age=60", false), ("public, max-age=60", true), ("s-maxage=60", true)] {
        let decided = lifetime(200, &mut map(&[("cache-control", control)]), &authorized, &Forced::default(), NOW);
        assert_eq!(decided.is_ok(), stored, "{control}");
    }
    assert!(decide(200, &[("cache-control", "no-cache, max-age=60")]).expect("stored").always_revalidate);
}

#[test]
fn what_the_worker_says_outranks_the_headers() {
    let forced = Forced { ttl: Some(7), by_status: vec![(200, 299, 9), (404, 404, -1)] };
    let mut headers = map(&[("cache-control", "no-store"), ("set-cookie", "a=b")]);
    let found = lifetime(200, &mut headers, &HeaderMap::new(), &forced, NOW).expect("forced");
    assert_eq!((found.fresh, headers.contains_key(SET_COOKIE)), (9000, false));
    assert_eq!(lifetime(500, &mut headers, &HeaderMap::new(), &forced, NOW).expect("forced").fresh, 7000);
    assert_eq!(lifetime(404, &mut headers, &HeaderMap::new(), &forced, NOW), Err(Refusal::Headers));
}

//! Who may talk to the inspector, which can do whatever the Worker can: nobody whom a page in a browser has sent.
//!
//! A page of any site can send requests to loopback. One that had its own name lead there (DNS rebinding) gives itself away by `Host`, one that opens
//! a WebSocket by `Origin`, which browsers always say.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};

/// Cloudflare's own build of DevTools, which `wrangler dev` opens.
const HOSTED: &[&str] = &["https://devtools.devprod.cloudflare.dev", "https://cloudflare-devtools.pages.dev"];

pub fn check(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (host, more) = (hosts.next().and_then(text), hosts.next());
    if more.is_some() || !host.is_some_and(is_local) {
        return Err("The Host of a request to the inspector must be localhost or an IP address.");
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if !origins.all(|origin| text(origin).is_some_and(is_devtools)) {
        return Err("The inspector does not talk to pages of this Origin.");
    }
    Ok(())
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// `localhost` or an IP address, with or without a port.
fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn is_devtools(origin: &str) -> bool {
    origin.starts_with("devtools://") || HOSTED.contains(&origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a host"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("an origin"));
        }
        check(&headers).is_ok()
    }

    #[test]
    fn only_local_names_and_devtools_are_let_in() {
        for host in ["localhost", "LOCALHOST:9229", "127.0.0.1:9229", "[::1]:9229", "192.168.1.2:1"] {
            assert!(verdict(host, None), "{host}");
        }
        for host in
            ["rebound.example", "localhost.rebound.example:9229", "127.0.0.1.nip.io", "a@localhost", "", "local host"]
        {
            assert!(!verdict(host, None), "{host}");
        }
        for origin in ["devtools://devtools", "https://devtools.devprod.cloudflare.dev"] {
            assert!(verdict("localhost:9229", Some(origin)), "{origin}");
        }
        for origin in [
            "https://site.example",
            "http://localhost:8787",
            "http://127.0.0.1",
            "null",
            "https://devtools.devprod.cloudflare.dev.site.example",
        ] {
            assert!(!verdict("localhost:9229", Some(origin)), "{origin}");
        }
        assert!(check(&HeaderMap::new()).is_err(), "without a Host");
    }
}

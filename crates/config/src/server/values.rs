//! What keys of the server's configuration hold: each says what it should be where it is something else.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::read::{Read, Reader, whole_number};
use crate::value::Value;

/// An address with a port: `127.0.0.1:8787`, `[::]:443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

/// `example.com`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(pub String);

/// `true`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed;

/// `https://ca.example.com/directory`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUrl(pub Url);

/// A server: `http://10.0.0.5:8080`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginUrl(pub Url);

/// `10.1.2.3`, `10.1.0.0/16`, `fd00::/8`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

/// The address of a collector that speaks OTLP over HTTP, without `/v1/traces`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(pub String);

/// From 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

/// From 1 to five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Millis(pub Duration);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Megabytes(pub usize);

// === impl Read ===

impl Read for Address {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?;
        let address = text.parse().ok().map(Self);
        if address.is_none() {
            let message = format!(
                "`{}` should be an address with a port, as \"127.0.0.1:8787\" or \"[::]:443\", but is {text:?}",
                reader.here()
            );
            reader.problem(&value.span, message);
        }
        address
    }
}

impl Read for Domain {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?.to_ascii_lowercase();
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if text.len() > 200 || !text.split('.').all(label) {
            let message =
                format!("`{}` should be a domain name, as \"workers.example.com\", but is {text:?}", reader.here());
            reader.problem(&value.span, message);
            return None;
        }
        Some(Self(text))
    }
}

impl Read for Agreed {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let agreed = bool::read(value, reader)?;
        if !agreed {
            let message = format!("`{}` should be true: without it no certificate may be ordered", reader.here());
            reader.problem(&value.span, message);
        }
        agreed.then_some(Self)
    }
}

impl Read for DirectoryUrl {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?;
        let url = Url::parse(&text).ok().filter(|url| url.scheme() == "https");
        if url.is_none() {
            let message = format!("`{}` should be an https URL, but is {text:?}", reader.here());
            reader.problem(&value.span, message);
        }
        url.map(Self)
    }
}

impl Read for OriginUrl {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?;
        let is_server = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        let url = Url::parse(&text).ok().filter(is_server);
        if url.is_none() {
            let message = format!(
                "`{}` should be a server's URL without a path, as \"http://10.0.0.5:8080\", but is {text:?}",
                reader.here()
            );
            reader.problem(&value.span, message);
        }
        url.map(Self)
    }
}

impl Read for Network {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?;
        let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| address.into())).ok();
        if network.is_none() {
            let message = format!(
                "`{}` should be an address or a network, as \"10.1.2.3\" or \"10.1.0.0/16\", but is {text:?}",
                reader.here()
            );
            reader.problem(&value.span, message);
        }
        network.map(Self)
    }
}

impl Read for Endpoint {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?;
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        if !rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', '@'])) {
            let message = format!(
                "`{}` should be an address of http or https without user and query, as \"http://127.0.0.1:4318\", but is {text:?}",
                reader.here()
            );
            reader.problem(&value.span, message);
            return None;
        }
        let base = text.trim_end_matches('/');
        Some(Self(base.strip_suffix("/v1/traces").unwrap_or(base).to_owned()))
    }
}

impl Read for Share {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let share = f64::read(value, reader)?;
        if !(0.0..=1.0).contains(&share) {
            reader.problem(&value.span, format!("`{}` should be from 0 to 1, but is {share}", reader.here()));
            return None;
        }
        Some(Self(share))
    }
}

impl Read for Millis {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        whole_number(value, reader, 1, 300_000).map(|millis| Self(Duration::from_millis(millis)))
    }
}

impl Read for Megabytes {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let megabytes = whole_number(value, reader, 1, 64 * 1024)?;
        usize::try_from(megabytes << 20).ok().map(Self)
    }
}

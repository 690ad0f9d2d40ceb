//! The configuration of `skerry serve`: listeners, the data directory, plans. Every key has a default; see docs/serve.md.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::date::CompatibilityDate;
use crate::error::ConfigError;
use crate::limits::Preset;
use crate::read::{Read, Reader, whole_number};
use crate::schema::record;
use crate::source::{Format, Source};
use crate::value::Value;

#[cfg(test)]
mod tests;

const HTTP: u16 = 8787;
const API: u16 = 8788;

/// What `skerry serve` serves, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// Where everything is kept.
    pub data: PathBuf,
    /// Workers' own hosts end in it: `<worker>.<base domain>`.
    pub base_domain: String,
    pub http: SocketAddr,
    pub https: Option<Https>,
    pub api: SocketAddr,
    /// Where Prometheus finds figures; nowhere unless it is said.
    pub metrics: Option<SocketAddr>,
    /// Where spans of traces go; nowhere unless it is said.
    pub traces: Option<TracesConfig>,
    pub zones: Vec<ZoneConfig>,
    pub geo: Geo,
    pub outbound: Outbound,
    /// So many Workers' isolates are kept while they are idle; what the machine has room for where it is not said.
    pub isolates: Option<u32>,
    /// Those that are named here; `free` and `paid` are there in any case.
    pub plans: BTreeMap<String, PlanConfig>,
}

record! {
    struct ServerFile {
        data: Option<PathBuf>,
        base_domain: Option<Domain>,
        http: Option<Listener>,
        https: Option<Https>,
        api: Option<Listener>,
        metrics: Option<Listener>,
        traces: Option<TracesConfig>,
        zones: Vec<ZoneConfig>,
        geo: Option<Geo>,
        outbound: Option<Outbound>,
        isolates: Option<u32>,
        plans: BTreeMap<String, PlanConfig>,
    }
}

record! {
    struct Listener {
        listen: Address,
    }
}

record! {
    /// The HTTPS listener and its certificate, both PEM files.
    pub struct Https {
        listen: Address,
        certificate: PathBuf,
        key: PathBuf,
    }
}

record! {
    /// A domain that routes and custom domains may be in.
    pub struct ZoneConfig {
        name: Domain,
        /// The account that it belongs to, by id or name; the first one where none is named.
        account: Option<String>,
    }
}

record! {
    /// Where this server is, and how it finds out where its clients are.
    pub struct Geo {
        /// The airport code of this location.
        colo: Option<String>,
        /// A MaxMind database (.mmdb).
        database: Option<PathBuf>,
    }
}

record! {
    /// What Workers may connect to.
    pub struct Outbound {
        /// Loopback, link-local and private addresses too.
        allow_private: Option<bool>,
    }
}

record! {
    /// Traces of events, for an OpenTelemetry collector.
    pub struct TracesConfig {
        endpoint: Endpoint,
        /// The share of events that are followed; all where it is not said.
        sample: Option<Share>,
        /// Headers that the collector wants to see.
        headers: BTreeMap<String, String>,
        /// Whether a request's `traceparent` decides that it is followed, or that it is not.
        follow_parents: Option<bool>,
        /// Whether the servers that Workers ask are sent a `traceparent`.
        propagate: Option<bool>,
    }
}

record! {
    /// A plan's limits; what is not named is as in the plan `paid`.
    pub struct PlanConfig {
        cpu_ms: Option<Millis>,
        max_cpu_ms: Option<Millis>,
        memory_mb: Option<Megabytes>,
        subrequests: Option<u32>,
        script_mb: Option<Megabytes>,
        asset_files: Option<u32>,
        scripts: Option<u32>,
        concurrent_requests: Option<u32>,
        requests_per_second: Option<u32>,
    }
}

/// An address with a port: `127.0.0.1:8787`, `[::]:443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub SocketAddr);

/// `example.com`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(pub String);

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

// === impl ServerConfig ===

impl ServerConfig {
    /// Reads a configuration. Paths in it are below its own folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let source = Source::read(path, Format::Toml)?;
        Self::parse(&source, path.parent().unwrap_or(Path::new(".")))
    }

    fn parse(source: &Source, folder: &Path) -> Result<Self, ConfigError> {
        let tree = source.parse().map_err(ConfigError::invalid)?;
        let mut reader = Reader::new(source, CompatibilityDate::today(), &[]);
        let file = ServerFile::read(&tree, &mut reader);
        let Some(file) = file.filter(|_| reader.problems.is_empty()) else {
            return Err(ConfigError::invalid(reader.problems));
        };
        let defaults = Self::below(folder);
        let below = |path: PathBuf| folder.join(path);
        Ok(Self {
            data: file.data.map_or(defaults.data, below),
            base_domain: file.base_domain.map_or(defaults.base_domain, |domain| domain.0),
            http: file.http.map_or(defaults.http, |http| http.listen.0),
            https: file.https.map(|https| Https {
                certificate: below(https.certificate),
                key: below(https.key),
                ..https
            }),
            api: file.api.map_or(defaults.api, |api| api.listen.0),
            metrics: file.metrics.map(|metrics| metrics.listen.0),
            traces: file.traces,
            zones: file.zones,
            geo: file.geo.map_or(defaults.geo, |geo| Geo { database: geo.database.map(below), ..geo }),
            outbound: file.outbound.unwrap_or(defaults.outbound),
            isolates: file.isolates,
            plans: file.plans,
        })
    }

    /// The defaults, with everything kept in `skerry-data` below this folder.
    pub fn below(folder: &Path) -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            data: folder.join("skerry-data"),
            base_domain: "localhost".into(),
            http: local(HTTP),
            https: None,
            api: local(API),
            metrics: None,
            traces: None,
            zones: Vec::new(),
            geo: Geo { colo: None, database: None },
            outbound: Outbound { allow_private: None },
            isolates: None,
            plans: BTreeMap::new(),
        }
    }

    /// The plan of accounts that name none.
    pub fn default_plan() -> &'static str {
        Preset::default().as_str()
    }
}

//! The configuration of `skerry serve`: listeners, the data directory, plans. Every key has a default; see docs/serve.md.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::date::CompatibilityDate;
use crate::error::ConfigError;
use crate::limits::Preset;
use crate::read::{Read, Reader};
use crate::schema::{choice, record};
use crate::source::{Format, Source};
use crate::value::Value;

pub use values::{Address, Agreed, DirectoryUrl, Domain, Endpoint, Megabytes, Millis, Network, OriginUrl, Share};

#[cfg(test)]
mod tests;
mod values;

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
    /// The S3 API; nowhere unless it is said.
    pub s3: Option<S3>,
    /// Where spans of traces go; nowhere unless it is said.
    pub traces: Option<TracesConfig>,
    pub log: Log,
    pub zones: Vec<ZoneConfig>,
    /// Whether each account has a process of its own.
    pub isolate_accounts: bool,
    pub geo: Geo,
    pub outbound: Outbound,
    /// So many Workers' isolates are kept while they are idle; what the machine has room for where it is not said.
    pub isolates: Option<u32>,
    /// Whether the kernel narrows what the server may do.
    pub sandbox: Sandbox,
    /// Bytes of memory that the server may take before it turns requests away; nine tenths of what there is where it is not said.
    pub memory: Option<u64>,
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
        s3: Option<S3>,
        traces: Option<TracesConfig>,
        log: Option<Log>,
        zones: Vec<ZoneConfig>,
        geo: Option<Geo>,
        outbound: Option<Outbound>,
        isolates: Option<u32>,
        isolate_accounts: Option<bool>,
        memory_mb: Option<Megabytes>,
        sandbox: Option<Sandbox>,
        plans: BTreeMap<String, PlanConfig>,
    }
}

choice! {
    pub enum Sandbox {
        Auto = "auto",
        Required = "required",
        Off = "off",
    }
}

record! {
    struct Listener {
        listen: Address,
    }
}

record! {
    /// The HTTPS listener. Its certificates are PEM files, or come from an authority, or both.
    pub struct Https {
        listen: Address,
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
        acme: Option<AcmeConfig>,
        /// Whether HTTP/3 is spoken too, at the same address by UDP.
        http3: Option<bool>,
    }
    check has_certificates;
}

record! {
    /// A certificate authority that speaks ACME.
    pub struct AcmeConfig {
        /// Whoever uses an authority agrees to its terms: this says that the operator does.
        terms_of_service_agreed: Agreed,
        /// For messages of the authority.
        email: Option<String>,
        /// Besides all custom domains.
        names: Vec<Domain>,
        /// The authority's; Let's Encrypt's where none is named.
        directory: Option<DirectoryUrl>,
        /// Whom to trust as the authority, a PEM file, where that is none of the machine's.
        ca: Option<PathBuf>,
    }
}

record! {
    /// The listener of the S3 API.
    pub struct S3 {
        listen: Address,
        /// What hosts that name a bucket or an account end in: `<bucket>.<account>.<domain>`. `r2.<base domain>` where it is not said.
        domain: Option<Domain>,
    }
}

record! {
    /// A domain that routes and custom domains may be in.
    pub struct ZoneConfig {
        name: Domain,
        /// The account that it belongs to, by id or name; the first one where none is named.
        account: Option<String>,
        /// Where what no Worker answers is passed on to.
        origin: Option<OriginUrl>,
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
        allow: Vec<Allow>,
    }
}

record! {
    /// Addresses that may be connected to though they are not public.
    pub struct Allow {
        /// Whose Workers may, by the account's id or name; all, where none is named.
        account: Option<String>,
        networks: Vec<Network>,
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
    /// What the server says of what it does, at standard error.
    pub struct Log {
        format: Option<LogFormat>,
        /// Whether each request has a line.
        requests: Option<bool>,
    }
}

choice! {
    pub enum LogFormat {
        Text = "text",
        /// An object of JSON a line.
        Json = "json",
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
        account_concurrent_requests: Option<u32>,
        account_requests_per_second: Option<u32>,
        requests_per_day: Option<u32>,
        storage_mb: Option<u32>,
    }
}

/// Certificates come from somewhere, and a certificate has its key.
fn has_certificates(https: &Https, value: &Value, reader: &mut Reader<'_>) {
    let message = match (&https.certificate, &https.key, &https.acme) {
        (Some(_), None, _) => "the certificate has no key: add `key`",
        (None, Some(_), _) => "the key has no certificate: add `certificate`",
        (None, None, None) => "there is no certificate: add `certificate` and `key`, or [https.acme]",
        _ => return,
    };
    reader.problem(&value.span, format!("`{}`: {message}", reader.here()));
}

// === impl ServerConfig ===

impl ServerConfig {
    /// Reads a configuration. Paths in it are below its own folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let source = Source::read(path, Format::Toml)?;
        Self::parse(&source, path.parent().unwrap_or(Path::new(".")))
    }

    /// The same from the file's text.
    pub fn from_text(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let source = Source::of_text(path, text.to_owned(), Format::Toml);
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
                certificate: https.certificate.map(below),
                key: https.key.map(below),
                acme: https.acme.map(|acme| AcmeConfig { ca: acme.ca.map(below), ..acme }),
                ..https
            }),
            api: file.api.map_or(defaults.api, |api| api.listen.0),
            metrics: file.metrics.map(|metrics| metrics.listen.0),
            s3: file.s3,
            traces: file.traces,
            log: file.log.unwrap_or(defaults.log),
            zones: file.zones,
            geo: file.geo.map_or(defaults.geo, |geo| Geo { database: geo.database.map(below), ..geo }),
            outbound: file.outbound.unwrap_or(defaults.outbound),
            isolates: file.isolates,
            isolate_accounts: file.isolate_accounts.unwrap_or(false),
            sandbox: file.sandbox.unwrap_or(defaults.sandbox),
            memory: file.memory_mb.map(|megabytes| megabytes.0 as u64),
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
            s3: None,
            traces: None,
            log: Log { format: None, requests: None },
            zones: Vec::new(),
            geo: Geo { colo: None, database: None },
            outbound: Outbound { allow_private: None, allow: Vec::new() },
            isolates: None,
            isolate_accounts: false,
            sandbox: Sandbox::Auto,
            memory: None,
            plans: BTreeMap::new(),
        }
    }

    /// The plan of accounts that name none.
    pub fn default_plan() -> &'static str {
        Preset::default().as_str()
    }
}

//! Which Worker answers a host and a path: routes and custom domains by the platform's rules, then Workers' own hosts below the
//! base domain. <https://developers.cloudflare.com/workers/configuration/routing/routes/>

use std::cmp::Reverse;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use registry::Registry;

use crate::{Origin, Zone};

#[cfg(test)]
mod tests;

/// What Workers' own hosts end in: `<worker>.<base domain>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseDomain(String);

/// What a host and path lead to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// The script with this tag.
    Worker(Arc<str>),
    /// One version of it, by the first digits of its id.
    Preview { script: Arc<str>, version: String },
    /// The server behind the zone.
    Origin(Arc<Origin>),
}

/// What a host and path lead to, and why.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) target: Target,
    pub(crate) by: By,
    /// The zone that the host is in; that of a Worker's own host is its account's subdomain.
    pub(crate) zone: Option<Arc<str>>,
}

#[derive(Debug)]
pub(crate) enum By {
    /// A route, before this server.
    Route(Option<Arc<Origin>>),
    CustomDomain,
    OwnHost,
    Zone,
}

/// All that requests can meet, made anew when that changes.
pub(crate) struct Router {
    base: String,
    /// Workers' own hosts.
    hosts: HashMap<String, Own>,
    custom_domains: HashMap<String, Arc<str>>,
    /// Accounts' Workers by name: what service bindings lead to.
    names: HashMap<String, HashMap<String, Arc<str>>>,
    /// The most specific first.
    routes: Vec<Routed>,
    /// Those of the configuration, the longest names first.
    zones: Vec<Zone>,
}

/// A route, and what it leads to. A star at the beginning of its host reaches no further than its zone.
struct Routed {
    pattern: Pattern,
    zone: Zone,
    tag: Option<Arc<str>>,
}

struct Own {
    tag: Arc<str>,
    enabled: bool,
    previews: bool,
    zone: Arc<str>,
}

/// A route's pattern: `*example.com/images/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    https: Option<bool>,
    /// Lower case, without the star at its beginning.
    host: String,
    any_prefix: bool,
    /// Without the star at its end.
    path: String,
    any_suffix: bool,
}

// === impl BaseDomain ===

impl BaseDomain {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BaseDomain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        match is_host(&lower) {
            true => Ok(Self(lower)),
            false => Err(format!("{text:?} is no domain name")),
        }
    }
}

/// What is wrong with a route's pattern.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    Pattern::from_str(pattern).map(drop)
}

// === impl Router ===

impl Router {
    /// `bare`: whether the first account's Workers are right below the base domain too.
    pub(crate) fn new(
        registry: &Registry,
        base: &BaseDomain,
        bare: bool,
        zones: &[Zone],
    ) -> Result<Self, registry::Error> {
        let accounts = registry.accounts()?;
        let first = accounts.first().filter(|_| bare).map(|account| account.id.as_str());
        let subdomains: HashMap<&str, &str> =
            accounts.iter().map(|account| (account.id.as_str(), account.subdomain.as_str())).collect();
        let mut hosts = HashMap::new();
        let mut names: HashMap<String, HashMap<String, Arc<str>>> = HashMap::new();
        for script in registry.scripts(None)? {
            let tag: Arc<str> = script.tag.as_str().into();
            names.entry(script.account.clone()).or_default().insert(script.name.clone(), tag.clone());
            let registry::Subdomain { enabled, previews_enabled: previews } = script.settings.subdomain;
            let subdomain = subdomains.get(script.account.as_str()).copied().unwrap_or_default();
            let zone: Arc<str> = format!("{subdomain}.{}", base.0).into();
            let mut own =
                |host: String| hosts.insert(host, Own { tag: tag.clone(), enabled, previews, zone: zone.clone() });
            own(format!("{}.{zone}", script.name));
            if Some(script.account.as_str()) == first {
                own(format!("{}.{}", script.name, base.0));
            }
        }
        let mut custom_domains = HashMap::new();
        let mut routes = Vec::new();
        for route in registry.routes()? {
            let tag = route.script.as_deref().map(Arc::from);
            match (route.custom_domain, tag) {
                (true, Some(tag)) => {
                    custom_domains.insert(route.pattern.to_ascii_lowercase(), tag);
                }
                (true, None) => {}
                // What the registry has was checked when it came in.
                (false, tag) => {
                    let zone = Zone::new(&route.zone, "");
                    routes.extend(route.pattern.parse().ok().map(|pattern| Routed { pattern, zone, tag }));
                }
            }
        }
        routes.sort_by_key(|route| route.pattern.rank());
        let mut zones = zones.to_vec();
        zones.sort_by_key(|zone| Reverse(zone.name.len()));
        Ok(Self { base: format!(".{}", base.0), hosts, custom_domains, names, routes, zones })
    }

    /// The tag of an account's Worker.
    pub(crate) fn named(&self, account: &str, name: &str) -> Option<Arc<str>> {
        self.names.get(account)?.get(name).cloned()
    }

    /// `path`: with its query.
    pub(crate) fn find(&self, https: bool, host: &str, path: &str) -> Option<Found> {
        let host = host.to_ascii_lowercase();
        let host = host.strip_suffix('.').unwrap_or(&host);
        let path = path.split('?').next().unwrap_or(path);
        let matches = |route: &&Routed| route.pattern.matches(https, host, path) && route.zone.has(host);
        let route = self.routes.iter().find(matches);
        let zone = self.zones.iter().find(|zone| zone.has(host));
        let named = || zone.map(|zone| zone.name.as_str().into());
        let origin = || zone.and_then(|zone| zone.origin.clone());
        if let Some(tag) = route.and_then(|route| route.tag.clone()) {
            return Some(Found { target: Target::Worker(tag), by: By::Route(origin()), zone: named() });
        }
        if let Some(tag) = self.custom_domains.get(host).filter(|_| route.is_none()) {
            return Some(Found { target: Target::Worker(tag.clone()), by: By::CustomDomain, zone: named() });
        }
        match origin() {
            Some(origin) => Some(Found { target: Target::Origin(origin), by: By::Zone, zone: named() }),
            None => self.own_host(host).filter(|_| route.is_none()),
        }
    }

    fn own_host(&self, host: &str) -> Option<Found> {
        if !host.ends_with(&self.base) {
            return None;
        }
        let found = |target, own: &Own| Found { target, by: By::OwnHost, zone: Some(own.zone.clone()) };
        if let Some(own) = self.hosts.get(host) {
            return own.enabled.then(|| found(Target::Worker(own.tag.clone()), own));
        }
        let (version, host) = host.split_once('-')?;
        let is_version = version.len() == 8 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        let own = self.hosts.get(host).filter(|own| is_version && own.previews)?;
        Some(found(Target::Preview { script: own.tag.clone(), version: version.to_owned() }, own))
    }
}

// === impl Pattern ===

impl Pattern {
    /// What sorts the more specific first: a whole host before one with a star, then the longer host, then the longer path.
    fn rank(&self) -> impl Ord + use<> {
        (self.any_prefix, Reverse(self.host.len()), Reverse(self.path.len()), self.any_suffix, self.https.is_none())
    }

    fn matches(&self, https: bool, host: &str, path: &str) -> bool {
        let scheme = self.https.is_none_or(|wanted| wanted == https);
        let host = if self.any_prefix { host.ends_with(&self.host) } else { host == self.host };
        let path = if self.any_suffix { path.starts_with(&self.path) } else { path == self.path };
        scheme && host && path
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |reason: &str| Err(format!("the route pattern {text:?} {reason}"));
        let (https, rest) = match text.split_once("://") {
            Some(("https", rest)) => (Some(true), rest),
            Some(("http", rest)) => (Some(false), rest),
            Some(_) => return wrong("has a scheme that is neither http nor https"),
            None => (None, text),
        };
        if rest.contains('?') {
            return wrong("must not have a query");
        }
        let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let (host, any_prefix) = host.strip_prefix('*').map_or((host, false), |host| (host, true));
        let (path, any_suffix) = path.strip_suffix('*').map_or((path, false), |path| (path, true));
        if host.contains('*') {
            return wrong("may have a * only at the beginning of its host");
        }
        if path.contains('*') {
            return wrong("may have a * only at the end of its path");
        }
        let host = host.to_ascii_lowercase();
        if !is_host(host.strip_prefix('.').unwrap_or(&host)) {
            return wrong("has no host");
        }
        Ok(Self { https, host, any_prefix, path: path.to_owned(), any_suffix })
    }
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        let legal =
            label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
        !label.is_empty() && label.len() <= 63 && legal
    };
    text.len() <= 253 && text.split('.').all(label)
}

//! Where and how a Worker runs once deployed.

use std::num::NonZeroU64;

use serde_json::Value as Json;
use std::collections::BTreeMap;

use super::{choice, record};
use crate::read::{Read, Reader, whole_number};
use crate::value::{Kind, Value};

/// Requests that go to the Worker: a pattern with the zone it belongs to, or a whole host name.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub pattern: String,
    pub zone_id: Option<String>,
    pub zone_name: Option<String>,
    pub custom_domain: Option<bool>,
    pub enabled: Option<bool>,
    pub previews_enabled: Option<bool>,
}

impl Read for Route {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match &value.kind {
            Kind::String(pattern) => Some(Self {
                pattern: pattern.clone(),
                zone_id: None,
                zone_name: None,
                custom_domain: None,
                enabled: None,
                previews_enabled: None,
            }),
            Kind::Table(_) => RouteTable::read(value, reader).map(Self::from),
            _ => {
                reader.expected(value, "a string or a table with a `pattern`");
                None
            }
        }
    }
}

impl From<RouteTable> for Route {
    fn from(table: RouteTable) -> Self {
        let RouteTable { pattern, zone_id, zone_name, custom_domain, enabled, previews_enabled } = table;
        Self { pattern, zone_id, zone_name, custom_domain, enabled, previews_enabled }
    }
}

record! {
    pub struct RouteTable {
        pattern: String,
        zone_id: Option<String>,
        zone_name: Option<String>,
        custom_domain: Option<bool>,
        enabled: Option<bool>,
        previews_enabled: Option<bool>,
    }
    check one_zone;
}

fn one_zone(route: &RouteTable, value: &Value, reader: &mut Reader<'_>) {
    let here = reader.here();
    let domain_only = route.enabled.is_some() || route.previews_enabled.is_some();
    let message = if route.zone_id.is_some() && route.zone_name.is_some() {
        format!("`{here}` sets both `zone_id` and `zone_name`: keep one of the two")
    } else if domain_only && route.custom_domain.is_none() {
        format!("`{here}`: `enabled` and `previews_enabled` need `custom_domain = true` beside them")
    } else if route.zone_id.is_none() && route.zone_name.is_none() && route.custom_domain.is_none() {
        format!(
            "`{here}` says no zone: add `zone_name`, `zone_id` or `custom_domain`, or write the pattern alone as a string"
        )
    } else {
        return;
    };
    reader.problem(&value.span, message);
}

record! {
    pub struct Triggers {
        crons: Option<Vec<String>>,
        events: Option<Vec<EventTrigger>>,
    }
}

record! {
    pub struct EventTrigger {
        kind = "type": String,
        filter: Option<BTreeMap<String, Json>>,
        targets: Vec<EventTarget>,
    }
}

record! {
    pub struct EventTarget {
        kind = "type": String,
        workflow_name: String,
    }
}

record! {
    pub struct UserLimits {
        cpu_ms: Option<NonZeroU64>,
        subrequests: Option<u32>,
    }
}

impl Read for NonZeroU64 {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        whole_number(value, reader, 1, u64::MAX).and_then(Self::new)
    }
}

record! {
    pub struct Placement {
        mode: Option<PlacementMode>,
        hint: Option<String>,
        region: Option<String>,
        host: Option<String>,
        hostname: Option<String>,
    }
    check one_placement;
}

choice! {
    pub enum PlacementMode {
        Off = "off",
        Smart = "smart",
        Targeted = "targeted",
    }
}

fn one_placement(placement: &Placement, value: &Value, reader: &mut Reader<'_>) {
    let Placement { mode, hint, region, host, hostname } = placement;
    let targets = [region, host, hostname].into_iter().flatten().count();
    let message = if targets > 1 {
        "`placement` can have only one of `region`, `host` and `hostname`"
    } else if targets == 1 && hint.is_some() {
        "`placement` cannot have `hint` together with `region`, `host` or `hostname`"
    } else if hint.is_some() && *mode != Some(PlacementMode::Smart) {
        "`placement.hint` needs `placement.mode` to be \"smart\""
    } else if targets == 0 && mode.is_none() {
        "`placement` needs a `mode`: \"off\", \"smart\" or \"targeted\""
    } else if targets == 1 && *mode == Some(PlacementMode::Smart) {
        "`placement.mode` should be \"targeted\" with a `region`, `host` or `hostname`"
    } else {
        return;
    };
    reader.problem(&value.span, message);
}

record! {
    pub struct Observability {
        enabled: Option<bool>,
        head_sampling_rate: Option<Ratio>,
        redact_query_string: Option<bool>,
        logs: Option<ObservabilityLogs>,
        traces: Option<ObservabilityTraces>,
        issues: Option<ObservabilityIssues>,
    }
}

record! {
    pub struct ObservabilityLogs {
        enabled: Option<bool>,
        head_sampling_rate: Option<Ratio>,
        invocation_logs: Option<bool>,
        persist: Option<bool>,
        destinations: Option<Vec<String>>,
    }
}

record! {
    pub struct ObservabilityTraces {
        enabled: Option<bool>,
        head_sampling_rate: Option<Ratio>,
        persist: Option<bool>,
        destinations: Option<Vec<String>>,
    }
}

record! {
    pub struct ObservabilityIssues {
        enabled: Option<bool>,
    }
}

/// From 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(pub f64);

impl Read for Ratio {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let ratio = f64::read(value, reader)?;
        if !(0.0..=1.0).contains(&ratio) {
            let message = format!("`{}` should be from 0 to 1, but is {ratio}", reader.here());
            reader.problem(&value.span, message);
            return None;
        }
        Some(Self(ratio))
    }
}

record! {
    pub struct Assets {
        directory: Option<String>,
        binding: Option<String>,
        base_path: Option<String>,
        html_handling: Option<HtmlHandling>,
        not_found_handling: Option<NotFoundHandling>,
        run_worker_first: Option<RunWorkerFirst>,
    }
}

choice! {
    pub enum HtmlHandling {
        AutoTrailingSlash = "auto-trailing-slash",
        ForceTrailingSlash = "force-trailing-slash",
        DropTrailingSlash = "drop-trailing-slash",
        None = "none",
    }
}

choice! {
    pub enum NotFoundHandling {
        SinglePageApplication = "single-page-application",
        Page404 = "404-page",
        None = "none",
    }
}

/// Which paths the Worker sees before the assets do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunWorkerFirst {
    Always(bool),
    Paths(Vec<String>),
}

impl Read for RunWorkerFirst {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match value.kind {
            Kind::Bool(always) => Some(Self::Always(always)),
            Kind::Array(_) => Vec::read(value, reader).map(Self::Paths),
            _ => {
                reader.expected(value, "true, false or a list of paths");
                None
            }
        }
    }
}

record! {
    /// Workers Sites, the older form of assets.
    pub struct Site {
        bucket: String,
        /// Deprecated: `main`.
        entry_point = "entry-point": Option<String>,
        include: Vec<String>,
        exclude: Vec<String>,
    }
}

record! {
    pub struct Cache {
        enabled: bool,
        cross_version_cache: Option<bool>,
    }
}

record! {
    pub struct Access {
        dev: Option<AccessDev>,
    }
}

record! {
    pub struct AccessDev {
        aud: String,
        identity: Option<BTreeMap<String, Json>>,
    }
}

choice! {
    pub enum ComplianceRegion {
        Public = "public",
        FedrampHigh = "fedramp_high",
    }
}

choice! {
    pub enum Jurisdiction {
        Eu = "eu",
        Fedramp = "fedramp",
        Us = "us",
    }
}

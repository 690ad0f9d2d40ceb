//! Plans: what an account's Workers may use.

use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// CPU time of one event, where its Worker asks for no other.
    pub cpu: Duration,
    /// The most CPU time that a Worker may ask for.
    pub max_cpu: Duration,
    /// Heap and external memory of one isolate.
    pub memory_bytes: usize,
    /// Subrequests of one event.
    pub subrequests: u32,
    /// All modules of a version together.
    pub script_bytes: usize,
    /// Static assets of a version.
    pub asset_files: usize,
    /// Workers of the account.
    pub scripts: usize,
    /// Requests of one Worker that are answered at a time; `None`: as many as come.
    pub concurrent_requests: Option<usize>,
    /// Requests of one Worker in a second; `None`: as many as come.
    pub requests_per_second: Option<u32>,
    /// Requests of all Workers of the account that are answered at a time; `None`: as many as come.
    pub account_concurrent_requests: Option<usize>,
    /// Requests of all Workers of the account in a second; `None`: as many as come.
    pub account_requests_per_second: Option<u32>,
    /// Requests of all Workers of the account from midnight to midnight, UTC; `None`: as many as come.
    pub requests_per_day: Option<u64>,
    /// What the account may keep in all services together; `None`: as much as there is room for.
    pub storage_bytes: Option<u64>,
}

/// Plans by their names.
#[derive(Clone, Debug, PartialEq)]
pub struct Plans(pub BTreeMap<String, Plan>);

// === impl Plan ===

impl Plan {
    /// <https://developers.cloudflare.com/workers/platform/limits/>
    pub fn free() -> Self {
        Self {
            cpu: Duration::from_millis(10),
            max_cpu: Duration::from_millis(10),
            memory_bytes: 128 << 20,
            subrequests: 50,
            script_bytes: 64 << 20,
            asset_files: 20_000,
            scripts: 100,
            concurrent_requests: None,
            requests_per_second: None,
            account_concurrent_requests: None,
            account_requests_per_second: None,
            requests_per_day: None,
            storage_bytes: None,
        }
    }

    pub fn paid() -> Self {
        Self {
            cpu: Duration::from_millis(30),
            max_cpu: Duration::from_secs(300),
            subrequests: 10_000,
            asset_files: 100_000,
            scripts: 500,
            ..Self::free()
        }
    }

    /// The limits of a version that asks for `asked`.
    pub(crate) fn limits(&self, asked: registry::UserLimits) -> workers::Limits {
        let cpu = asked.cpu_ms.map_or(self.cpu, |millis| Duration::from_millis(millis).min(self.max_cpu));
        workers::Limits {
            cpu: Some(cpu),
            memory: self.memory_bytes,
            subrequests: asked.subrequests.map_or(self.subrequests, |asked| asked.min(self.subrequests)),
            ..workers::Limits::default()
        }
    }
}

// === impl Plans ===

impl Plans {
    /// The plan of this name; the strictest where there is none of it.
    pub fn of(&self, name: &str) -> Plan {
        self.0.get(name).cloned().unwrap_or_else(Plan::free)
    }
}

impl Default for Plans {
    fn default() -> Self {
        Self(BTreeMap::from([("free".into(), Plan::free()), ("paid".into(), Plan::paid())]))
    }
}

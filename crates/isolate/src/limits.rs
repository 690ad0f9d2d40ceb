//! How much a script may use.

use std::time::Duration;

/// Limits of one isolate and of each event in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// CPU time of one event, summed over its turns; `None`: not enforced.
    pub cpu: Option<Duration>,
    /// CPU time of loading the script and running its top level.
    pub startup_cpu: Duration,
    /// Heap and external memory of the isolate, in bytes.
    pub memory: usize,
    /// Subrequests of one event.
    pub subrequests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpu: None, startup_cpu: Duration::from_secs(1), memory: 128 << 20, subrequests: 1000 }
    }
}

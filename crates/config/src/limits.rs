//! What one request, and one isolate, may use.

use std::time::Duration;

use crate::schema::choice;
use crate::schema::deploy::UserLimits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of one request.
    pub cpu: Duration,
    /// Heap and external memory of one isolate.
    pub memory_bytes: u64,
    /// `fetch` and binding calls of one request.
    pub subrequests: u32,
}

choice! {
    /// The plans of the platform.
    #[derive(Default)]
    pub enum Preset {
        Free = "free",
        #[default]
        Paid = "paid",
    }
}

pub(crate) const DEFAULT_MEMORY_MB: u64 = 128;

// === impl Preset ===

impl Preset {
    /// The plan's limits; the subrequests are those of developers.cloudflare.com/workers/platform/limits.
    pub fn limits(self) -> Limits {
        let (cpu_ms, subrequests) = match self {
            Self::Free => (10, 50),
            Self::Paid => (30, 10_000),
        };
        Limits { cpu: Duration::from_millis(cpu_ms), memory_bytes: DEFAULT_MEMORY_MB << 20, subrequests }
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Preset::default().limits()
    }
}

impl Limits {
    /// These limits with what the Worker's `limits` key sets.
    pub(crate) fn with(mut self, asked: &UserLimits) -> Self {
        if let Some(cpu_ms) = asked.cpu_ms {
            self.cpu = Duration::from_millis(cpu_ms.get());
        }
        if let Some(subrequests) = asked.subrequests {
            self.subrequests = subrequests;
        }
        self
    }
}

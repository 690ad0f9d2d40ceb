//! The memory of the process against what it may take. Before it runs out, idle isolates leave; where that is not enough, requests are
//! turned away until there is room again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Platform;

/// How often the memory is looked at: with 128 MiB for an isolate, little can be taken in between.
const LOOK: Duration = Duration::from_millis(100);
/// What part of all may be used before idle isolates leave.
const HIGH: f64 = 0.85;
/// The part of the isolates that is asked to leave each time.
const LEAVING: f64 = 0.1;
/// What part of all there must be at most before requests come in again.
const LOW: f64 = 0.95;

#[derive(Debug)]
pub(crate) struct Pressure {
    most: u64,
    sheds: AtomicBool,
}

/// What there is to do at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Relief {
    /// Idle isolates leave.
    leave: bool,
    /// Requests are turned away.
    shed: bool,
}

// === impl Pressure ===

impl Pressure {
    /// `most`: bytes; without it nine tenths of what the machine or the control group has.
    pub(crate) fn new(most: Option<u64>) -> Self {
        Self { most: most.unwrap_or_else(|| workers::memory() / 10 * 9), sheds: AtomicBool::new(false) }
    }

    /// Whether a request has to be turned away.
    pub(crate) fn sheds(&self) -> bool {
        self.sheds.load(Ordering::Relaxed)
    }

    fn relief(&self, resident: u64) -> Relief {
        let part = resident as f64 / self.most as f64;
        let shed = part >= 1.0 || (self.sheds() && part > LOW);
        Relief { leave: part > HIGH, shed }
    }
}

// === impl Platform ===

impl Platform {
    /// Watches the memory of the process until `stop` fires.
    pub async fn run_admission(self, stop: CancellationToken) {
        let pressure = &self.0.pressure;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let Some(resident) = resident() else {
                return tracing::error!(
                    "the system does not tell this process's memory: no request will be turned away for it"
                );
            };
            let Relief { leave, shed } = pressure.relief(resident);
            if leave {
                self.0.host.relieve(LEAVING);
            }
            if pressure.sheds.swap(shed, Ordering::Relaxed) != shed {
                let (resident, most) = (resident >> 20, pressure.most >> 20);
                match shed {
                    true => tracing::warn!("{resident} MiB of {most} MiB are taken: requests are turned away"),
                    false => tracing::warn!("{resident} MiB of {most} MiB are taken: requests are let in again"),
                }
            }
        }
    }
}

/// Bytes of memory that the process has.
pub fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sheds_until_there_is_room() {
        let pressure = Pressure::new(Some(1000));
        let at = |resident| {
            let relief = pressure.relief(resident);
            pressure.sheds.store(relief.shed, Ordering::Relaxed);
            (relief.leave, relief.shed)
        };
        assert_eq!(at(800), (false, false));
        assert_eq!(at(900), (true, false));
        assert_eq!(at(1000), (true, true));
        assert_eq!(at(960), (true, true));
        assert_eq!(at(940), (true, false));
        assert_eq!(at(960), (true, false));
        assert!(resident().is_some_and(|bytes| bytes > 1 << 20));
    }
}

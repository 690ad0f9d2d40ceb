//! What Workers use, counted by Worker: for operators, dashboards and Prometheus. Cheap enough to be counted always.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use workers::Cause;

use crate::latency::{Latency, Spread};
use crate::tail::outcome;

/// Workers that have a name of their own in the metrics; those past it are counted together.
const NAMED: usize = 1000;
/// Upper bounds of the histogram of answer times, in seconds.
const BUCKETS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];

/// All counts, by account and Worker.
#[derive(Default)]
pub struct Meters(Mutex<HashMap<(String, String), Arc<Meter>>>);

/// The counts of one Worker since the start.
#[derive(Default, Debug)]
pub struct Meter {
    requests: AtomicU64,
    /// Requests that were answered, by the Worker or for it; the others' clients went away.
    answered: AtomicU64,
    scheduled: AtomicU64,
    /// Batches of queues.
    batches: AtomicU64,
    /// Requests that waited for a start.
    cold_starts: AtomicU64,
    /// CPU time of requests.
    cpu_nanos: AtomicU64,
    /// Time to the answer's headers.
    wall_nanos: AtomicU64,
    /// How many answers took at most as long as each of [`BUCKETS`].
    buckets: [AtomicU64; BUCKETS.len()],
    statuses: [AtomicU64; 5],
    exceptions: AtomicU64,
    exceeded_cpu: AtomicU64,
    exceeded_memory: AtomicU64,
    other_failures: AtomicU64,
    /// Requests that were not let in.
    turned_away: AtomicU64,
    latency: Latency,
}

/// The counts at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub requests: u64,
    pub answered: u64,
    pub scheduled: u64,
    pub batches: u64,
    pub cold_starts: u64,
    pub cpu: Duration,
    pub wall: Duration,
    /// Answers of class 1xx to 5xx.
    pub statuses: [u64; 5],
    pub exceptions: u64,
    pub exceeded_cpu: u64,
    pub exceeded_memory: u64,
    pub other_failures: u64,
    pub turned_away: u64,
}

// === impl Meters ===

impl Meters {
    /// The meter of a Worker.
    pub(crate) fn of(&self, account: &str, worker: &str) -> Arc<Meter> {
        let mut meters = self.meters();
        let key = (account.to_owned(), worker.to_owned());
        let key = if meters.len() < NAMED || meters.contains_key(&key) { key } else { Default::default() };
        meters.entry(key).or_default().clone()
    }

    /// The counts of an account's Worker; all zero where it was not used since the start.
    pub fn counts(&self, account: &str, worker: &str) -> Counts {
        let key = (account.to_owned(), worker.to_owned());
        self.meters().get(&key).map(|meter| meter.counts()).unwrap_or_else(|| Meter::default().counts())
    }

    /// The counts of every Worker that has some, by account and name, and how long its answers took.
    pub fn all(&self) -> Vec<((String, String), Counts, Spread)> {
        self.sorted().into_iter().map(|(key, meter)| (key, meter.counts(), meter.latency.spread())).collect()
    }

    fn sorted(&self) -> Vec<Named> {
        let mut meters: Vec<_> = self.meters().iter().map(|(key, meter)| (key.clone(), meter.clone())).collect();
        meters.sort_by(|one, other| one.0.cmp(&other.0));
        meters
    }

    /// In the text format of Prometheus.
    pub fn prometheus(&self) -> String {
        let meters = self.sorted();
        let mut text = String::new();
        family(&mut text, &meters, "skerry_requests_total", "Requests that reached a Worker.", |counts| {
            vec![(String::new(), counts.requests as f64)]
        });
        family(
            &mut text,
            &meters,
            "skerry_responses_total",
            "Responses of Workers by the class of their status.",
            |counts| {
                let classes = counts.statuses.iter().zip(1..);
                classes.map(|(count, class)| (format!(",class=\"{class}xx\""), *count as f64)).collect()
            },
        );
        family(
            &mut text,
            &meters,
            "skerry_failures_total",
            "Events that ended without an answer of their Worker.",
            |counts| {
                let failures = [
                    ("exception", counts.exceptions),
                    ("exceeded_cpu", counts.exceeded_cpu),
                    ("exceeded_memory", counts.exceeded_memory),
                    ("other", counts.other_failures),
                ];
                failures.iter().map(|(name, count)| (format!(",outcome=\"{name}\""), *count as f64)).collect()
            },
        );
        family(&mut text, &meters, "skerry_cpu_seconds_total", "CPU time of Workers.", |counts| {
            vec![(String::new(), counts.cpu.as_secs_f64())]
        });
        family(
            &mut text,
            &meters,
            "skerry_cold_starts_total",
            "Requests that waited for their Worker to start.",
            |counts| vec![(String::new(), counts.cold_starts as f64)],
        );
        family(
            &mut text,
            &meters,
            "skerry_turned_away_total",
            "Requests that were not let in: past the limits of the plan, or for want of memory.",
            |counts| vec![(String::new(), counts.turned_away as f64)],
        );
        family(&mut text, &meters, "skerry_scheduled_total", "Runs of cron triggers.", |counts| {
            vec![(String::new(), counts.scheduled as f64)]
        });
        family(
            &mut text,
            &meters,
            "skerry_queue_batches_total",
            "Batches of queues that a Worker was given.",
            |counts| vec![(String::new(), counts.batches as f64)],
        );
        histogram(&mut text, &meters);
        text
    }

    fn meters(&self) -> MutexGuard<'_, HashMap<(String, String), Arc<Meter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Named = ((String, String), Arc<Meter>);

fn family(
    text: &mut String,
    meters: &[Named],
    name: &str,
    help: &str,
    samples: impl Fn(&Counts) -> Vec<(String, f64)>,
) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
    for (key, meter) in meters {
        for (more, value) in samples(&meter.counts()) {
            let _ = writeln!(text, "{name}{{{}{more}}} {value}", labels(key));
        }
    }
}

fn histogram(text: &mut String, meters: &[Named]) {
    let name = "skerry_response_seconds";
    let _ = writeln!(text, "# HELP {name} Time from a request to its response's headers.\n# TYPE {name} histogram");
    for (key, meter) in meters {
        let (counts, labels) = (meter.counts(), labels(key));
        for (bound, count) in BUCKETS.iter().zip(&meter.buckets) {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", counts.answered);
        let _ = writeln!(text, "{name}_sum{{{labels}}} {}", counts.wall.as_secs_f64());
        let _ = writeln!(text, "{name}_count{{{labels}}} {}", counts.answered);
    }
}

/// Names of Workers and accounts have no character that would need an escape.
fn labels((account, worker): &(String, String)) -> String {
    match worker.as_str() {
        "" => "account=\"\",worker=\"other\"".into(),
        worker => format!("account=\"{account}\",worker=\"{worker}\""),
    }
}

// === impl Counts ===

impl Counts {
    /// Events that ended without an answer of their Worker.
    pub fn failures(&self) -> u64 {
        self.exceptions + self.exceeded_cpu + self.exceeded_memory + self.other_failures
    }
}

// === impl Meter ===

impl Meter {
    /// A request has come.
    pub(crate) fn began(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// It was answered with `status`, or failed.
    pub(crate) fn answered(&self, status: Option<u16>, cause: Option<&Cause>, wall: Duration, cpu: Duration) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.wall_nanos.fetch_add(nanos(wall), Ordering::Relaxed);
        self.latency.add(wall);
        self.cpu_nanos.fetch_add(nanos(cpu), Ordering::Relaxed);
        for (bound, bucket) in BUCKETS.iter().zip(&self.buckets) {
            if wall.as_secs_f64() <= *bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        let class = status.and_then(|status| self.statuses.get(usize::from(status / 100).saturating_sub(1)));
        if let Some(class) = class {
            class.fetch_add(1, Ordering::Relaxed);
        }
        self.failed(cause);
    }

    /// A request waited for a start.
    pub(crate) fn started(&self) {
        self.cold_starts.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was not let in.
    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// A cron trigger's run has ended.
    pub(crate) fn ran(&self, cause: Option<&Cause>, cpu: Duration) {
        self.scheduled.fetch_add(1, Ordering::Relaxed);
        self.cpu_nanos.fetch_add(nanos(cpu), Ordering::Relaxed);
        self.failed(cause);
    }

    /// A batch of a queue was handled.
    pub(crate) fn consumed(&self, cause: Option<&Cause>, cpu: Duration) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.cpu_nanos.fetch_add(nanos(cpu), Ordering::Relaxed);
        self.failed(cause);
    }

    fn failed(&self, cause: Option<&Cause>) {
        let Some(cause) = cause else { return };
        let count = match outcome(cause) {
            "exceededCpu" => &self.exceeded_cpu,
            "exceededMemory" => &self.exceeded_memory,
            "exception" => &self.exceptions,
            _ => &self.other_failures,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> Counts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            requests: get(&self.requests),
            answered: get(&self.answered),
            scheduled: get(&self.scheduled),
            batches: get(&self.batches),
            cold_starts: get(&self.cold_starts),
            cpu: Duration::from_nanos(get(&self.cpu_nanos)),
            wall: Duration::from_nanos(get(&self.wall_nanos)),
            statuses: std::array::from_fn(|class| get(&self.statuses[class])),
            exceptions: get(&self.exceptions),
            exceeded_cpu: get(&self.exceeded_cpu),
            exceeded_memory: get(&self.exceeded_memory),
            other_failures: get(&self.other_failures),
            turned_away: get(&self.turned_away),
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let meters = Meters::default();
        let meter = meters.of("a", "hello");
        meter.began();
        meter.began();
        meter.answered(Some(200), None, Duration::from_millis(7), Duration::from_millis(2));
        meter.answered(
            Some(503),
            Some(&Cause::Runtime(workers::Failure::CpuLimit)),
            Duration::from_secs(9),
            Duration::ZERO,
        );
        let text = meters.prometheus();
        for line in [
            "skerry_requests_total{account=\"a\",worker=\"hello\"} 2",
            "skerry_responses_total{account=\"a\",worker=\"hello\",class=\"2xx\"} 1",
            "skerry_responses_total{account=\"a\",worker=\"hello\",class=\"5xx\"} 1",
            "skerry_failures_total{account=\"a\",worker=\"hello\",outcome=\"exceeded_cpu\"} 1",
            "skerry_cpu_seconds_total{account=\"a\",worker=\"hello\"} 0.002",
            "skerry_response_seconds_bucket{account=\"a\",worker=\"hello\",le=\"0.005\"} 0",
            "skerry_response_seconds_bucket{account=\"a\",worker=\"hello\",le=\"0.01\"} 1",
            "skerry_response_seconds_bucket{account=\"a\",worker=\"hello\",le=\"+Inf\"} 2",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is missing in:\n{text}");
        }
        assert_eq!(meters.counts("a", "hello").statuses, [0, 1, 0, 0, 1]);
        assert_eq!(meters.counts("a", "other").requests, 0);
    }

    #[test]
    fn names_are_bounded() {
        let meters = Meters::default();
        for number in 0..NAMED + 10 {
            meters.of("a", &number.to_string()).ran(None, Duration::ZERO);
        }
        assert_eq!(meters.meters().len(), NAMED + 1);
        assert!(meters.prometheus().contains("skerry_scheduled_total{account=\"\",worker=\"other\"} 10"));
    }
}

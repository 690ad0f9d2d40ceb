//! One look at a server: what its Workers did since the look before.

use std::cmp::Ordering;

use platform::Spread;

use super::Sort;
use crate::cli::{BOLD, DIM, PLAIN, RED};
use crate::status::{Status, Worker, show};

pub struct Frame<'s> {
    now: &'s Status,
    rows: Vec<Row<'s>>,
    sort: Sort,
    /// Seconds since the look before; `None`: this is the first.
    seconds: Option<f64>,
    failed: Option<&'s str>,
}

/// A Worker with what it did in a second.
struct Row<'s> {
    worker: &'s Worker,
    requests: f64,
    errors: f64,
    /// In per cent of one processor.
    cpu: f64,
    p50: Option<f64>,
    p99: Option<f64>,
}

// === impl Frame ===

impl<'s> Frame<'s> {
    pub fn new(now: &'s Status, before: Option<&'s Status>, sort: Sort, failed: Option<&'s str>) -> Self {
        // A server that has started again has counted from 0.
        let before = before.filter(|before| before.uptime_seconds < now.uptime_seconds);
        let seconds = before.map(|before| now.uptime_seconds - before.uptime_seconds);
        let known = |worker: &Worker| {
            let is_same = |other: &&Worker| other.name == worker.name && other.account.id == worker.account.id;
            before.and_then(|before| before.workers.iter().find(is_same))
        };
        let none = Worker::default();
        let row = |worker: &'s Worker| Row::new(worker, known(worker).unwrap_or(&none), seconds);
        let mut rows: Vec<Row<'_>> = now.workers.iter().map(row).collect();
        rows.sort_by(|one, other| one.before(other, sort));
        Self { now, rows, sort, seconds, failed }
    }

    pub fn lines(&self) -> Vec<String> {
        let Self { now, rows, seconds, failed, .. } = self;
        let (version, up) = (show::shown(&now.version), show::lasting(now.uptime_seconds));
        let mut lines = vec![format!("{BOLD}skerry {version}{PLAIN}   up {up}   {}", show::residents(now))];
        let all = |of: fn(&Row<'_>) -> f64| match seconds {
            Some(_) => format!("{:.1}", rows.iter().map(of).sum::<f64>()),
            None => "–".into(),
        };
        let (requests, errors, cpu) = (all(|row| row.requests), all(|row| row.errors), all(|row| row.cpu));
        lines.push(format!("requests/s {requests}   errors/s {errors}   CPU {cpu} %"));
        match failed {
            Some(reason) => lines.push(format!("{RED}{}{PLAIN}", show::shown(reason))),
            None => lines.push(String::new()),
        }
        let accounts = show::several_accounts(now);
        let mut heads = show::heads(accounts);
        heads.extend(["REQ/S", "ERR/S", "CPU %", "P50", "P99", "REQUESTS", "ERRORS"]);
        let cells: Vec<Vec<String>> = rows.iter().map(|row| row.cells(accounts, seconds.is_some())).collect();
        lines.extend(show::table(&heads, &cells, usize::from(accounts) + 1));
        lines
    }

    /// What the keys do.
    pub fn footer(sort: Sort) -> String {
        let by = if sort == Sort::Cpu { "CPU" } else { "requests" };
        format!("{DIM}sorted by {by}   c: by CPU   r: by requests   q: quit{PLAIN}")
    }

    pub fn sort(&self) -> Sort {
        self.sort
    }
}

// === impl Row ===

impl<'s> Row<'s> {
    fn new(worker: &'s Worker, before: &Worker, seconds: Option<f64>) -> Self {
        let rate = |more: f64| seconds.filter(|seconds| *seconds > 0.0).map_or(0.0, |seconds| more.max(0.0) / seconds);
        let count = |now: u64, before: u64| rate(now.saturating_sub(before) as f64);
        let spread = Spread(worker.latency.clone()).since(&Spread(before.latency.clone()));
        let millis = |share| spread.quantile(share).map(|time| time.as_secs_f64() * 1e3);
        Self {
            worker,
            requests: count(worker.requests, before.requests),
            errors: count(worker.errors, before.errors),
            cpu: rate(worker.cpu_ms - before.cpu_ms) / 10.0,
            p50: millis(0.5),
            p99: millis(0.99),
        }
    }

    /// Which of two comes first.
    fn before(&self, other: &Self, sort: Sort) -> Ordering {
        let busier = |one: f64, other: f64| other.total_cmp(&one);
        let now = match sort {
            Sort::Cpu => busier(self.cpu, other.cpu),
            Sort::Requests => busier(self.requests, other.requests),
        };
        let ever = match sort {
            Sort::Cpu => busier(self.worker.cpu_ms, other.worker.cpu_ms),
            Sort::Requests => other.worker.requests.cmp(&self.worker.requests),
        };
        now.then(ever).then_with(|| self.worker.name.cmp(&other.worker.name))
    }

    fn cells(&self, accounts: bool, is_known: bool) -> Vec<String> {
        let rate = |rate: f64| if is_known { format!("{rate:.1}") } else { "–".into() };
        let mut cells = show::names(self.worker, accounts);
        cells.extend([
            rate(self.requests),
            rate(self.errors),
            rate(self.cpu),
            show::millis(self.p50.filter(|_| is_known)),
            show::millis(self.p99.filter(|_| is_known)),
            show::grouped(self.worker.requests),
            show::grouped(self.worker.errors),
        ]);
        cells
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(uptime: f64, workers: &[(&str, u64, f64)]) -> Status {
        let worker = |(name, requests, cpu): &(&str, u64, f64)| {
            json!({
                "name": name, "account": { "id": "a", "name": "Main" }, "requests": requests, "errors": 0, "cpu_ms": cpu,
                "p50_ms": null, "p99_ms": null, "latency": [[80, requests]],
            })
        };
        let status = json!({
            "version": "1", "uptime_seconds": uptime, "listeners": {}, "memory_bytes": 1 << 20, "isolates": 1,
            "durable_objects": 0, "connections": 0, "workers": workers.iter().map(worker).collect::<Vec<_>>(),
        });
        serde_json::from_value(status).unwrap()
    }

    fn names<'s>(frame: &Frame<'s>) -> Vec<&'s str> {
        frame.rows.iter().map(|row| row.worker.name.as_str()).collect()
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let before = status(10.0, &[("a", 100, 50.0), ("b", 5, 1000.0)]);
        let now = status(12.0, &[("a", 120, 50.0), ("b", 7, 1500.0)]);
        let frame = Frame::new(&now, Some(&before), Sort::Cpu, None);
        assert_eq!(names(&frame), ["b", "a"]);
        assert_eq!((frame.rows[0].cpu, frame.rows[1].requests), (25.0, 10.0));
        assert_eq!(frame.rows[1].p50, Some(0.08));
        assert_eq!(names(&Frame::new(&now, Some(&before), Sort::Requests, None)), ["a", "b"]);
        // One that has started again, and the first look.
        for before in [Some(&now), None] {
            let lines = Frame::new(&now, before, Sort::Requests, None).lines();
            assert!(lines[1].starts_with("requests/s –"), "{lines:?}");
        }
    }
}

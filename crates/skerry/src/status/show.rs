//! A server's figures for people.

use super::{Status, Worker};
use crate::cli::{BOLD, DIM, GREEN, PLAIN, RED};

/// All of it.
pub fn status(status: &Status) -> String {
    let mut text = format!("{GREEN}skerry {}{PLAIN}, up {}\n", shown(&status.version), lasting(status.uptime_seconds));
    for (name, address) in &status.listeners {
        if let Some(address) = address {
            text.push_str(&format!("  {name:<8} {}\n", shown(address)));
        }
    }
    text.push_str(&format!("  {}\n", residents(status)));
    if status.workers.is_empty() {
        text.push_str("No Worker is deployed.\n");
        return text;
    }
    let accounts = several_accounts(status);
    let mut workers: Vec<&Worker> = status.workers.iter().collect();
    workers.sort_by(|one, other| other.requests.cmp(&one.requests).then_with(|| one.name.cmp(&other.name)));
    let rows = workers.into_iter().map(|worker| {
        let mut row = names(worker, accounts);
        row.extend([
            grouped(worker.requests),
            grouped(worker.errors),
            lasting_cpu(worker.cpu_ms),
            millis(worker.p50_ms),
            millis(worker.p99_ms),
        ]);
        row
    });
    let mut heads = heads(accounts);
    heads.extend(["REQUESTS", "ERRORS", "CPU", "P50", "P99"]);
    text.push('\n');
    text.push_str(&table(&heads, &rows.collect::<Vec<_>>(), usize::from(accounts) + 1).join("\n"));
    text.push('\n');
    text
}

/// Memory, isolates, connections.
pub fn residents(status: &Status) -> String {
    let memory = status.memory_bytes.map_or_else(|| "?".into(), bytes);
    format!(
        "memory {memory}   isolates {}   Durable Objects {}   connections {}",
        status.isolates, status.durable_objects, status.connections
    )
}

/// Whether the Workers are of more than one account, so that each has to be named.
pub fn several_accounts(status: &Status) -> bool {
    status.workers.windows(2).any(|pair| pair[0].account.id != pair[1].account.id)
}

pub fn heads(accounts: bool) -> Vec<&'static str> {
    if accounts { vec!["ACCOUNT", "WORKER"] } else { vec!["WORKER"] }
}

pub fn names(worker: &Worker, accounts: bool) -> Vec<String> {
    let account = worker.account.name.as_ref().unwrap_or(&worker.account.id);
    let mut names = vec![shown(&worker.name)];
    if accounts {
        names.insert(0, shown(account));
    }
    names
}

/// Lines of columns, the first `left` of which are texts and the others figures. What says ERR is red where it is not 0.
pub fn table(heads: &[&str], rows: &[Vec<String>], left: usize) -> Vec<String> {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain([heads[at].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let padded = |at: usize, cell: &str| {
        let width = widths[at];
        if at < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    };
    let line = |cells: Vec<String>| cells.join("  ").trim_end().to_owned();
    let head = line(heads.iter().enumerate().map(|(at, head)| padded(at, head)).collect());
    let row = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let text = padded(at, cell);
            let is_bad = heads[at].starts_with("ERR") && !matches!(cell.as_str(), "0" | "0.0" | "–");
            match at {
                _ if is_bad => format!("{RED}{text}{PLAIN}"),
                0 => format!("{BOLD}{text}{PLAIN}"),
                _ => text,
            }
        });
        line(cells.collect())
    };
    [format!("{DIM}{head}{PLAIN}")].into_iter().chain(rows.iter().map(row)).collect()
}

/// On one line, without what would move the terminal's cursor.
pub fn shown(text: &str) -> String {
    text.chars().take(60).map(|c| if c.is_control() { '·' } else { c }).collect()
}

pub fn bytes(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes >= 1024.0 { format!("{:.1} GiB", mebibytes / 1024.0) } else { format!("{mebibytes:.0} MiB") }
}

/// A time in its two largest units.
pub fn lasting(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

fn lasting_cpu(millis: f64) -> String {
    if millis >= 100_000.0 { lasting(millis / 1e3) } else { self::millis(Some(millis)) }
}

pub fn millis(millis: Option<f64>) -> String {
    match millis {
        None => "–".into(),
        Some(millis) if millis >= 10_000.0 => format!("{:.1} s", millis / 1e3),
        Some(millis) if millis >= 10.0 => format!("{millis:.0} ms"),
        Some(millis) => format!("{millis:.1} ms"),
    }
}

/// 1234567 as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!((grouped(0), grouped(999), grouped(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!((bytes(150 << 20), bytes(3 << 29)), ("150 MiB".into(), "1.5 GiB".into()));
        let times = [(59.9, "59 s"), (61.0, "1 min 1 s"), (3700.0, "1 h 1 min"), (90_000.0, "1 d 1 h")];
        assert!(times.iter().all(|(seconds, text)| lasting(*seconds) == *text));
        assert_eq!(
            (millis(None), millis(Some(1.25)), millis(Some(45.2)), millis(Some(12_340.0))),
            ("–".into(), "1.2 ms".into(), "45 ms".into(), "12.3 s".into())
        );
        assert_eq!(shown("a\x1b[2Jb"), "a·[2Jb");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".into(), "1".into(), "0".into()], vec!["long".into(), "100".into(), "2".into()]];
        let lines = table(&["WORKER", "N", "ERRORS"], &rows, 1);
        assert_eq!(lines[0], format!("{DIM}WORKER    N  ERRORS{PLAIN}"));
        assert_eq!(lines[1], format!("{BOLD}a     {PLAIN}    1       0"));
        assert_eq!(lines[2], format!("{BOLD}long  {PLAIN}  100  {RED}     2{PLAIN}"));
    }
}

//! SQL of a Worker's own: values, what it may do, and what it has written. What D1 and Durable Objects have in common.

mod authorizer;
mod growth;
mod rows_written;
mod value;

pub use authorizer::{Rules, Trusted};
pub use growth::Growth;
pub use rows_written::RowsWritten;
pub use value::Value;

/// Rows that a statement has read, as far as SQLite tells: it counts the steps of scans, not what an index finds, which is at
/// least as many rows as came out of a table.
pub fn rows_read(sql: &str, scanned: u64, returned: u64) -> u64 {
    let reads_table = sql.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("from"));
    let scanned = if scanned > 0 { scanned + 1 } else { 0 };
    if reads_table { scanned.max(returned) } else { scanned }
}

//! What the platform takes: https://developers.cloudflare.com/queues/platform/limits/

use std::time::Duration;

use crate::Error;

/// Bytes of a message's body. A KB has 1000 bytes here.
pub const MESSAGE: usize = 128_000;
/// Messages of one batch, sent or delivered.
pub const BATCH: usize = 100;
/// Bytes of one batch that is sent: 256 KB, and room for what the platform adds to each message.
pub const BATCH_BYTES: usize = 288_000;
/// Bytes of one batch that is delivered. One message always fits.
pub const DELIVERED_BYTES: usize = 256_000;
/// Seconds that a message may be delayed for.
pub const DELAY: u32 = 86_400;
/// Seconds that a message is kept for.
pub const RETENTION: std::ops::RangeInclusive<u32> = 60..=1_209_600;
pub const DEFAULT_RETENTION: u32 = 345_600;
/// Bytes of all messages of one queue.
pub const BACKLOG: u64 = 25_000_000_000;
/// How long a batch may be leased for.
pub const LEASE: Duration = Duration::from_secs(12 * 60 * 60);

/// Whether a message may be delayed for so many seconds.
pub fn check_delay(seconds: i64) -> Result<u32, Error> {
    u32::try_from(seconds).ok().filter(|seconds| *seconds <= DELAY).ok_or(Error::Delay(seconds))
}
/// What a message takes besides its body, in what a queue keeps.
pub const ENTRY: usize = 64;

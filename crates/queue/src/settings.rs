//! What holds for all messages of a queue.

use crate::{Error, limits};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Seconds after which a message is delivered that says nothing of it.
    pub delivery_delay: u32,
    /// Seconds that a message is kept for.
    pub retention: u32,
    /// Nothing is delivered, though messages are taken.
    pub paused: bool,
}

// === impl Settings ===

impl Settings {
    pub(crate) fn check(self) -> Result<Self, Error> {
        if self.delivery_delay > limits::DELAY {
            let most = limits::DELAY;
            return Err(Error::Settings(format!("The delivery delay must be from 0 to {most} seconds.")));
        }
        if !limits::RETENTION.contains(&self.retention) {
            let (least, most) = (limits::RETENTION.start(), limits::RETENTION.end());
            return Err(Error::Settings(format!(
                "The message retention period must be from {least} to {most} seconds."
            )));
        }
        Ok(self)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { delivery_delay: 0, retention: limits::DEFAULT_RETENTION, paused: false }
    }
}

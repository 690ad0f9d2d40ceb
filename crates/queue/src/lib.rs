//! Queues: messages that are kept until a consumer has acknowledged them. A batch is leased, and what of it is not acknowledged
//! comes again, so often as its consumer wants, and then goes to a queue for dead letters or away. No JavaScript and no HTTP here.
//!
//! https://developers.cloudflare.com/queues/

mod dead_letter;
mod delivery;
mod error;
mod lease;
mod lease_id;
pub mod limits;
mod message;
mod queue;
mod schema;
mod settings;
mod settle;
mod store;
mod sweep;

pub use delivery::{Delivery, Handled};
pub use error::Error;
pub use lease::{Holder, Leased, Terms};
pub use lease_id::LeaseId;
pub use message::{ContentType, Message, NewMessage};
pub use queue::{Due, Metrics, Queue};
pub use settings::Settings;
pub use settle::{Settled, Settlement};
pub use store::{Clock, Options, Store};

#[cfg(test)]
mod tests;

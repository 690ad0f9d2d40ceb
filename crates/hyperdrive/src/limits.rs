//! The platform's limits (<https://developers.cloudflare.com/hyperdrive/platform/limits/>), and some of our own.

use std::time::Duration;

/// Connections to an origin, where its configuration does not say.
pub const CONNECTIONS: usize = 20;
pub const MIN_CONNECTIONS: usize = 5;
pub const MAX_CONNECTIONS: usize = 100;

/// Bytes of a user's or a database's name.
pub const MAX_NAME: usize = 63;

/// From asking for a connection to an origin to having it, whether it is a new one or another client's before.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(15);

/// How long a connection to an origin is kept that nobody uses.
pub(crate) const IDLE: Duration = Duration::from_secs(10 * 60);

/// How long one is used at all: what a server keeps for a connection grows.
pub(crate) const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How long a query may take.
pub(crate) const QUERY: Duration = Duration::from_secs(60);

/// What a client may take to say who it is.
pub(crate) const STARTUP: Duration = Duration::from_secs(60);

/// What an origin may take for what is ours alone: to forget a client's state, to say goodbye, to cancel a query.
pub(crate) const CHORE: Duration = Duration::from_secs(5);

/// Clients of one database at a time.
pub(crate) const CLIENTS: usize = 1000;

/// Answers that an origin may owe a client before no more is read of the client.
pub(crate) const OWED: usize = 10_000;

/// A side that has so much of the other's before it is read no further.
pub(crate) const BUFFER: usize = 128 * 1024;

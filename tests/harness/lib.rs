//! What the journeys share: a project on disk, the real binary serving it, a client, an origin behind it.

pub mod browser;
mod client;
mod command;
pub mod debugger;
mod dev;
mod neighbour;
mod origin;
pub mod postgres;
mod process;
mod project;
mod served;
pub mod socket;
mod upload;
pub mod wire;

pub use client::{Answer, Client, Request, body_of, text};
pub use command::{Output, skerry, wrangler};
pub use dev::Dev;
pub use neighbour::Neighbour;
pub use origin::{Origin, OriginBody, Seen};
pub use postgres::Postgres;
pub use project::Project;
pub use served::Served;
pub use socket::Socket;
pub use upload::{Part, form};

use std::path::PathBuf;
use std::time::Duration;

/// How long anything that should happen soon may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `holds` does.
pub async fn eventually<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes about in time");
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_path_buf()
}

/// The binary under test: `SKERRY_BIN`, or what `make build` made.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("SKERRY_BIN").map_or_else(|| root().join("target/release/skerry"), PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `make build`", path.display());
    path
}

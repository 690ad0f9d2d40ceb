//! Where a running server's API is, for commands beside it: the port may be any free one, which only the server knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use config::ServerConfig;

/// The file that says it, as long as the server runs.
pub struct Announced(PathBuf);

// === impl Announced ===

impl Announced {
    pub fn new(config: &ServerConfig, api: SocketAddr) -> Result<Self, String> {
        let path = path(config);
        std::fs::write(&path, format!("{api}\n")).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, "{} can't be removed", self.0.display());
        }
    }
}

/// Where the API of the server with this configuration is reached on this machine.
pub fn of(config: &ServerConfig) -> SocketAddr {
    let announced = std::fs::read_to_string(path(config)).ok().and_then(|text| text.trim().parse().ok());
    let mut address: SocketAddr = announced.unwrap_or(config.api);
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}

fn path(config: &ServerConfig) -> PathBuf {
    config.data.join("api.address")
}

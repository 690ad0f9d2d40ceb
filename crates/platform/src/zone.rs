//! Zones: the domains that routes and custom domains may be in, each of one account. They stand in the server's configuration.

use std::hash::Hasher;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// 32 hexadecimal digits, always the same for a name.
    pub id: String,
    /// `example.com`
    pub name: String,
    /// The id of the account that it belongs to.
    pub account: String,
}

// === impl Zone ===

impl Zone {
    pub fn new(name: &str, account: &str) -> Self {
        let name = name.to_ascii_lowercase();
        Self { id: id(&name), name, account: account.to_owned() }
    }

    /// Whether a host is the zone's name or below it.
    pub fn has(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host.strip_suffix(&self.name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// No secret and no checksum: only something that stays.
fn id(name: &str) -> String {
    let half = |seed: u8| {
        // FNV-1a, which is the same on every machine and in every version.
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        hasher.write(&[seed]);
        hasher.write(name.as_bytes());
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(0), half(1))
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_own_hosts() {
        let zone = Zone::new("Example.com", "a");
        assert_eq!(zone.id.len(), 32);
        assert_eq!(zone.id, Zone::new("example.com", "b").id);
        assert_ne!(zone.id, Zone::new("example.org", "a").id);
        for (host, expected) in
            [("example.com", true), ("www.EXAMPLE.com", true), ("badexample.com", false), ("example.com.evil", false)]
        {
            assert_eq!(zone.has(host), expected, "{host}");
        }
    }
}

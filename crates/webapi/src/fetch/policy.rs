//! What a Worker may connect to: checked on the resolved address, which is then the one connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;

/// The rules of one way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Loopback, link-local, private and other addresses that are not the public internet's.
    pub allow_private: bool,
    /// What else may be reached, whatever it is.
    pub allow: Vec<IpNet>,
    /// For DNS, TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long a connection waits in the pool for its next request.
    pub idle_timeout: Duration,
    pub max_idle_per_host: usize,
}

impl Policy {
    /// Everything may be reached: `skerry dev`.
    pub fn development() -> Self {
        Self { allow_private: true, ..Self::public() }
    }

    /// The public internet alone.
    pub fn public() -> Self {
        Self {
            allow_private: false,
            allow: Vec::new(),
            connect_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(60),
            max_idle_per_host: 128,
        }
    }

    pub fn allows(&self, address: IpAddr) -> bool {
        self.allow_private || is_public(address) || self.allow.iter().any(|net| net.contains(&address.to_canonical()))
    }
}

/// Whether an address belongs to the public internet (IANA's special-purpose registries, 2026).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = a == 0
        || v4.is_loopback()
        || v4.is_private()
        || v4.is_link_local()
        || v4.is_documentation()
        || v4.is_multicast()
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let s = v6.segments();
    let low = || {
        let o = v6.octets();
        Ipv4Addr::new(o[12], o[13], o[14], o[15])
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    // NAT64 (RFC 6052) and 6to4 carry an IPv4 address that is reached in the end.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(low());
    }
    if s[0] == 0x2002 {
        let o = v6.octets();
        return is_public_v4(Ipv4Addr::new(o[2], o[3], o[4], o[5]));
    }
    // Only 2000::/3 is global unicast; within it, 2001::/23 (protocol assignments), documentation, SRv6.
    let global = s[0] & 0xe000 == 0x2000;
    let special = matches!((s[0], s[1]), (0x2001, ..0x0200 | 0x0db8) | (0x3fff, ..0x1000));
    global && !special
}

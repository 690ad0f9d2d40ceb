//! Who is at the other end of a connection, for `request.cf` and the headers that tell of the client.

use std::net::SocketAddr;

use http::HeaderValue;
use rustls::CipherSuite;

use crate::Geo;
use crate::geo::{Colo, Location};

/// The client, as `request.cf` and the `CF-*` headers tell it.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) remote: SocketAddr,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    pub(crate) location: Location,
    pub(crate) address: HeaderValue,
    pub(crate) country: Option<HeaderValue>,
}

/// The session's protocol and cipher, under their OpenSSL names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tls {
    pub(crate) version: &'static str,
    pub(crate) cipher: &'static str,
}

/// Suites and their OpenSSL names.
const CIPHERS: [(CipherSuite, &str); 9] = [
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "AEAD-AES128-GCM-SHA256"),
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "AEAD-AES256-GCM-SHA384"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "AEAD-CHACHA20-POLY1305-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

// === impl Info ===

impl Info {
    pub(crate) fn new(remote: SocketAddr, local: Option<SocketAddr>, geo: &Geo) -> Self {
        let ip = remote.ip().to_canonical();
        let location = geo.locate(ip);
        let text = |value: &str| HeaderValue::from_str(value).ok();
        let address = text(&ip.to_string()).unwrap_or_else(|| HeaderValue::from_static("unknown"));
        let country = location.country.as_deref().and_then(text);
        Self { remote, local, tls: None, location, address, country }
    }

    /// The same client, for a request that comes in at `colo`.
    pub(crate) fn at(&self, colo: &Colo, geo: &Geo) -> Self {
        let mut info = Self::new(self.remote, self.local, geo);
        info.tls = self.tls;
        info.location = geo.locate_at(self.remote.ip().to_canonical(), colo);
        info.country = info.location.country.as_deref().and_then(|country| HeaderValue::from_str(country).ok());
        info
    }
}

impl Info {
    /// The connection's round trip time, where the kernel tells.
    pub(crate) fn rtt_millis(&self) -> Option<u32> {
        #[cfg(target_os = "linux")]
        return match crate::rtt::microseconds(self.local?, self.remote) {
            Ok(micros) => micros.map(|micros| micros.div_ceil(1000)),
            Err(error) => {
                tracing::debug!(%error, "no round trip time from the kernel");
                None
            }
        };
        #[cfg(not(target_os = "linux"))]
        return None;
    }
}

impl Tls {
    /// What every session of [`crate::tls::Names::http3_server`] has.
    pub(crate) const HTTP3: Self = Self { version: "TLSv1.3", cipher: "AEAD-AES128-GCM-SHA256" };

    /// What another process of this server has agreed on with the client.
    pub(crate) fn named(version: &str, cipher: &str) -> Option<Self> {
        let version = ["TLSv1.2", "TLSv1.3"].into_iter().find(|known| *known == version)?;
        let cipher = CIPHERS.iter().map(|(_, name)| *name).find(|known| *known == cipher).unwrap_or("NONE");
        Some(Self { version, cipher })
    }

    pub(crate) fn of(session: &rustls::ServerConnection) -> Self {
        use rustls::ProtocolVersion as V;
        let version = match session.protocol_version() {
            Some(V::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let suite = session.negotiated_cipher_suite().map(|suite| suite.suite());
        let cipher = CIPHERS.iter().find(|(known, _)| Some(*known) == suite).map_or("NONE", |(_, name)| *name);
        Self { version, cipher }
    }
}

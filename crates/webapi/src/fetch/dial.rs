//! TCP and TLS connections to servers that speak anything, within the policy's time and addresses: for `cloudflare:sockets`.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Uri;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::Policy;
use super::client::{ConnectError, Tcp, tls_config};

#[derive(Clone)]
pub(crate) struct Dialer {
    tcp: Tcp,
    /// Made when first needed: reading the machine's CA store takes long.
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
    authorities: Arc<Vec<CertificateDer<'static>>>,
    timeout: Duration,
}

// === impl Dialer ===

impl Dialer {
    pub(super) fn new(policy: Policy, authorities: Vec<CertificateDer<'static>>) -> Self {
        let timeout = policy.connect_timeout;
        Self { tcp: Tcp::new(policy), tls: Arc::default(), authorities: Arc::new(authorities), timeout }
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        self.tcp.allows(address)
    }

    /// `host`: a name or an address, one of IPv6 in brackets.
    pub(crate) async fn tcp(&self, host: &str, port: u16) -> Result<TcpStream, ConnectError> {
        let uri: Uri = format!("http://{host}:{port}")
            .parse()
            .map_err(|error: http::uri::InvalidUri| ConnectError::Lost(error.into()))?;
        let connecting = self.tcp.clone().call(uri);
        let connected = tokio::time::timeout(self.timeout, connecting).await;
        Ok(connected.unwrap_or(Err(ConnectError::Timeout(self.timeout)))?.into_inner())
    }

    /// Goes over to TLS with the server whose certificate is for `host`.
    pub(crate) async fn tls(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, ConnectError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(bare).map_err(|error| ConnectError::Lost(error.into()))?;
        let connecting = TlsConnector::from(self.config().await?).connect(name, stream);
        let connected = tokio::time::timeout(self.timeout, connecting).await;
        connected.map_err(|_| ConnectError::Timeout(self.timeout))?.map_err(|error| ConnectError::of(error.into()))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, ConnectError> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let authorities = self.authorities.clone();
        let made = tokio::task::spawn_blocking(move || Arc::new(tls_config(&authorities))).await;
        let made = made.map_err(|error| ConnectError::Lost(error.into()))?;
        Ok(self.tls.get_or_init(|| made).clone())
    }
}

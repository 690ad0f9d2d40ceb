//! Certificates for the listeners: PEM files in, configurations that speak HTTP/2 and HTTP/1.1, or HTTP/3, out.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// HTTP/2 before HTTP/1.1.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// HTTP/3 (RFC 9114 §3.1).
const HTTP3: &[u8] = b"h3";

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: cannot read a {what} from this file: {source}")]
    Pem { path: PathBuf, what: &'static str, source: pem::Error },
    #[error("{path}: holds no certificate")]
    Empty { path: PathBuf },
    #[error("the certificate and the key do not go together: {0}")]
    Mismatch(#[from] rustls::Error),
}

/// A certificate and its key in files, read again when it is asked for: connections from then on have the new one.
#[derive(Debug)]
pub struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

/// Certificates by the name that a client asks for.
#[derive(Debug, Default)]
pub struct Names {
    /// For all names that are not among the others.
    pub others: Option<Arc<Certificates>>,
    named: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

// === impl Certificates ===

impl Certificates {
    /// Reads a certificate chain and its key, both PEM.
    pub fn load(chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(Arc::new(read(chain, key)?));
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), current }))
    }

    /// Reads the files again. Where they are wrong, what was read before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let read = Arc::new(read(&self.chain, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// When the files were changed last; `None`: one of them is not there.
    pub fn changed(&self) -> Option<(SystemTime, SystemTime)> {
        let of = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
        Some((of(&self.chain)?, of(&self.key)?))
    }

    fn current(&self) -> Arc<CertifiedKey> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

// === impl Names ===

impl Names {
    pub fn new(others: Option<Arc<Certificates>>) -> Arc<Self> {
        Arc::new(Self { others, ..Self::default() })
    }

    /// From now on clients that ask for this name get the certificate as it was read last.
    pub fn set(&self, name: &str, certificates: &Certificates) {
        let mut named = self.named.write().unwrap_or_else(PoisonError::into_inner);
        named.insert(name.to_owned(), certificates.current());
    }

    /// A server configuration that has the certificates of the moment.
    pub fn server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
        Ok(Arc::new(config))
    }
}

impl Names {
    /// The same for HTTP/3. It has the one cipher suite that all of QUIC has (RFC 9001 §5.2), so that it is known which one a session has.
    /// Early data could be sent again by anybody who saw it, and is not taken.
    pub fn http3_server(self: &Arc<Self>) -> Result<Arc<ServerConfig>, TlsError> {
        let mut provider = rustls::crypto::ring::default_provider();
        provider.cipher_suites = vec![rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256];
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![HTTP3.to_vec()];
        config.max_early_data_size = 0;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Names {
    /// `None`: a client that asks for a name without a certificate is told that there is none.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner);
        let found = name.and_then(|name| named.get(&name).cloned());
        found.or_else(|| self.others.as_ref().map(|certificates| certificates.current()))
    }
}

fn read(certificates: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let pem = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::Pem { path, what, source }
    };
    let chain = CertificateDer::pem_file_iter(certificates)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(pem(certificates, "certificate"))?;
    if chain.is_empty() {
        return Err(TlsError::Empty { path: certificates.to_owned() });
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(pem(key, "private key"))?;
    Ok(CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())?)
}

/// A server configuration of this certificate chain.
pub fn server(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
    Ok(Arc::new(config))
}

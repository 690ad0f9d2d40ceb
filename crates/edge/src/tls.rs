//! Certificates for the listeners: PEM files in, a configuration that speaks HTTP/2 and HTTP/1.1 out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: cannot read a {what} from this file: {source}")]
    Pem { path: PathBuf, what: &'static str, source: pem::Error },
    #[error("{path}: holds no certificate")]
    Empty { path: PathBuf },
    #[error("the certificate and the key do not go together: {0}")]
    Mismatch(#[from] rustls::Error),
}

/// Reads a certificate chain and its key, both PEM.
pub fn load(certificates: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
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
    server(chain, key)
}

/// A server configuration of this certificate chain.
pub fn server(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

//! TLS towards upstreams: rustls with the web's root certificates.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::upstream::failure::Failure;

/// The encryption of the connections to one host.
pub(crate) struct Tls {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl Tls {
    /// For connections to `host`, a name or an IP address.
    pub(crate) fn for_host(host: &str) -> Result<Self, &'static str> {
        let host = ServerName::try_from(host.to_owned())
            .map_err(|_| "its host is no name that a certificate could carry")?;
        Ok(Self {
            connector: TlsConnector::from(configuration()),
            host,
        })
    }

    /// Encrypts `stream`.
    pub(crate) async fn connect(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let connected = self.connector.connect(self.host.clone(), stream).await;
        connected.map_err(|_| Failure::Tls)
    }
}

/// One for all upstreams: the root certificates alone take a while to prepare, and sessions are
/// resumed from a cache in it.
fn configuration() -> Arc<ClientConfig> {
    static CONFIGURATION: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let configuration = CONFIGURATION.get_or_init(|| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let mut configuration = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(configuration)
    });
    Arc::clone(configuration)
}

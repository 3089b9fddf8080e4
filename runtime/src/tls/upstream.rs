//! Towards upstreams and the store: they must show a certificate for their name, of an authority of the web or of one's own.
//! There is no way to believe anybody else.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};

#[cfg(feature = "certificates")]
use crate::tls::material::Material;
use crate::tls::provider::provider;

/// The web's authorities, and nothing to show: one for all upstreams, since the root certificates alone take a
/// while to prepare, and sessions are resumed from a cache in it.
pub(crate) fn of_the_web() -> Arc<ClientConfig> {
    static CONFIGURATION: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let configuration = CONFIGURATION.get_or_init(|| {
        let configuration = believing(web()).with_no_client_auth();
        Arc::new(speaking_http(configuration))
    });
    Arc::clone(configuration)
}

/// What `[upstreams.NAME.tls]` asks for.
#[cfg(feature = "certificates")]
pub(crate) fn of_its_own(material: Material) -> Arc<ClientConfig> {
    Arc::new(speaking_http(made_of(material)))
}

/// What `[store.redis.tls]` asks for.
#[cfg(all(feature = "certificates", feature = "redis"))]
pub(crate) fn of_the_store(material: Material) -> Arc<ClientConfig> {
    Arc::new(made_of(material))
}

#[cfg(feature = "certificates")]
fn made_of(material: Material) -> ClientConfig {
    let builder = believing(material.authority.unwrap_or_else(web));
    match material.identity {
        Some(key) => {
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)))
        }
        None => builder.with_no_client_auth(),
    }
}

fn web() -> Arc<RootCertStore> {
    Arc::new(RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    })
}

fn believing(
    roots: Arc<RootCertStore>,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
}

/// HTTP/1.1 alone: model servers speak nothing else.
fn speaking_http(mut configuration: ClientConfig) -> ClientConfig {
    configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
    configuration
}

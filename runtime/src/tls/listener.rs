//! Towards clients: TLS 1.2 and 1.3, HTTP/2 or HTTP/1.1 as the client prefers, sessions resumed by tickets.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::Ticketer;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;

use crate::tls::material::{Material, Sources};
use crate::tls::provider::provider;
use crate::topology::GatewayTls;

/// Where the material of `[gateway.tls]` is.
pub(crate) fn sources(tls: &GatewayTls) -> Sources {
    Sources {
        identity: Some(tls.identity),
        authority: tls.client_ca,
    }
}

/// What `[gateway.tls]` asks for. Clients must show a certificate where there is an authority for it.
pub(crate) fn configuration(material: Material, http2: bool) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3");
    let builder = match material.authority {
        None => builder.with_no_client_auth(),
        Some(roots) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(roots, provider())
                .build()
                .expect("an authority that was read has a certificate"),
        ),
    };
    let key = material
        .identity
        .expect("a listener's sources have an identity");
    let mut configuration = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    // The client's choice, in its order of preference. A session is resumed only by the configuration that
    // began it, so no client outlives the authority that let it in.
    configuration.alpn_protocols = match http2 {
        true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        false => vec![b"http/1.1".to_vec()],
    };
    // Without, which only a system without random numbers is, sessions are kept under a lock that all workers
    // share.
    if let Ok(tickets) = Ticketer::new() {
        configuration.ticketer = tickets;
    }
    Arc::new(configuration)
}

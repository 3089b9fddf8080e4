//! Encryption: what each side presents to the other, and whom it believes.

use crate::key_path::KeyPath;

/// How clients reach the gateway encrypted.
#[derive(Debug)]
pub struct GatewayTls {
    /// What the gateway presents.
    pub identity: Identity,
    /// The file of the authorities whose clients are let in.
    pub client_ca: Option<String>,
    /// `[gateway.tls]`.
    pub path: KeyPath,
}

/// How an upstream, or the store, is reached encrypted.
#[derive(Debug)]
pub struct UpstreamTls {
    /// The file of the authorities that are believed, if not those of the web.
    pub ca: Option<String>,
    /// What the gateway presents.
    pub identity: Option<Identity>,
    /// The name that its certificate must have, if not that of its address.
    pub server_name: Option<String>,
    /// `[upstreams.NAME.tls]`.
    pub path: KeyPath,
}

/// What one side presents to the other, by its files.
#[derive(Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub private_key: String,
}

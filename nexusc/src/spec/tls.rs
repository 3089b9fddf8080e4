//! `[gateway.tls]`, `[upstreams.NAME.tls]` and `[store.redis.tls]`

use schemars::JsonSchema;
use serde::Deserialize;

/// How clients reach the gateway encrypted: TLS 1.2 and 1.3, HTTP/2 or HTTP/1.1 as the client prefers. The files
/// are read again when they change, and at once on SIGHUP; what does not fit is logged and the previous ones stay.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayTls {
    /// The gateway's certificate, followed by those between it and the authority.
    pub certificate: Pem,
    /// The key of the certificate.
    pub private_key: Pem,
    /// The authorities whose clients are let in: each client must present a certificate of theirs (mutual TLS).
    /// Default: clients present none.
    pub client_ca: Option<Pem>,
}

/// How an upstream is reached, where its `url` is `https://`, or Redis. Its certificate is always verified. The
/// files are read again when they change, and at once on SIGHUP; what does not fit is logged and the previous ones
/// stay.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTls {
    /// The authorities that may have issued its certificate. Default: those of the web.
    pub ca: Option<Pem>,
    /// The certificate that the gateway presents to it (mutual TLS). Default: none.
    pub certificate: Option<Pem>,
    /// The key of `certificate`.
    pub private_key: Option<Pem>,
    /// The name that its certificate must have: `"vllm.internal"`. Default: the host of its address.
    pub server_name: Option<String>,
}

/// A file in PEM form, such as `{ file = "/run/secrets/tls.crt" }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-nexus-secret" = true))]
pub struct Pem {
    /// The file, by absolute path: `"/run/secrets/tls.crt"`.
    pub file: String,
}

//! `[gateway]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::cors::Cors;
use crate::spec::idempotency::Idempotency;
use crate::spec::input::Input;
use crate::spec::stream::Stream;
use crate::spec::tls::GatewayTls;

/// The front door: where the gateway listens, and the bounds of what a client can make it hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// The address to listen on, `IP:PORT`. The variable `NEXUS_LISTEN` replaces it at start.
    /// Default: `"127.0.0.1:8080"`.
    pub listen: Option<String>,
    /// The model that serves requests for models which are not in this spec, of callers that may use it:
    /// `"chat"`. Default: none, they are answered 404.
    pub default_model: Option<String>,
    /// Turns authentication off: every caller may use every model. Refused in a production overlay.
    /// Default: `false`.
    pub development: Option<bool>,
    /// The largest request body, such as `"8MiB"`; a larger one is answered 413. Memory limits of emitted manifests have
    /// room for 64 such bodies at once: raise them where more arrive together. Default: `"8MiB"`.
    pub max_body: Option<String>,
    /// The most client connections open at once; more wait to be accepted. Memory limits of emitted manifests count
    /// 128 KiB for each, which is what a stream takes whose client does not read it. Default: `10000`.
    pub max_connections: Option<u64>,
    /// How long a client may take to send a request's head, and then its body, such as `"30s"`.
    /// Default: `"30s"`.
    pub read_timeout: Option<String>,
    /// How long a client may take nothing of a response that is sent to it, such as `"60s"`; then its
    /// connection is closed and the upstream's work is taken back. Default: `"60s"`.
    pub write_timeout: Option<String>,
    /// How long responses in flight may go on after a stop was asked for, such as `"30s"`.
    /// Default: `"30s"`.
    pub shutdown_grace: Option<String>,
    /// The most attempts at upstreams that one request may make: first tries, retries and hedges, of its
    /// model and of fallback models together. From 1 up to 100. Default: `8`.
    pub max_attempts: Option<u64>,
    /// The web pages that may use the gateway from a browser. Default: none.
    pub cors: Option<Cors>,
    /// What a request may hold. Default: anything that fits into `max_body`.
    pub input: Option<Input>,
    /// Requests that are sent again with their `Idempotency-Key` get the answer that there was. Default: each is
    /// a new one.
    pub idempotency: Option<Idempotency>,
    /// How clients reach the gateway encrypted. Default: connections are plain.
    pub tls: Option<GatewayTls>,
    /// Whether clients may speak HTTP/2: with TLS as they ask for (ALPN), without it by prior knowledge. They may
    /// always speak HTTP/1.1, which the gateway speaks to upstreams. Default: `true`.
    pub http2: Option<bool>,
    /// What is done for responses that are streamed. Default: they are relayed, and no more.
    pub stream: Option<Stream>,
}

//! The servers that produce responses.

use std::time::Duration;

use decide::hash;

use crate::topology::{Identity, Secret, Slot};

/// A server that produces responses: `[upstreams.NAME]`.
#[derive(Debug)]
pub struct Upstream {
    /// What was written in the spec.
    pub settings: UpstreamSettings,
    /// A number that its name alone decides, for rules that rank upstreams.
    pub identity: u64,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Upstream {
    /// An upstream with its settings, not yet in use.
    pub const fn new(settings: UpstreamSettings) -> Self {
        Self {
            identity: hash::stable(settings.name.as_bytes()),
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of an upstream.
#[derive(Debug)]
pub struct UpstreamSettings {
    /// Its name in logs and metric labels.
    pub name: &'static str,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The model name that it knows; `None` forwards the name that the client sent.
    pub served_model: Option<&'static str>,
    /// The API key that the gateway presents to it, as `Authorization: Bearer`.
    pub api_key: Option<Secret>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// When it is left alone; `None` asks it whatever happens.
    pub breaker: Option<Breaker>,
    /// How it is checked while no client waits for it; `None` does not.
    pub health: Option<Health>,
    /// Whether the gateway asks it for the usage of a stream where the client does not.
    pub stream_usage: bool,
    /// Whom to believe and what to show, where it is reached by `https://`; `None` believes the web's
    /// authorities and shows nothing. Needs the feature `certificates`.
    pub tls: Option<UpstreamTls>,
}

/// How a server is reached encrypted: `[upstreams.NAME.tls]` and `[store.redis.tls]`.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamTls {
    /// The file of the authorities that may have issued its certificate; `None` for the web's.
    pub ca: Option<&'static str>,
    /// What the gateway shows it.
    pub identity: Option<Identity>,
    /// The name that its certificate must have; `None` for the host of its address.
    pub server_name: Option<&'static str>,
}

/// Where an upstream is, by the scheme of its URL.
#[derive(Debug)]
pub enum Endpoint {
    /// `http://` and `https://`: an OpenAI-compatible server.
    Http {
        /// The base address, without the `/v1`.
        url: &'static str,
        /// The environment variable that replaces `url` at start.
        variable: &'static str,
    },
    /// `mock://`: answered inside the process.
    #[cfg(feature = "mock")]
    Mock(Mock),
}

/// What a `mock://` upstream does.
#[cfg(feature = "mock")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mock {
    /// `mock://local`: answers like a model, deterministically.
    Local,
    /// `mock://fail`: fails every request.
    Fail,
}

/// How long an upstream may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To accept a connection, TLS included.
    pub connect: Duration,
    /// From the request's last byte to the response's first: queueing and prefill of a model
    /// server.
    pub first_byte: Duration,
    /// Between two pieces of a response body.
    pub between_chunks: Duration,
}

/// When an upstream that fails is left alone: `[upstreams.NAME.breaker]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// So many failures in a row open it.
    pub failures: u16,
    /// How long it stays open before one request may try the upstream.
    pub reset: Duration,
}

/// How an upstream is checked: `[upstreams.NAME.health]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// What a check asks for.
    pub probe: Probe,
    /// From the end of a check to the next one.
    pub interval: Duration,
    /// How long a check may take.
    pub timeout: Duration,
    /// So many failed checks in a row make it unhealthy.
    pub unhealthy_after: u16,
    /// So many good checks in a row make it healthy again.
    pub healthy_after: u16,
}

/// What a health check asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// This path. The answer of `/v1/models` must list the served model.
    Path(&'static str),
    /// A chat of one token, of the served model.
    Chat,
    /// A completion of one token, of the served model.
    Completion,
    /// An embedding, of the served model.
    Embedding,
}

//! The servers that produce responses.

use std::net::IpAddr;
use std::time::Duration;

use crate::ir::engine::Engine;
use crate::ir::health::Health;
use crate::ir::secret::Secret;
use crate::ir::table::Named;
use crate::ir::timeouts::Timeouts;
use crate::ir::tls::UpstreamTls;
use crate::key_path::KeyPath;

/// A server that produces responses.
#[derive(Debug)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// `[upstreams.NAME]`.
    pub path: KeyPath,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The model name that it knows, if not the client's.
    pub served_model: Option<String>,
    /// The key that the gateway presents to it.
    pub api_key: Option<Secret>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// When it is left alone; `None` asks it whatever happens.
    pub breaker: Option<Breaker>,
    /// How it is checked; `None` does not.
    pub health: Option<Health>,
    /// How it is reached encrypted, if not as everybody is on the web.
    pub tls: Option<UpstreamTls>,
    /// Whether it is asked for the usage of a stream whose client does not ask.
    pub stream_usage: bool,
    /// The most requests that it works on at once, if that is known.
    pub capacity: Option<u64>,
    /// What serves it, on which GPUs.
    pub engine: Option<Engine>,
}

impl Named for Upstream {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `http://` at this URL.
    Http(String),
    /// `https://` at this URL.
    Https(String),
    /// `mock://local`.
    MockLocal,
    /// `mock://fail`.
    MockFail,
}

impl Endpoint {
    /// The host, without the brackets of an IPv6 address, and the port of what is reached over the network.
    pub fn host_and_port(&self) -> Option<(&str, u16)> {
        let (address, usual) = match self {
            Self::Http(url) => (url.strip_prefix("http://")?, 80),
            Self::Https(url) => (url.strip_prefix("https://")?, 443),
            Self::MockLocal | Self::MockFail => return None,
        };
        let authority = address.split('/').next()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, usual),
        };
        Some((host.trim_matches(['[', ']']), port))
    }

    /// Whether it is on the machine of whoever asks.
    pub fn is_on_this_machine(&self) -> bool {
        let is_loopback = |host: &str| host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let host = self.host_and_port().map(|(host, _)| host);
        host.is_none_or(|host| host == "localhost" || is_loopback(host))
    }
}

/// When an upstream that fails is left alone.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// So many failures in a row open it.
    pub failures: u64,
    /// How long it stays open.
    pub reset: Duration,
    /// Where it was written: `breaker` or `upstreams.NAME.breaker`.
    pub path: KeyPath,
}

//! The front door.

use std::net::SocketAddr;
use std::time::Duration;

use crate::ir::model::Model;
use crate::ir::secret::Secret;
use crate::ir::table::Id;
use crate::ir::tls::GatewayTls;
use crate::key_path::KeyPath;

/// The front door.
#[derive(Debug)]
pub struct Gateway {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Serves requests for unknown models.
    pub default_model: Option<Id<Model>>,
    /// Whether authentication is off.
    pub development: bool,
    /// The largest request body in bytes.
    pub max_body: u64,
    /// The most client connections open at once.
    pub max_connections: u64,
    /// How long a client may take to send a head, and then a body.
    pub read_timeout: Duration,
    /// How long a client may take nothing of a response.
    pub write_timeout: Duration,
    /// How long responses in flight may go on after a stop.
    pub shutdown_grace: Duration,
    /// The most attempts at upstreams for one request.
    pub max_attempts: u64,
    /// The web pages that may use it.
    pub cors: Option<Cors>,
    /// What a request may hold.
    pub input: Option<Input>,
    /// Which answers are kept for requests that are repeated.
    pub idempotency: Option<Idempotency>,
    /// What is done for streamed responses.
    pub stream: Option<Stream>,
    /// How clients reach it encrypted.
    pub tls: Option<GatewayTls>,
    /// Whether clients may speak HTTP/2.
    pub http2: bool,
}

/// What is done for responses that are streamed.
#[derive(Clone, Debug)]
pub struct Stream {
    /// `gateway.stream`.
    pub path: KeyPath,
    /// After how long without anything else a client gets a comment.
    pub keep_alive: Option<Duration>,
    /// Whether upstreams are asked for usage that the client does not ask for, unless they say otherwise.
    pub usage: bool,
}

/// The web pages that may use the gateway.
#[derive(Debug)]
pub struct Cors {
    /// Their origins, sorted.
    pub origins: Vec<String>,
}

/// What a request may hold.
#[derive(Debug)]
pub struct Input {
    /// The most messages.
    pub max_messages: Option<u64>,
    /// Where the words are listed that it may not hold.
    pub forbidden_words: Option<Secret>,
}

/// Which answers are kept for requests that are repeated.
#[derive(Debug)]
pub struct Idempotency {
    /// For how long.
    pub ttl: Duration,
    /// The most memory for all of them.
    pub max_bytes: u64,
}

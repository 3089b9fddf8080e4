//! The vocabulary of generated code: plain structures that a generated crate fills with `static`
//! tables.
//!
//! Everything here can be built in a constant, refers to other entries by reference, and is read by
//! the request path without a look-up. An entry that has state of its own while the gateway runs
//! (an upstream, a model, a key) is built from its settings by a `new` that adds a [`Slot`].
//!
//! Never here: behaviour, configuration parsing, anything read from the environment.

mod limit;
mod model;
mod reports;
mod route;
mod upstream;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use decide::limit::Rate;
pub use decide::rule::Draw;
pub use decide::share::{LoadFactor, Share};
pub use limit::{Limit, LimitSettings, PriorityClass, Queue, Store, WhenAway};
pub use model::{Model, ModelSettings, Parameter};
pub use reports::{Audit, Otlp, Privacy, WhenFailing};
pub use route::{
    Hedge, HedgeSettings, Retry, Route, Rule, Shadow, ShadowSettings, Target, Weighted,
};
#[cfg(feature = "mock")]
pub use upstream::Mock;
pub use upstream::{
    Breaker, Endpoint, Health, Probe, Timeouts, Upstream, UpstreamSettings, UpstreamTls,
};

/// One mebibyte, for sizes in generated tables.
pub const MIB: usize = 1024 * 1024;

/// One kibibyte, for sizes in generated tables.
pub const KIB: usize = 1024;

/// Everything that a dataplane is: the one value that generated code hands to [`crate::main`].
#[derive(Debug)]
pub struct Topology {
    /// The spec's name: its file name without `.toml`.
    pub name: &'static str,
    /// The front door.
    pub gateway: Gateway,
    /// Who may ask.
    pub auth: Auth,
    /// The part of successful requests whose access line is logged, where neither their key nor their
    /// model says otherwise; `None` for all.
    pub log_sample: Option<Share>,
    /// What is kept out of whatever is written about requests; `None` for nothing.
    pub privacy: Option<Privacy>,
    /// The record of who asked what; `None` for none.
    pub audit: Option<Audit>,
    /// Where spans go; `None` for nowhere.
    pub otlp: Option<Otlp>,
    /// Every limit on what may be asked for, sorted by name.
    pub limits: &'static [&'static Limit],
    /// What counts the limits of all replicas together; `None` where each counts for itself.
    pub store: Option<Store>,
    /// The bounds of its histograms.
    pub buckets: Buckets,
    /// Every model that a client can name, sorted by name.
    pub models: &'static [&'static Model],
    /// Every server that produces responses, sorted by name.
    pub upstreams: &'static [&'static Upstream],
    /// The GPUs of the machine that the gateway runs on, sorted by name. Needs the feature `nvml`.
    pub gpus: &'static [Gpu],
}

/// A GPU of the machine that the gateway runs on: `[gpus.NAME]` with an `index`.
#[derive(Debug)]
pub struct Gpu {
    /// Its name.
    pub name: &'static str,
    /// Its number, as `nvidia-smi` counts.
    pub index: u32,
    /// The bytes of its memory that the plan has in use, by model servers and by what is reserved.
    pub planned_memory: usize,
}

/// The upper bounds of the buckets of histograms, in seconds, ascending: each threshold of an alert or an objective is
/// one of them, and the last is the longest time that the topology allows.
#[derive(Debug)]
pub struct Buckets {
    /// Of whole requests.
    pub request: &'static [f64],
    /// Of attempts at upstreams, to the first byte.
    pub upstream: &'static [f64],
    /// Of streamed responses, to the first token.
    pub first_token: &'static [f64],
    /// Of requests in the queues of limits; empty where there is no queue.
    pub queue_wait: &'static [f64],
}

/// The front door: where it listens, and the bounds of what a client can make it hold.
#[derive(Debug)]
pub struct Gateway {
    /// Socket address, `host:port`. The environment variable `NEXUS_LISTEN` replaces it at start.
    pub listen: &'static str,
    /// Serves the requests for models that are not in the topology, of callers that may use it; without
    /// one they are answered 404.
    pub default_model: Option<&'static Model>,
    /// The largest request body in bytes; a larger one is answered 413.
    pub max_body: usize,
    /// The most client connections open at once; more wait in the kernel's accept queue.
    pub max_connections: usize,
    /// How long a client may take to send its request's head, and then its body.
    pub read_timeout: Duration,
    /// How long a client may take nothing of a response; then its connection is closed.
    pub write_timeout: Duration,
    /// How long responses in flight may go on after a stop was asked for.
    pub shutdown_grace: Duration,
    /// The web pages that may use it; `None` for none.
    pub cors: Option<Cors>,
    /// What a request may hold; `None` for anything.
    pub input: Option<Input>,
    /// Which answers are kept for requests that are repeated; `None` for none.
    pub idempotency: Option<Idempotency>,
    /// The most attempts at upstreams that one request may make, hedges and fallback models included.
    pub max_attempts: usize,
    /// After how long without anything else a client that streams gets a comment; `None` for never.
    pub keep_alive: Option<Duration>,
    /// How clients reach it encrypted; `None` for plain connections. Needs the feature `certificates`.
    pub tls: Option<GatewayTls>,
    /// Whether clients may speak HTTP/2. Needs the feature `http2`.
    pub http2: bool,
}

/// How clients reach the gateway encrypted: `[gateway.tls]`.
#[derive(Clone, Copy, Debug)]
pub struct GatewayTls {
    /// What the gateway shows them.
    pub identity: Identity,
    /// The file of the authorities that may have issued the certificate which they must show; `None` asks for none.
    pub client_ca: Option<&'static str>,
}

/// What one side of a connection shows to the other. Read again whenever it changes.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The file of its certificate and those between it and the authority, as PEM.
    pub certificate: &'static str,
    /// The file of the key of the first certificate, as PEM.
    pub private_key: &'static str,
}

/// The web pages that may use the gateway from a browser: `[gateway.cors]`.
#[derive(Debug)]
pub struct Cors {
    /// Their origins as browsers write them, sorted.
    pub origins: &'static [&'static str],
}

/// What a request may hold, beside its size: `[gateway.input]`.
#[derive(Debug)]
pub struct Input {
    /// The most entries of `messages`; a request with more is answered 400. `None` for any number.
    pub max_messages: Option<usize>,
    /// The words that it may not hold; a request with one is answered 400. `None` for any word.
    pub forbidden_words: Option<ForbiddenWords>,
}

/// Words that no request may hold: `[gateway.input]`, `forbidden_words`.
#[cfg(feature = "words")]
#[derive(Debug)]
pub struct ForbiddenWords {
    /// Where they are read from at start, one a line.
    pub list: Secret,
}

/// Words that no request may hold: there are none without the feature `words`.
#[cfg(not(feature = "words"))]
#[derive(Debug)]
pub enum ForbiddenWords {}

/// Which answers are kept for requests that are repeated: `[gateway.idempotency]`.
#[derive(Debug)]
pub struct Idempotency {
    /// For how long.
    pub ttl: Duration,
    /// The most bytes of all of them together; the oldest go first.
    pub max_bytes: usize,
}

/// Who may ask.
#[derive(Debug)]
pub enum Auth {
    /// Development mode: everybody may use every model. The compiler refuses it in production.
    Development,
    /// The caller presents one of these API keys, as `X-API-Key` or `Authorization: Bearer`.
    ApiKeys(&'static [&'static Key]),
    /// The caller presents a token of an issuer as `Authorization: Bearer`, or one of these API keys.
    #[cfg(feature = "jwt")]
    Jwt {
        /// What a token must be.
        jwt: Jwt,
        /// The API keys.
        keys: &'static [&'static Key],
    },
}

/// What a JSON Web Token must be: `[auth.jwt]`.
#[cfg(feature = "jwt")]
#[derive(Debug)]
pub struct Jwt {
    /// What it is signed with; no other will do, whatever its header says.
    pub algorithm: Algorithm,
    /// What verifies it.
    pub keys: TokenKeys,
    /// Its `iss`.
    pub issuer: &'static str,
    /// Its `aud`, or one of them.
    pub audience: &'static str,
    /// How far clocks may differ, in whole seconds.
    pub leeway: Duration,
    /// The claim that lists the models that its bearer may ask for.
    pub models_claim: &'static str,
    /// The models that the bearer of a token without this claim may ask for.
    pub models: Access,
    /// The turn of its bearer, where requests have to wait.
    pub priority: PriorityClass,
    /// How much each subject may ask for; `None` for any amount.
    pub limit: Option<&'static Limit>,
}

/// What tokens are verified with.
#[cfg(feature = "jwt")]
#[derive(Debug)]
pub enum TokenKeys {
    /// One key, read at start: a secret, or a public key as PEM.
    Fixed(Secret),
    /// The keys that the issuer publishes.
    #[cfg(feature = "jwks")]
    Published(Jwks),
}

/// Where an issuer publishes its keys: `[auth.jwt.jwks]`.
#[cfg(feature = "jwks")]
#[derive(Debug)]
pub struct Jwks {
    /// The address of the document.
    pub url: &'static str,
    /// The environment variable that replaces `url` at start.
    pub variable: &'static str,
    /// How old the keys may become before they are fetched again.
    pub refresh: Duration,
    /// The file of the authorities that may have issued its certificate; `None` for those of the web.
    pub ca: Option<&'static str>,
}

/// What a token is signed with.
#[cfg(feature = "jwt")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// One API key: `[keys.NAME]`.
#[derive(Debug)]
pub struct Key {
    /// What was written in the spec.
    pub settings: KeySettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Key {
    /// A key with its settings, not yet in use.
    pub const fn new(settings: KeySettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of an API key.
#[derive(Debug)]
pub struct KeySettings {
    /// Its name in logs; never the secret.
    pub name: &'static str,
    /// Where the secret is read from at start.
    pub secret: Secret,
    /// The models it may ask for.
    pub models: Access,
    /// How much it may ask for; `None` for any amount.
    pub limit: Option<&'static Limit>,
    /// Its turn, where its requests have to wait.
    pub priority: PriorityClass,
    /// Whether its holder may change the gateway while it runs.
    pub admin: bool,
    /// The part of its successful requests that is logged; `None` leaves that to the model.
    pub log_sample: Option<Share>,
}

/// Which models a key may ask for.
#[derive(Debug)]
pub enum Access {
    /// Every model of the topology.
    All,
    /// These alone.
    Only(&'static [&'static Model]),
}

/// Where a secret comes from. The secret itself is never in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The environment variable of this name.
    Env(&'static str),
    /// The content of this file, without the line end.
    File(&'static str),
}

/// The place of an entry in tables of live state, given out once at start in the order of the
/// topology's tables. An entry carries it so that the request path needs no look-up.
#[derive(Debug)]
pub struct Slot(AtomicU32);

impl Slot {
    /// Before the start.
    #[expect(
        clippy::declare_interior_mutable_const,
        reason = "the initial value of a static's field"
    )]
    pub const UNASSIGNED: Self = Self(AtomicU32::new(u32::MAX));

    /// Gives this entry its place.
    pub(crate) fn assign(&self, index: usize) {
        let index = u32::try_from(index).expect("a topology has fewer than 2^32 entries");
        self.0.store(index, Ordering::Relaxed);
    }

    /// The place: an index into a table made with one row for each entry.
    pub(crate) fn index(&self) -> usize {
        self.0.load(Ordering::Relaxed) as usize
    }
}

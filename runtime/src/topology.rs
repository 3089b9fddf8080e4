//! The vocabulary of generated code: plain structures that a generated crate fills with `static`
//! tables.
//!
//! Everything here can be built in a constant, refers to other entries by reference, and is read by
//! the request path without a look-up. An entry that has state of its own while the gateway runs
//! (an upstream, a model, a key) is built from its settings by a `new` that adds a [`Slot`].
//!
//! Never here: behaviour, configuration parsing, anything read from the environment.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::hash;

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
    /// Every model that a client can name, sorted by name.
    pub models: &'static [&'static Model],
    /// Every server that produces responses, sorted by name.
    pub upstreams: &'static [&'static Upstream],
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

/// What is kept out of log lines, audit records and spans: `[privacy]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// The last part of client addresses: what is beyond /24 of IPv4 and /48 of IPv6.
    pub client_ip: bool,
    /// E-mail addresses in any text.
    pub email: bool,
    /// Telephone numbers in any text.
    pub phone: bool,
    /// What looks like an API key or a token in any text.
    pub key: bool,
}

/// The record of who asked what: `[audit]`.
#[derive(Debug)]
pub struct Audit {
    /// Where the salt of hashed callers is read from at start.
    pub salt: Secret,
    /// The file that records are appended to; `None` for standard output. The environment variable
    /// `NEXUS_AUDIT_FILE` replaces it at start.
    pub file: Option<&'static str>,
    /// What happens to requests while records cannot be written.
    pub when_failing: WhenFailing,
}

/// Where spans go, and of which requests: `[telemetry.otlp]`.
#[derive(Debug)]
pub struct Otlp {
    /// The base address of a collector that takes OTLP over HTTP, without the `/v1/traces`. The
    /// environment variable `OTEL_EXPORTER_OTLP_ENDPOINT` replaces it at start.
    pub endpoint: &'static str,
    /// The part of the traces which begin here that is recorded; of others their beginner has said.
    pub sample: Share,
    /// Headers that it is sent, by name in lower case, with where their values are read from.
    pub headers: &'static [(&'static str, Secret)],
}

/// What happens to requests while their audit records cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFailing {
    /// They are served; records that find no room are lost, and counted.
    Admit,
    /// They are answered 503.
    Refuse,
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

/// How much may be asked for: `[limits.NAME]`. Every key and every model that names it has a count of
/// its own, and so has every subject of tokens.
#[derive(Debug)]
pub struct Limit {
    /// What was written in the spec.
    pub settings: LimitSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Limit {
    /// A limit with its settings, not yet in use.
    pub const fn new(settings: LimitSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a limit.
#[derive(Debug)]
pub struct LimitSettings {
    /// Its name in messages and metric labels.
    pub name: &'static str,
    /// Requests in any window of time.
    pub requests: Option<Rate>,
    /// Tokens in any window of time, read and written.
    pub tokens: Option<Rate>,
    /// Requests at once.
    pub concurrent: Option<u32>,
    /// Where those wait that come while as many run as may; `None` refuses them.
    pub queue: Option<Queue>,
}

/// Where requests wait for one that runs to end: `[limits.NAME.queue]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The most that wait, of each priority.
    pub length: u32,
    /// How long one may wait.
    pub wait: Duration,
}

/// Whose turn it is where several wait. Each gets a part of the places that become free, so none waits for
/// ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityClass {
    /// Four parts of seven.
    High,
    /// Two parts of seven.
    #[default]
    Normal,
    /// One part of seven.
    Low,
}

impl PriorityClass {
    /// How many there are.
    pub(crate) const COUNT: usize = 3;

    /// The part of each, in the order of [`PriorityClass::index`].
    pub(crate) const WEIGHTS: [i64; Self::COUNT] = [4, 2, 1];

    /// Its place in a table with a row for each.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// So many in any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub amount: u64,
    /// In which time.
    pub per: Duration,
}

/// A Redis in which all replicas of a gateway count together: `[store.redis]`.
#[derive(Debug)]
pub struct Store {
    /// Where its URL is read from at start: it may hold a password.
    pub url: Secret,
    /// What happens to a request that it does not count in time.
    pub when_away: WhenAway,
    /// How long a request waits for it at most.
    pub timeout: Duration,
    /// How it is reached encrypted; `None` where it is not.
    pub tls: Option<UpstreamTls>,
}

/// What happens to requests while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// Each gateway goes by its own counts.
    Admit,
    /// They are answered 503.
    Refuse,
}

/// Where a secret comes from. The secret itself is never in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The environment variable of this name.
    Env(&'static str),
    /// The content of this file, without the line end.
    File(&'static str),
}

/// A name that a client asks for: `[models.NAME]`.
#[derive(Debug)]
pub struct Model {
    /// What was written in the spec.
    pub settings: ModelSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Model {
    /// A model with its settings, not yet in use.
    pub const fn new(settings: ModelSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a model.
#[derive(Debug)]
pub struct ModelSettings {
    /// The name that clients ask for, and the value of metric labels.
    pub name: &'static str,
    /// Other names for the same model.
    pub aliases: &'static [&'static str],
    /// Parameters that are added to a request which does not set them.
    pub defaults: &'static [Parameter],
    /// How its requests choose among upstreams.
    pub route: &'static Route,
    /// The models that are tried in this order when every upstream of `route` failed.
    pub fallback: &'static [&'static Model],
    /// How long a request that is not streamed may take, from its admission to its last byte; `None` for
    /// any time.
    pub total: Option<Duration>,
    /// The same for a streamed one.
    pub total_streamed: Option<Duration>,
    /// How much may be asked of it, by all keys together; `None` for any amount.
    pub limit: Option<&'static Limit>,
    /// The part of its successful requests that is logged; `None` leaves that to the topology.
    pub log_sample: Option<Share>,
}

/// A request parameter with its value, as JSON text: what is spliced into a request body.
#[derive(Debug)]
pub struct Parameter {
    /// The field of the request object.
    pub field: &'static str,
    /// Its value, as JSON.
    pub json: &'static str,
}

impl Parameter {
    /// The parameter `field` with the value `json`.
    pub const fn new(field: &'static str, json: &'static str) -> Self {
        Self { field, json }
    }
}

/// How a model's requests choose among upstreams: `[routes.NAME]`.
#[derive(Debug)]
pub struct Route {
    /// Its name in logs.
    pub name: &'static str,
    /// What its choice goes by.
    pub draw: Draw,
    /// The rule.
    pub rule: Rule,
    /// How its upstreams are tried again; `None` does not.
    pub retry: Option<Retry>,
    /// When a second upstream is asked beside a slow one; `None` does not.
    pub hedge: Option<Hedge>,
    /// What gets a copy of some requests; `None` for nothing.
    pub shadow: Option<Shadow>,
}

/// What gets a copy of some requests of a route: `[routes.NAME.shadow]`.
#[derive(Debug)]
pub struct Shadow {
    /// What was written in the spec.
    pub settings: ShadowSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Shadow {
    /// A shadow with its settings, not yet in use.
    pub const fn new(settings: ShadowSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a shadow.
#[derive(Debug)]
pub struct ShadowSettings {
    /// Where copies go.
    pub upstream: &'static Upstream,
    /// The part of the route's requests that is copied.
    pub share: Share,
    /// The most copies in flight at once.
    pub concurrent: u32,
}

/// How the upstreams of a route are tried again when all have failed: `[routes.NAME.retry]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often each may be tried in all, at least 2.
    pub attempts: u32,
    /// The longest pause before the second try; it doubles for each further one.
    pub backoff: Duration,
    /// The longest pause of all.
    pub max_backoff: Duration,
}

/// When a second upstream of a route is asked beside a slow one: `[routes.NAME.hedge]`.
#[derive(Debug)]
pub struct Hedge {
    /// What was written in the spec.
    pub settings: HedgeSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Hedge {
    /// A hedge with its settings, not yet in use.
    pub const fn new(settings: HedgeSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a hedge.
#[derive(Debug)]
pub struct HedgeSettings {
    /// How long the first byte of an attempt is waited for.
    pub after: Duration,
    /// The most second requests, as a part of the route's requests.
    pub budget: Share,
}

/// What the choice of a route goes by: requests of the same draw have the same first choice, as long
/// as the rule and the state of its upstreams are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// An even sequence: each request is chosen for anew.
    Sequence,
    /// The key of who asks.
    Caller,
    /// The header `x-session-id`; the sequence where a request has none.
    Session,
    /// The first so many bytes of the prompt's JSON; the sequence where a request has no prompt.
    Head(usize),
}

/// The rule of a route. Whatever it picks first, its other upstreams are tried after a failure.
#[derive(Debug)]
pub enum Rule {
    /// One upstream takes all.
    Direct(&'static Upstream),
    /// Each upstream takes its share by weight.
    Weighted(Weighted),
    /// A canary takes a share of the primary's requests.
    Canary {
        /// Takes the rest, and what the canary fails to answer.
        primary: &'static Upstream,
        /// Takes `share`, and what the primary fails to answer.
        canary: &'static Upstream,
        /// The canary's part of all requests.
        share: Share,
    },
    /// The upstreams of the first list as long as one of them answers, then those of the next; those of
    /// one list share evenly.
    Priority(&'static [&'static [&'static Upstream]]),
    /// The upstream with the fewest requests in flight.
    LeastInFlight(&'static [&'static Upstream]),
    /// The upstream that the draw ranks highest, among those that are not overloaded.
    Prefix {
        /// Where the requests go.
        upstreams: &'static [&'static Upstream],
        /// How much more than the mean an upstream may have in flight.
        load_factor: LoadFactor,
    },
}

/// Upstreams with weights; the sum is settled when the table is built.
#[derive(Debug)]
pub struct Weighted {
    targets: &'static [Target],
    total: u32,
}

impl Weighted {
    /// A weighted choice.
    ///
    /// # Panics
    /// At compile time of the table, when `targets` is empty or its weights add up to 0 or to more
    /// than `u32::MAX`; the compiler of specs refuses all three.
    pub const fn new(targets: &'static [Target]) -> Self {
        let mut total: u32 = 0;
        let mut rest = targets;
        while let [first, others @ ..] = rest {
            total = match total.checked_add(first.weight) {
                Some(sum) => sum,
                None => panic!("weights add up to more than u32::MAX"),
            };
            rest = others;
        }
        assert!(total > 0, "a weighted route needs a target with a weight");
        Self { targets, total }
    }

    /// The upstreams with their weights.
    pub const fn targets(&self) -> &'static [Target] {
        self.targets
    }

    /// The sum of all weights, at least 1.
    pub const fn total(&self) -> u32 {
        self.total
    }
}

/// One upstream of a weighted route.
#[derive(Debug)]
pub struct Target {
    /// Where the requests go.
    pub upstream: &'static Upstream,
    /// Its part of the sum of all weights.
    pub weight: u32,
}

impl Target {
    /// `upstream` with this weight.
    pub const fn new(upstream: &'static Upstream, weight: u32) -> Self {
        Self { upstream, weight }
    }
}

/// A part of a whole in steps of 0.01 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

impl Share {
    /// The whole, in the unit of [`Share::basis_points`].
    pub const WHOLE: u32 = 10_000;

    /// So many percent, from 0 to 100, rounded to 0.01 %.
    ///
    /// # Panics
    /// At compile time of the table, outside 0 to 100; the compiler of specs refuses that.
    pub const fn percent(percent: f64) -> Self {
        assert!(
            percent >= 0.0 && percent <= 100.0,
            "a share lies between 0 and 100 percent"
        );
        Self((percent * 100.0 + 0.5) as u32)
    }

    /// In hundredths of a percent, from 0 to [`Share::WHOLE`].
    pub const fn basis_points(self) -> u32 {
        self.0
    }
}

/// The most that one upstream may have in flight, as a multiple of the mean over the route's, in steps
/// of 0.01 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadFactor(u32);

impl LoadFactor {
    /// So many percent of the mean, rounded to 0.01 %.
    ///
    /// # Panics
    /// At compile time of the table, below 100 or above 10 000; the compiler of specs refuses that.
    pub const fn percent(percent: f64) -> Self {
        assert!(
            percent >= 100.0 && percent <= 10_000.0,
            "a load factor is at least 100 percent"
        );
        Self((percent * 100.0 + 0.5) as u32)
    }

    /// In hundredths of a percent, at least [`Share::WHOLE`].
    pub const fn basis_points(self) -> u32 {
        self.0
    }
}

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

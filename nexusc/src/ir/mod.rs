//! What is meant: the topology, with every name resolved, every unit parsed, every default filled in.
//!
//! Every entity keeps the key path of the table that it was written as. Where a diagnostic was reported, a
//! hole (`None`) or a harmless value stands in, so that the checks can go on; emission only ever sees a
//! topology without errors.

pub mod alert;
pub mod cloudwatch;
pub mod compose;
pub mod deploy;
pub mod grafana;
pub mod kubernetes;
pub mod receiver;
pub mod slo;
pub mod table;
pub mod test;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::diagnostic::code::Code;
use crate::ir::table::{Id, Named, Table};
use crate::key_path::KeyPath;
use crate::plan::service::Service;

/// A gateway and everything around it.
#[derive(Debug)]
pub struct Topology {
    /// The spec's name.
    pub name: String,
    /// The front door.
    pub gateway: Gateway,
    /// The GPUs that upstreams run on.
    pub gpus: Table<Gpu>,
    /// The names that clients ask for.
    pub models: Table<Model>,
    /// The servers that produce responses.
    pub upstreams: Table<Upstream>,
    /// How models choose among upstreams.
    pub routes: Table<Route>,
    /// How much may be asked for.
    pub limits: Table<Limit>,
    /// The API keys.
    pub keys: Table<Key>,
    /// What tokens must be, if callers may present them.
    pub jwt: Option<Jwt>,
    /// Where the limits of all replicas are counted, if anywhere.
    pub store: Option<Store>,
    /// The part of successful requests that is logged.
    pub log_sample: Option<Percent>,
    /// What is kept out of what is written.
    pub privacy: Option<Privacy>,
    /// The record of who asked what.
    pub audit: Option<Audit>,
    /// Where spans go.
    pub otlp: Option<Otlp>,
    /// Which parts of requests are to go well.
    pub slos: Table<slo::Slo>,
    /// What there is to be alarmed about.
    pub alerts: Vec<alert::Alert>,
    /// Who is told.
    pub receivers: Table<receiver::Receiver>,
    /// What is emitted beside the dataplane.
    pub deploy: deploy::Deploy,
    /// The environments.
    pub overlays: Table<Overlay>,
    /// Requests, and what is expected to become of them.
    pub tests: Vec<test::Test>,
    /// The findings that the spec allows or makes errors.
    pub lints: BTreeMap<Code, Lint>,
}

impl Topology {
    /// The limit of every key and model that has one, and of tokens.
    pub fn used_limits(&self) -> impl Iterator<Item = Id<Limit>> {
        let of_keys = self.keys.iter().filter_map(|key| key.limit);
        let of_models = self.models.iter().filter_map(|model| model.limit);
        let of_tokens = self.jwt.iter().filter_map(|jwt| jwt.limit);
        of_keys.chain(of_models).chain(of_tokens)
    }

    /// The longest that a request may take, where all have an end.
    pub fn longest_request(&self) -> Option<Duration> {
        let totals = self.models.iter().map(|model| &model.totals);
        let of_model = totals.map(|totals| {
            let whole = totals.whole.as_ref()?.time;
            let streamed = totals.streamed.as_ref()?.time;
            Some(whole.max(streamed))
        });
        of_model.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The longest that an attempt may take to its first byte.
    pub fn longest_attempt(&self) -> Option<Duration> {
        let timeouts = self.upstreams.iter().map(|upstream| upstream.timeouts);
        timeouts.map(|it| it.connect + it.first_byte).max()
    }

    /// The longest wait in a queue, where there is one.
    pub fn longest_wait(&self) -> Option<Duration> {
        let queues = self.limits.iter().filter_map(|it| it.queue.as_ref());
        queues.map(|queue| queue.wait).max()
    }

    /// Whether the gateway shows a certificate to anybody.
    pub fn shows_certificates(&self) -> bool {
        let of_upstreams = self.upstreams.iter().filter_map(|it| it.tls.as_ref());
        let of_store = self.store.iter().filter_map(|it| it.tls.as_ref());
        let mut towards_servers = of_upstreams.chain(of_store);
        self.gateway.tls.is_some() || towards_servers.any(|tls| tls.identity.is_some())
    }

    /// Whether it has GPUs that the gateway's machine is said to have.
    pub fn has_own_gpus(&self) -> bool {
        self.gpus.iter().any(|gpu| gpu.index.is_some())
    }

    /// Whether there are certificates, keys or authorities of its own, in files that may change.
    pub fn has_certificates(&self) -> bool {
        let jwks = self.jwt.as_ref().and_then(Jwt::jwks);
        self.gateway.tls.is_some()
            || self.upstreams.iter().any(|it| it.tls.is_some())
            || self.store.as_ref().is_some_and(|it| it.tls.is_some())
            || jwks.is_some_and(|jwks| jwks.ca.is_some())
    }
}

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

/// How long an upstream may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To accept a connection.
    pub connect: Duration,
    /// To the first byte of the response.
    pub first_byte: Duration,
    /// Between two pieces of the response.
    pub between_chunks: Duration,
}

/// How long requests may take in all.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// A request that is not streamed.
    pub whole: Option<Total>,
    /// A streamed request.
    pub streamed: Option<Total>,
}

/// How long a request may take in all.
#[derive(Clone, Debug)]
pub struct Total {
    /// The time.
    pub time: Duration,
    /// Where it was written: `timeouts.total`, say, or `models.NAME.timeouts.total`.
    pub path: KeyPath,
}

/// A name that clients ask for.
#[derive(Debug)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// `[models.NAME]`.
    pub path: KeyPath,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// The first route that names it; `None` where no route does.
    pub route: Option<Id<Route>>,
    /// The models tried after it, in order.
    pub fallback: Vec<Id<Model>>,
    /// How long its requests may take.
    pub totals: Totals,
    /// Parameters added where the client left them out.
    pub defaults: Vec<Parameter>,
    /// How much may be asked of it.
    pub limit: Option<Id<Limit>>,
    /// The part of its successful requests that is logged.
    pub log_sample: Option<Percent>,
    /// What it can take, as far as that is stated.
    pub capabilities: Capabilities,
}

impl Model {
    /// The most tokens that a request writes which does not say, if the model has such a default.
    pub fn default_output(&self) -> Option<u64> {
        let mut defaults = self.defaults.iter();
        let most = defaults.find(|parameter| parameter.field == "max_tokens")?;
        most.json.parse().ok()
    }
}

/// What a model can take; what is not stated is not known.
#[derive(Debug)]
pub struct Capabilities {
    /// `models.NAME.capabilities`.
    pub path: KeyPath,
    /// The most tokens of a prompt and its answer together.
    pub context: Option<u64>,
    /// Whether it calls tools.
    pub tools: Option<bool>,
    /// What a prompt may hold.
    pub modalities: Option<BTreeSet<Modality>>,
}

/// What a prompt may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modality {
    /// Words.
    Text,
    /// Pictures.
    Image,
    /// Sounds.
    Audio,
    /// Films.
    Video,
}

impl Modality {
    /// Every modality.
    pub const ALL: [Self; 4] = [Self::Text, Self::Image, Self::Audio, Self::Video];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A request parameter with its value as JSON text.
#[derive(Debug)]
pub struct Parameter {
    /// The field of the request object.
    pub field: &'static str,
    /// Its value.
    pub json: String,
}

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

/// A GPU that upstreams run on.
#[derive(Debug)]
pub struct Gpu {
    /// Its name.
    pub name: String,
    /// `[gpus.NAME]`.
    pub path: KeyPath,
    /// Its model, if that is known.
    pub model: Option<String>,
    /// Its memory in bytes; `None` where it is not known, which is reported.
    pub memory: Option<u64>,
    /// Whether that is this card's own figure, and not that of its model.
    pub is_exact: bool,
    /// Its CUDA compute capability: 86 for 8.6.
    pub capability: u64,
    /// Its number on the machine.
    pub index: Option<u64>,
    /// Memory that others use, in bytes.
    pub reserved: u64,
}

/// What serves an upstream, on which GPUs.
#[derive(Debug)]
pub struct Engine {
    /// `[upstreams.NAME.engine]`.
    pub path: KeyPath,
    /// The table that says what it is: `vllm`.
    pub kind: &'static str,
    /// Its version, where one is stated.
    pub version: Option<String>,
    /// The name of the model that it loads.
    pub weights: Option<String>,
    /// Its GPUs.
    pub gpus: Vec<Id<Gpu>>,
    /// The upstreams that are up before it starts.
    pub after: Vec<Id<Upstream>>,
    /// The profile that it is of; `None` for all.
    pub profile: Option<String>,
    /// What it takes of them.
    pub memory: EngineMemory,
}

impl Engine {
    /// The most sequences at once, where the engine is told.
    pub fn most_sequences(&self) -> Option<u64> {
        match &self.memory {
            EngineMemory::Planned(service) => (service.max_seqs > 0).then_some(service.max_seqs),
            EngineMemory::Stated(_) => None,
        }
    }
}

/// What an engine takes of each of its GPUs.
#[derive(Debug)]
pub enum EngineMemory {
    /// What the plan finds.
    Planned(Box<Service>),
    /// So many bytes, as the spec says.
    Stated(u64),
}

/// How an upstream is checked while no client waits for it.
#[derive(Clone, Debug)]
pub struct Health {
    /// What a check asks for.
    pub probe: Probe,
    /// From the end of a check to the next one.
    pub interval: Duration,
    /// How long a check may take.
    pub timeout: Duration,
    /// So many failed checks in a row make it unhealthy.
    pub unhealthy_after: u64,
    /// So many good checks in a row make it healthy again.
    pub healthy_after: u64,
    /// Where it was written: `health` or `upstreams.NAME.health`.
    pub path: KeyPath,
}

/// What a health check asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A path.
    Path(String),
    /// One token of a chat.
    Chat,
    /// One token of a completion.
    Completion,
    /// An embedding.
    Embedding,
}

impl Probe {
    /// Whether it asks the model, and not only the server.
    pub fn is_of_model(&self) -> bool {
        !matches!(self, Self::Path(_))
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

/// Where a secret is read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file.
    File(String),
}

/// How models choose among upstreams.
#[derive(Debug)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// `[routes.NAME]`.
    pub path: KeyPath,
    /// The models it serves, in the order written.
    pub models: Vec<Id<Model>>,
    /// What its choice goes by.
    pub draw: Draw,
    /// The rule; `None` where it could not be resolved, which is reported.
    pub rule: Option<Rule>,
    /// What gets a copy of some requests.
    pub shadow: Option<Shadow>,
    /// How its upstreams are tried again.
    pub retry: Option<Retry>,
    /// When a second upstream is asked beside a slow one.
    pub hedge: Option<Hedge>,
}

/// What gets a copy of some requests of a route.
#[derive(Debug)]
pub struct Shadow {
    /// `routes.NAME.shadow`.
    pub path: KeyPath,
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// The part of the requests that is copied.
    pub share: Percent,
    /// The most copies in flight at once.
    pub concurrent: u64,
}

/// How the upstreams of a route are tried again.
#[derive(Debug)]
pub struct Retry {
    /// How often each may be tried in all.
    pub attempts: u64,
    /// The longest pause before the second try.
    pub backoff: Duration,
    /// The longest pause of all.
    pub max_backoff: Duration,
}

impl Retry {
    /// The longest that its pauses may take together. They double up to the limit.
    pub fn longest_pauses(&self) -> Duration {
        let double = |pause: &Duration| Some(pause.saturating_mul(2));
        let pauses = std::iter::successors(Some(self.backoff), double);
        let repeats = usize::try_from(self.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let pauses = pauses.map(|pause| pause.min(self.max_backoff));
        pauses
            .take(repeats)
            .fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// When a second upstream is asked beside a slow one.
#[derive(Debug)]
pub struct Hedge {
    /// How long the first byte is waited for.
    pub after: Duration,
    /// The most second requests, as a part of all.
    pub budget: Percent,
}

/// What the choice of a route goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Each request is chosen for anew.
    Sequence,
    /// The caller's key.
    Caller,
    /// The request's session.
    Session,
    /// The first so many bytes of the prompt.
    Head(u64),
}

/// The rule of a route.
#[derive(Debug)]
pub enum Rule {
    /// One upstream takes all.
    Direct(Id<Upstream>),
    /// Several share by weight, sorted by name.
    Weighted(Vec<Target>),
    /// A canary takes a share.
    Canary {
        /// Takes the rest.
        primary: Id<Upstream>,
        /// Takes the share.
        canary: Id<Upstream>,
        /// The share.
        share: Percent,
    },
    /// Lists of upstreams in order; those of one list share evenly, sorted by name.
    Priority(Vec<Vec<Id<Upstream>>>),
    /// The one with the fewest requests in flight.
    LeastInFlight(Vec<Id<Upstream>>),
    /// The one that the prompt's head ranks highest, if it has room.
    Prefix {
        /// Where the requests go.
        upstreams: Vec<Id<Upstream>>,
        /// The most that one may have in flight, relative to the mean.
        load_factor: Percent,
    },
}

impl Rule {
    /// Every upstream that this rule can choose.
    pub fn upstreams(&self) -> Vec<Id<Upstream>> {
        match self {
            Self::Direct(upstream) => vec![*upstream],
            Self::Weighted(targets) => targets.iter().map(|target| target.upstream).collect(),
            Self::Canary {
                primary, canary, ..
            } => vec![*primary, *canary],
            Self::Priority(tiers) => tiers.concat(),
            Self::LeastInFlight(upstreams) | Self::Prefix { upstreams, .. } => upstreams.clone(),
        }
    }
}

/// One upstream of a weighted route.
#[derive(Debug)]
pub struct Target {
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// Its weight, at least 1.
    pub weight: u64,
}

/// A percentage in hundredths of a percent: of a share from 0 to 10000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u32);

/// An API key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// `[keys.NAME]`.
    pub path: KeyPath,
    /// Where it is read from; `None` where that could not be resolved, which is reported.
    pub secret: Option<Secret>,
    /// What it may ask for.
    pub models: Access,
    /// How much it may ask for.
    pub limit: Option<Id<Limit>>,
    /// Its turn, where its requests wait.
    pub priority: Priority,
    /// Whether its holder may change the gateway while it runs.
    pub admin: bool,
    /// The part of its successful requests that is logged.
    pub log_sample: Option<Percent>,
}

/// What a token must be.
#[derive(Debug)]
pub struct Jwt {
    /// `[auth.jwt]`.
    pub path: KeyPath,
    /// What it is signed with; `None` where that is unknown, which is reported.
    pub algorithm: Option<Algorithm>,
    /// What verifies it; `None` where that is reported.
    pub keys: Option<TokenKeys>,
    /// Its `iss`.
    pub issuer: String,
    /// Its `aud`, or one of them.
    pub audience: String,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// The claim that lists the models which it allows.
    pub models_claim: String,
    /// What it allows without that claim.
    pub models: Access,
    /// How much each subject may ask for.
    pub limit: Option<Id<Limit>>,
    /// The turn of its bearer, where requests wait.
    pub priority: Priority,
}

impl Jwt {
    /// Where the one key that verifies it is read from, if it is one.
    pub fn secret(&self) -> Option<&Secret> {
        match self.keys.as_ref()? {
            TokenKeys::Fixed(secret) => Some(secret),
            TokenKeys::Published(_) => None,
        }
    }

    /// Where its issuer publishes its keys, if it does.
    pub fn jwks(&self) -> Option<&Jwks> {
        match self.keys.as_ref()? {
            TokenKeys::Fixed(_) => None,
            TokenKeys::Published(jwks) => Some(jwks),
        }
    }
}

/// What tokens are verified with.
#[derive(Debug)]
pub enum TokenKeys {
    /// One key, read from here.
    Fixed(Secret),
    /// The keys that the issuer publishes.
    Published(Jwks),
}

/// Where an issuer publishes its keys.
#[derive(Debug)]
pub struct Jwks {
    /// `[auth.jwt.jwks]`.
    pub path: KeyPath,
    /// Their address, of `http` or `https`; `None` where it could not be read, which is reported.
    pub url: Option<String>,
    /// How old they may become.
    pub refresh: Duration,
    /// The file of the authorities that are believed, if not those of the web.
    pub ca: Option<String>,
}

impl Jwks {
    /// Whether they come over TLS.
    pub fn is_encrypted(&self) -> bool {
        let url = self.url.as_deref();
        url.is_none_or(|url| url.starts_with("https://"))
    }
}

/// Where the limits of all replicas are counted.
#[derive(Debug)]
pub struct Store {
    /// `[store.redis]`.
    pub path: KeyPath,
    /// Where its URL is read from; `None` where that could not be resolved, which is reported.
    pub url: Option<Secret>,
    /// What happens to requests that it does not count; `None` where that is unknown, which is reported.
    pub when_away: Option<WhenAway>,
    /// How long a request waits for it.
    pub timeout: Duration,
    /// How it is reached encrypted, if it is.
    pub tls: Option<UpstreamTls>,
}

/// What happens to requests while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// Each replica goes by its own counts.
    Admit,
    /// They are refused.
    Refuse,
}

impl WhenAway {
    /// Everything that can happen.
    pub const ALL: [Self; 2] = [Self::Admit, Self::Refuse];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Refuse => "refuse",
        }
    }
}

/// What a token is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::Rs256, Self::Es256];

    /// As tokens and specs write it: `HS256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// What is kept out of what is written about requests.
#[derive(Debug)]
pub struct Privacy {
    /// The last part of client addresses.
    pub client_ip: bool,
    /// E-mail addresses.
    pub email: bool,
    /// Telephone numbers.
    pub phone: bool,
    /// API keys and tokens.
    pub key: bool,
}

/// The record of who asked what.
#[derive(Debug)]
pub struct Audit {
    /// `[audit]`.
    pub path: KeyPath,
    /// Where the salt is read from; `None` where that is reported.
    pub salt: Option<Secret>,
    /// The file that records are appended to; `None` for standard output.
    pub file: Option<String>,
    /// What happens to requests while records cannot be written; `None` where that is reported.
    pub when_failing: Option<WhenFailing>,
}

/// Where spans go, and of which requests.
#[derive(Debug)]
pub struct Otlp {
    /// `[telemetry.otlp]`.
    pub path: KeyPath,
    /// The collector; `None` where it could not be read, which is reported.
    pub endpoint: Option<Endpoint>,
    /// The part of requests that is recorded.
    pub sample: Percent,
    /// Headers with where their values are read from, sorted by name; `None` where that is reported.
    pub headers: Vec<(String, Option<Secret>)>,
}

/// What happens to requests while they cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFailing {
    /// They are served.
    Admit,
    /// They are refused.
    Refuse,
}

impl WhenFailing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Admit, Self::Refuse];

    /// As specs write it: `admit`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Refuse => "refuse",
        }
    }
}

/// How much may be asked for, by each that names it.
#[derive(Debug)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// `[limits.NAME]`.
    pub path: KeyPath,
    /// Requests in a window of time.
    pub requests: Option<Rate>,
    /// Tokens in a window of time.
    pub tokens: Option<Rate>,
    /// Requests at once.
    pub concurrent: Option<u64>,
    /// Where requests wait for one that runs to end.
    pub queue: Option<Queue>,
}

/// Where requests wait.
#[derive(Debug)]
pub struct Queue {
    /// `[limits.NAME.queue]`.
    pub path: KeyPath,
    /// The most that wait, of each priority.
    pub length: u64,
    /// How long one may wait.
    pub wait: Duration,
}

/// Whose turn it is where several wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Most of the places.
    High,
    /// As the author says nothing.
    #[default]
    Normal,
    /// What is left, and never nothing.
    Low,
}

impl Priority {
    /// Every priority.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
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

/// What a key may ask for.
#[derive(Debug)]
pub enum Access {
    /// Every model.
    All,
    /// These, sorted by name.
    Only(Vec<Id<Model>>),
}

/// An environment.
#[derive(Debug)]
pub struct Overlay {
    /// Its name.
    pub name: String,
    /// `[overlays.NAME]`.
    pub path: KeyPath,
    /// Whether real users depend on it.
    pub production: bool,
    /// What answers for upstreams.
    pub servers: Servers,
    /// The addresses that differ, sorted by upstream.
    pub addresses: Vec<Address>,
    /// What it is in Kubernetes.
    pub kubernetes: kubernetes::Environment,
}

/// What answers for the upstreams of an environment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Servers {
    /// They do.
    #[default]
    Real,
    /// A server without a model, for all but those with a `tls` of their own.
    Mock,
}

impl Servers {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Real, Self::Mock];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Mock => "mock",
        }
    }
}

/// The address that an upstream has in an environment.
#[derive(Debug)]
pub struct Address {
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// Where it is there.
    pub endpoint: Endpoint,
    /// `overlays.NAME.upstreams.NAME.url`.
    pub path: KeyPath,
}

/// What becomes of the findings of a code.
#[derive(Debug)]
pub struct Lint {
    /// `[lints.CODE]`.
    pub path: KeyPath,
    /// What becomes of them.
    pub level: Level,
    /// Why.
    pub reason: String,
}

/// What may become of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It is not reported.
    Allow,
    /// It is an error.
    Deny,
}

macro_rules! named {
    ($($entity:ty),*) => {
        $(impl Named for $entity {
            fn name(&self) -> &str {
                &self.name
            }
        })*
    };
}

named!(Gpu, Key, Limit, Model, Overlay, Route, Upstream);

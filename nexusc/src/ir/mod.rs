//! What is meant: the topology, with every name resolved, every unit parsed, every default filled in.
//!
//! Every entity keeps the key path of the table that it was written as. Where a diagnostic was reported, a
//! hole (`None`) or a harmless value stands in, so that the checks can go on; emission only ever sees a
//! topology without errors.

pub mod alert;
pub mod audit;
pub mod cloudwatch;
pub mod compose;
pub mod container;
pub mod deploy;
pub mod engine;
pub mod gateway;
pub mod grafana;
pub mod health;
pub mod jwt;
pub mod key;
pub mod kubernetes;
pub mod limit;
pub mod lint;
pub mod model;
pub mod overlay;
pub mod percent;
pub mod receiver;
pub mod route;
pub mod secret;
pub mod slo;
pub mod store;
pub mod table;
pub mod telemetry;
pub mod test;
pub mod timeouts;
pub mod tls;
pub mod upstream;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::code::Code;
use crate::ir::table::{Id, Table};

pub use crate::ir::audit::{Audit, Privacy, WhenFailing};
pub use crate::ir::engine::{Engine, EngineMemory, Gpu};
pub use crate::ir::gateway::{Cors, Gateway, Idempotency, Input, Stream};
pub use crate::ir::health::{Health, Probe};
pub use crate::ir::jwt::{Algorithm, Jwks, Jwt, TokenKeys};
pub use crate::ir::key::{Access, Key};
pub use crate::ir::limit::{Limit, Priority, Queue, Rate};
pub use crate::ir::lint::{Level, Lint};
pub use crate::ir::model::{Capabilities, Modality, Model, Parameter};
pub use crate::ir::overlay::{Address, Overlay, Servers};
pub use crate::ir::percent::Percent;
pub use crate::ir::route::{Draw, Hedge, Retry, Route, Rule, Shadow, Target};
pub use crate::ir::secret::Secret;
pub use crate::ir::store::{Store, WhenAway};
pub use crate::ir::telemetry::Otlp;
pub use crate::ir::timeouts::{Timeouts, Total, Totals};
pub use crate::ir::tls::{GatewayTls, Identity, UpstreamTls};
pub use crate::ir::upstream::{Breaker, Endpoint, Upstream};

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

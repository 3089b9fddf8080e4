//! What was written: one structure for each table of the language, edition 1.
//!
//! These structures are the language's only definition: serde reads a spec through them, schemars derives
//! the JSON schema for editors and for [`crate::parse`], and their documentation is what editors show.
//! No logic here: what the text means is settled by [`crate::resolve`].

pub mod alert;
pub mod architecture;
pub mod audit;
pub mod auth;
pub mod breaker;
pub mod capabilities;
pub mod cloudwatch;
pub mod compose;
pub mod cors;
pub mod deploy;
pub mod engine;
pub mod gateway;
pub mod gpu;
pub mod grafana;
pub mod health;
pub mod hedge;
pub mod idempotency;
pub mod input;
pub mod key;
pub mod kubernetes;
pub mod limit;
pub mod lint;
pub mod log;
pub mod model;
pub mod overlay;
pub mod privacy;
pub mod prometheus;
pub mod receiver;
pub mod retry;
pub mod route;
pub mod secret;
pub mod shadow;
pub mod slo;
pub mod store;
pub mod stream;
pub mod telemetry;
pub mod test;
pub mod timeouts;
pub mod tls;
pub mod upstream;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A Nexus spec: one file that says what a gateway serves, from where, to whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The edition of the language: 1.
    pub edition: u64,
    /// The front door: where the gateway listens and what it bounds.
    #[serde(default)]
    pub gateway: gateway::Gateway,
    /// How long upstreams and requests may take; the `timeouts` of an upstream or a model come first.
    #[serde(default)]
    pub timeouts: timeouts::Defaults,
    /// When upstreams that fail are left alone; an upstream's own `breaker` comes first. Default: never.
    pub breaker: Option<breaker::Breaker>,
    /// How upstreams are checked while no client waits; an upstream's own `health` comes first. Default: they
    /// are not.
    pub health: Option<health::Health>,
    /// The GPUs that upstreams run on, for the GPU plan.
    #[serde(default)]
    pub gpus: BTreeMap<String, gpu::Gpu>,
    /// Models whose figures the GPU plan does not know.
    #[serde(default)]
    pub architectures: BTreeMap<String, architecture::Architecture>,
    /// The names that clients ask for.
    #[serde(default)]
    pub models: BTreeMap<String, model::Model>,
    /// The servers that produce responses.
    #[serde(default)]
    pub upstreams: BTreeMap<String, upstream::Upstream>,
    /// How the requests of a model choose among upstreams.
    #[serde(default)]
    pub routes: BTreeMap<String, route::Route>,
    /// How much may be asked for, by keys and of models.
    #[serde(default)]
    pub limits: BTreeMap<String, limit::Limit>,
    /// The API keys that callers present.
    #[serde(default)]
    pub keys: BTreeMap<String, key::Key>,
    /// Other ways than API keys to know who asks.
    #[serde(default)]
    pub auth: auth::Auth,
    /// Where the replicas of the gateway count together.
    #[serde(default)]
    pub store: store::Store,
    /// What is logged of requests. Default: all.
    pub log: Option<log::Log>,
    /// What is kept out of whatever is written about requests. Default: nothing.
    pub privacy: Option<privacy::Privacy>,
    /// The record of who asked what. Default: none.
    pub audit: Option<audit::Audit>,
    /// What is told to other systems about requests.
    #[serde(default)]
    pub telemetry: telemetry::Telemetry,
    /// Service level objectives: which part of requests is to go well. Default: none.
    #[serde(default)]
    pub slos: BTreeMap<String, slo::Slo>,
    /// What differs from the usual for alerts.
    #[serde(default)]
    pub alerts: BTreeMap<String, alert::Alert>,
    /// Who is told of alerts. Default: nobody, they are seen in Alertmanager only.
    #[serde(default)]
    pub receivers: BTreeMap<String, receiver::Receiver>,
    /// What is emitted beside the dataplane.
    #[serde(default)]
    pub deploy: deploy::Deploy,
    /// The environments that the gateway is deployed to.
    #[serde(default)]
    pub overlays: BTreeMap<String, overlay::Overlay>,
    /// Requests, and what is expected to become of them. Default: none.
    #[serde(default)]
    pub tests: Vec<test::Test>,
    /// Findings of the compiler that this spec allows or makes errors, by code, each with a reason.
    #[serde(default)]
    pub lints: BTreeMap<String, lint::Lint>,
}

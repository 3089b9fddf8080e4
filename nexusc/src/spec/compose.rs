//! `[deploy.compose]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::tls::Pem;

/// What the emitted compose files run beside the gateway, its Redis, the engines of upstreams and the monitoring.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compose {
    /// Profiles of compose, each with the upstreams whose engines it starts: `{ phase-1 = ["small"], all = ["*"] }`.
    /// Default: each engine is started always, or with the `profile` that it has itself.
    #[serde(default)]
    pub profiles: BTreeMap<String, Vec<String>>,
    /// Where the monitoring and Kibana are reached, from this machine alone.
    #[serde(default)]
    pub ports: Ports,
    /// An nginx in front of the gateway, which ends TLS. Default: none; the gateway ends TLS by itself
    /// (`[gateway.tls]`).
    pub nginx: Option<Nginx>,
    /// Servers that belong to the same application: a vector store, an embedding or a RAG service.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
}

/// The ports of the monitoring and of Kibana, on the loopback address of the machine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// Prometheus. Default: `9090`.
    pub prometheus: Option<u64>,
    /// Alertmanager. Default: `9093`.
    pub alertmanager: Option<u64>,
    /// Grafana. Default: `3000`.
    pub grafana: Option<u64>,
    /// Kibana. Default: `5601`.
    pub kibana: Option<u64>,
}

/// An nginx that ends TLS; nobody reaches the gateway past it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nginx {
    /// The port that clients reach. Default: `443`.
    pub port: Option<u64>,
    /// Its certificate, followed by those between it and the authority.
    pub certificate: Pem,
    /// The key of the certificate.
    pub private_key: Pem,
}

/// A server beside the gateway, which reaches it by its name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its image with a tag: `"qdrant/qdrant:v1.15.0"`.
    pub image: String,
    /// The port that it listens on, if it is to be reached from this machine. Default: only other services reach it.
    pub port: Option<u64>,
    /// Variables that it needs, by name; their values are in `.env`. Default: none.
    #[serde(default)]
    pub environment: Vec<String>,
    /// A command of its shell that succeeds once it serves: `"wget -qO- http://localhost:6333/readyz"`. Default: what
    /// its image says.
    pub health: Option<String>,
    /// The folder of its container that is kept: `"/qdrant/storage"`. Default: none.
    pub data: Option<String>,
    /// Services that are up before it starts. Default: none.
    #[serde(default)]
    pub after: Vec<String>,
}

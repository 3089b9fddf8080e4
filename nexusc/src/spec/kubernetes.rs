//! `[deploy.kubernetes]` and `[overlays.NAME.kubernetes]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// What the emitted base for Kubernetes says; whatever else is to differ is patched by a kustomization of your own, on
/// top of the emitted ones.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kubernetes {
    /// The namespace that the gateway, its Redis and its engines run in. Default: the name of the spec.
    pub namespace: Option<String>,
    /// The host that the ingress answers to. Default: `"gateway.local"`.
    pub host: Option<String>,
    /// How clients outside the cluster reach the gateway: some of `"ingress"` and `"load-balancer"`. Default:
    /// `["ingress"]`; `["load-balancer"]`, where clients present certificates (`gateway.tls.client_ca`).
    pub expose: Option<Vec<String>>,
    /// How many gateways there are. Default: two to six; one, where limits are counted and there is no `[store.redis]`
    /// to count them together.
    pub replicas: Option<Replicas>,
    /// The namespaces whose pods may connect to the gateway: those of the ingress controller, of Prometheus, and of
    /// clients in the cluster. Default: `["ingress-nginx", "monitoring"]`.
    pub allow_from: Option<Vec<String>>,
    /// The labels of the nodes that engines run on. Default: `{ "nvidia.com/gpu.present" = "true" }`.
    pub gpu_nodes: Option<BTreeMap<String, String>>,
    /// Whether Prometheus Operator runs in the cluster: then it is told to scrape the gateway, and the rules. A
    /// Prometheus that several environments share takes them for one gateway, unless its `enforcedNamespaceLabel` keeps
    /// them apart. Default: `false`.
    pub prometheus_operator: Option<bool>,
}

/// How many gateways there are: more from 70 % of the CPU that they ask for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replicas {
    /// The fewest.
    pub min: u64,
    /// The most.
    pub max: u64,
}

/// What an environment in Kubernetes varies.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its namespace. Default: that of the base, a hyphen and the name of the overlay, so that two environments in one
    /// cluster never meet.
    pub namespace: Option<String>,
    /// The host that its ingress answers to. Default: that of the base, if the spec says one; else the name of the
    /// overlay before it: `staging.gateway.local`.
    pub host: Option<String>,
    /// How many gateways it has. Default: as many as the base.
    pub replicas: Option<Replicas>,
}

//! What a gateway is in Kubernetes, as far as emitted manifests go by it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::key_path::KeyPath;

/// The base.
#[derive(Debug)]
pub struct Kubernetes {
    /// `[deploy.kubernetes]`.
    pub path: KeyPath,
    /// What an environment may vary.
    pub environment: Environment,
    /// How clients outside the cluster reach the gateway.
    pub expose: BTreeSet<Exposure>,
    /// The namespaces whose pods may connect to it.
    pub allow_from: BTreeSet<String>,
    /// The labels of the nodes that engines run on.
    pub gpu_nodes: BTreeMap<String, String>,
    /// Whether Prometheus Operator is told of it.
    pub prometheus_operator: bool,
}

/// What differs between environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Where everything runs.
    pub namespace: String,
    /// What the ingress answers to.
    pub host: String,
    /// How many gateways there are.
    pub replicas: Replicas,
}

/// How many gateways there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Replicas {
    /// The fewest.
    pub min: u64,
    /// The most.
    pub max: u64,
}

/// How clients outside a cluster reach what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exposure {
    /// By a host, through the cluster's ingress controller.
    Ingress,
    /// By an address of its own.
    LoadBalancer,
}

impl Exposure {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ingress, Self::LoadBalancer];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::LoadBalancer => "load-balancer",
        }
    }
}

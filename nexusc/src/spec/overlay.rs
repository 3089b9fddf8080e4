//! `[overlays.NAME]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::kubernetes;

/// An environment that the gateway is deployed to. The binary is the same everywhere; an overlay varies
/// what is read at start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Whether real users depend on it: the compiler then refuses development mode and mock upstreams.
    /// Default: `false`.
    pub production: Option<bool>,
    /// What answers for upstreams: `"real"`, or `"mock"`, one server without a model and without a GPU in the place of
    /// all of them but those with a `tls` of their own. Default: `"real"`.
    pub servers: Option<String>,
    /// The profile whose engines run here, beside those of none. Default: none; in Kubernetes such engines wait until they
    /// are scaled, with compose for `--profile`.
    pub profile: Option<String>,
    /// What differs for upstreams.
    #[serde(default)]
    pub upstreams: BTreeMap<String, Upstream>,
    /// What differs in Kubernetes.
    #[serde(default)]
    pub kubernetes: kubernetes::Environment,
}

/// What an overlay varies for an upstream.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its address in this environment.
    pub url: String,
}

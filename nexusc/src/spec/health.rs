//! `[health]` and `[upstreams.NAME.health]`

use schemars::JsonSchema;
use serde::Deserialize;

/// How an upstream is checked while no client waits for it. A check asks for `path` over a connection of its
/// own, with the upstream's key, and passes if the answer is 200; under `"/v1/models"` the list must also have
/// the upstream's `model`. With `probe`, it asks the model itself instead. Unhealthy upstreams are tried last: after every other upstream and fallback, and
/// not at all where one of those answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is asked for. `"/health"` costs a server less, and is answered by one that serves another model.
    /// Default: `"/v1/models"`.
    pub path: Option<String>,
    /// What the upstream's `model` is asked for instead of a path: one token of a `"chat"` or of a
    /// `"completion"`, or an `"embedding"`. It finds an engine that has stalled and still lists its models, and
    /// it costs the engine a request, which waits in its queue like any other. Default: none, `path` is asked for.
    pub probe: Option<String>,
    /// From the end of a check to the next one. Default: `"5s"`, and `"30s"` for a `probe`.
    pub interval: Option<String>,
    /// How long a check may take, from the connection to the end of the answer. Default: `"1s"`, and `"10s"`
    /// for a `probe`. An upstream that has a `probe` where `[health]` has a path, or the other way round, takes
    /// neither time from there.
    pub timeout: Option<String>,
    /// How many failed checks in a row make the upstream unhealthy. Default: `2`.
    pub unhealthy_after: Option<u64>,
    /// How many good checks in a row make it healthy again. Default: `1`.
    pub healthy_after: Option<u64>,
}

//! `[keys.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::secret::Secret;

/// An API key that callers present as `X-API-Key` or `Authorization: Bearer`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Where the key itself is read from when the gateway starts.
    pub secret: Secret,
    /// The models that it may ask for, by name; `["*"]` for all.
    pub models: Vec<String>,
    /// The limit of how much it may ask for, by name. Default: any amount.
    pub limit: Option<String>,
    /// Its turn where requests wait in the queue of a limit: `"high"` gets four places of seven that become
    /// free, `"normal"` two, `"low"` one; what a priority has no use for goes to the others. Default:
    /// `"normal"`.
    pub priority: Option<String>,
    /// Whether its holder may take upstreams out of use and turn features off while the gateway runs, under
    /// `/v1/admin/`; give such a key to people and not to applications. Without any such key there is
    /// nothing at these paths. Default: `false`.
    pub admin: Option<bool>,
    /// The part of its successful requests whose access line is logged, such as `"100%"`. Default: what the
    /// model says, else `[log]`.
    pub log_sample: Option<String>,
}

//! `[models.NAME.capabilities]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What a model can take. The compiler compares it with what its fallback models can, so that none of them is
/// asked for what it cannot do; what is not stated is not compared. Nothing of it is enforced on requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// The most tokens of a prompt and its answer together, as its engines serve it (`--max-model-len` of vLLM).
    /// Default: unknown.
    pub context: Option<u64>,
    /// Whether it calls tools. Default: unknown.
    pub tools: Option<bool>,
    /// What a prompt may hold: `"text"`, `"image"`, `"audio"` and `"video"`. Default: unknown.
    pub modalities: Option<Vec<String>>,
}

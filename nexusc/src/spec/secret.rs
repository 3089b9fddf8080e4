//! Where a secret comes from: `{ env = "NAME" }` or `{ file = "/run/secrets/name" }`.

use schemars::JsonSchema;
use serde::Deserialize;

/// Where a secret is read from when the gateway starts. Set exactly one field; the secret itself is never
/// written into a spec.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-nexus-secret" = true))]
pub struct Secret {
    /// The environment variable that holds it, in capitals: `"OPENAI_API_KEY"`. Default: none, `file` says.
    pub env: Option<String>,
    /// The file that holds it, by absolute path: `"/run/secrets/openai"`. Default: none, `env` says.
    pub file: Option<String>,
}

/// The file that holds a secret, such as `{ file = "/run/secrets/slack" }`: for programs that read no variables.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-nexus-secret" = true))]
pub struct SecretFile {
    /// The file, by absolute path.
    pub file: String,
}

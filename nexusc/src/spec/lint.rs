//! `[lints]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What becomes of the findings of a code. `nexusc explain` lists the codes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lint {
    /// `"allow"`: they are not reported; for warnings, and for errors whose page says so. `"deny"`: a warning
    /// becomes an error.
    pub level: String,
    /// Why, for whoever reads the spec after you, and for reports.
    pub reason: String,
}

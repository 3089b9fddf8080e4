//! `[gateway.cors]`

use schemars::JsonSchema;
use serde::Deserialize;

/// The web pages that may use the gateway from a browser (CORS). The browser's question before a request
/// (the preflight) is answered without an API key; the request itself needs one. Pages of any other origin
/// are not let in by browsers. Without this table no page is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// The origins of these pages, each as browsers write it: scheme, host, and a port that is not the
    /// scheme's own, such as `"https://chat.example.com"` or `"http://localhost:3000"`.
    pub origins: Vec<String>,
}

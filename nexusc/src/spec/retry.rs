//! `[routes.NAME.retry]`

use schemars::JsonSchema;
use serde::Deserialize;

/// How the upstreams of a route are tried again when all of them have failed, before fallback models are:
/// those whose failure may pass by itself (no connection, a connection lost before the first byte, or a 408,
/// 429, 502, 503 or 504 without `Retry-After`), after a pause, as long as the total timeout leaves time for it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How often each upstream may be tried in all, from 2 up to 10. Default: `2`.
    pub attempts: Option<u64>,
    /// The longest pause before the second try; it doubles for each further one. Each pause is drawn anew
    /// between none and the longest (full jitter). Default: `"50ms"`.
    pub backoff: Option<String>,
    /// The longest pause of all. Default: `"1s"`.
    pub max_backoff: Option<String>,
}

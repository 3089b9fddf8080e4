//! `[gateway.idempotency]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What becomes of a request with an `Idempotency-Key` that is sent again, by a client that does not know
/// whether it was answered. The same request gets the same answer, with the header `idempotent-replayed`, and
/// no model is asked for it; while the first is being answered, it is answered 409; another request with the
/// same key is answered 422. Answers are kept for who asked, where a repeated request would get the same:
/// successes, and mistakes of the client's; no streams. They are kept in memory: each replica keeps its own,
/// and forgets them when it stops.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// For how long an answer is kept, such as `"10m"`. Default: `"10m"`.
    pub ttl: Option<String>,
    /// The most memory for all answers that are kept, from `"1MiB"` to `"4GiB"`; the oldest are forgotten
    /// first. One that alone takes more than a sixteenth of it is not kept. Default: `"16MiB"`.
    pub max_bytes: Option<String>,
}

//! `[[tests]]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A request, and what is expected to become of it. It is decided by the code that gateways run, without a
/// network; a spec whose tests fail does not compile. What is left out, such as the draw of a canary, may be
/// anything: the expectation has to hold all the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What it shows, for reports: one line, which no other test has. Default: its place in the spec.
    pub name: Option<String>,
    /// The API key of who asks, by name. Default: nobody is known.
    pub key: Option<String>,
    /// Who asks by a token of `[auth.jwt]`: its `sub`.
    pub subject: Option<String>,
    /// The models that the token names; `["*"]` for all. Default: it has no such claim.
    pub claims: Option<Vec<String>>,
    /// The model that the request names; it need not exist.
    pub model: String,
    /// The request's header `x-session-id`. Default: it has none.
    pub session: Option<String>,
    /// The JSON of `messages`, `prompt` or `input` as it is sent, or as much of its beginning as matters.
    /// Default: a prompt of no length that no other request has in common.
    pub prompt: Option<String>,
    /// The request's `max_tokens`. Default: it has none.
    pub max_tokens: Option<u64>,
    /// Where the request falls among a hundred, where each is chosen for anew: a canary of `"5%"` takes those
    /// below `"5%"`. Default: anywhere.
    pub draw: Option<String>,
    /// Upstreams that take no connection.
    #[serde(default)]
    pub down: Vec<String>,
    /// Upstreams whose health checks fail, though they may answer.
    #[serde(default)]
    pub unhealthy: Vec<String>,
    /// The status that upstreams answer with. Default: 200.
    #[serde(default)]
    pub answers: BTreeMap<String, u64>,
    /// The requests that upstreams have in flight. Default: none.
    #[serde(default)]
    pub in_flight: BTreeMap<String, u64>,
    /// Requests just like it that came before. Default: none.
    pub after: Option<After>,
    /// What becomes of it; what is left out may be anything.
    pub expect: Expect,
}

/// Requests just like the one that is tested.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct After {
    /// How many, from 1 up to 100000.
    pub requests: u64,
    /// How long before they came, all at once, such as `"10s"`. Default: right before.
    pub ago: Option<String>,
}

/// What becomes of a request. At least one field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status of its response: 200, 401 without a known caller, 403 or 404 for the model, 429 by a limit, 502
    /// to 504 where no upstream answers, or what an upstream says.
    pub status: Option<u64>,
    /// The route whose upstream answers.
    pub route: Option<String>,
    /// The upstream that answers.
    pub upstream: Option<String>,
    /// The upstreams that are asked, in this order, up to the one that answers; each once, retries left out.
    pub order: Option<Vec<String>>,
    /// The model that answers in place of the one that was asked for.
    pub fallback: Option<String>,
    /// The limit that refuses it.
    pub limit: Option<String>,
    /// The parts of many such requests that upstreams answer, such as `{ a = "95%", b = "5%" }`; upstreams that
    /// are not named answer none. They hold to 0.1 %.
    pub shares: Option<BTreeMap<String, String>>,
    /// Headers of its response that the gateway sets: `x-fallback-model`, `retry-after`, and of
    /// `x-ratelimit-*` those of `limit` and `remaining`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

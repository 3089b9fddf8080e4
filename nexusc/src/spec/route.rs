//! `[routes.NAME]`

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::hedge::Hedge;
use crate::spec::retry::Retry;
use crate::spec::shadow::Shadow;

/// How the requests of its models choose among upstreams. Set exactly one of `direct`, `weighted`,
/// `canary`, `priority`, `least_in_flight` and `prefix`. Whichever upstream is chosen first, the route's
/// others are tried when it fails before the first byte.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The models that this route serves.
    pub models: Vec<String>,
    /// One upstream takes all.
    pub direct: Option<Direct>,
    /// Several upstreams share by weight.
    pub weighted: Option<Weighted>,
    /// A canary takes a small share of a primary's requests.
    pub canary: Option<Canary>,
    /// Upstreams in order: the next only when those before it fail.
    pub priority: Option<Priority>,
    /// The upstream with the fewest requests in flight.
    pub least_in_flight: Option<LeastInFlight>,
    /// Prompts that begin alike go to the same upstream, whose prefix cache knows their beginning.
    pub prefix: Option<Prefix>,
    /// A copy of some requests goes to one more upstream, to compare. Default: none.
    pub shadow: Option<Shadow>,
    /// How its upstreams are tried again when all have failed. Default: each is tried once.
    pub retry: Option<Retry>,
    /// When a second upstream is asked beside a slow one. Default: never.
    pub hedge: Option<Hedge>,
}

/// One upstream takes all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Direct {
    /// The upstream.
    pub upstream: String,
}

/// Several upstreams share by weight.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// Each upstream's weight, a whole number from 1 up to 1000000: `{ a = 9, b = 1 }` gives `a` nine
    /// tenths.
    pub targets: BTreeMap<String, u64>,
    /// What always gets the same upstream: `"key"`, the caller's API key; or `"session"`, the value of the
    /// request's header `x-session-id` (up to 128 bytes). The choice is the same after a restart and in
    /// every replica; the shares hold over many of them. Default: each request is chosen for anew, as is
    /// one without the header.
    pub sticky: Option<String>,
}

/// A canary takes a small share of a primary's requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The upstream that takes the rest.
    pub primary: String,
    /// The upstream on trial.
    pub canary: String,
    /// The canary's share, such as `"5%"` or `"0.25%"`.
    pub percent: String,
    /// What always gets the same upstream: `"key"`, the caller's API key; or `"session"`, the value of the
    /// request's header `x-session-id` (up to 128 bytes). The choice is the same after a restart and in
    /// every replica, and who is on the canary stays there while its share grows. Default: each request
    /// is chosen for anew, as is one without the header.
    pub sticky: Option<String>,
}

/// Upstreams in order: the next only when those before it fail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Priority {
    /// Each upstream's number, a whole number from 0 up to 1000, the lowest first: `{ own = 1, cloud = 2 }`.
    /// Upstreams with the same number share evenly.
    pub targets: BTreeMap<String, u64>,
}

/// The upstream with the fewest requests in flight, counted to the end of the response; equals share
/// evenly. Each gateway process counts its own requests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeastInFlight {
    /// The upstreams.
    pub upstreams: Vec<String>,
}

/// Prompts that begin alike go to the same upstream, whose prefix cache knows their beginning. Each
/// upstream is ranked for each beginning by a hash of both (rendezvous hashing), and the highest that is not
/// overloaded is chosen: one that is added takes 1 of n beginnings, one that fails leaves each of its own
/// to the next in rank, and no other moves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// The upstreams.
    pub upstreams: Vec<String>,
    /// How much of the JSON of `messages`, `prompt` or `input` is compared, such as `"1KiB"`: no more than
    /// what prompts have in common, such as a system prompt. A shorter prompt is compared whole. Default:
    /// `"1KiB"`.
    pub head: Option<String>,
    /// The most that an upstream may have in flight, relative to the mean of the route's: with `"125%"`, a
    /// beginning that everybody uses spills over to others once its upstream has a quarter more than
    /// the mean. From `"100%"` up to `"10000%"`. Default: `"125%"`.
    pub load_factor: Option<String>,
}

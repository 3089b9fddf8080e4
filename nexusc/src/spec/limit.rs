//! `[limits.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

/// How much may be asked for. Set at least one field. Keys, models and `[auth.jwt]` name a limit, and each of
/// them, and each subject of tokens, has a count of its own: two keys with the same limit do not share it.
/// What is over the limit is answered 429 with the time to wait. Counts are kept by each gateway process;
/// with `[store.redis]` those of `requests` and `tokens` by all replicas together.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Requests in any window of a second, a minute or an hour, such as `"600/min"`; also `/s` and `/h`. Default: any
    /// number.
    pub requests: Option<String>,
    /// Tokens in any window of a second, a minute or an hour, such as `"200_000/min"`: those that models
    /// read and those that they write. A request is admitted if there is room for the most that it may
    /// take: a quarter of its prompt's bytes, of what is in it as base64 instead 1024 for each image and recording and
    /// 4096 for each video and document, and its `max_tokens` (else the model's default, else 1024) for each of its
    /// `n` choices, to each prompt of a list. What it did not use is given back at its end, as far as the upstream
    /// says; `usage` in `[gateway.stream]` has it say so of streams. Default: any number.
    pub tokens: Option<String>,
    /// Requests at once, streams included, of each gateway process: with four replicas, four times as many.
    /// Default: any number.
    pub concurrent: Option<u64>,
    /// Where requests wait that come while `concurrent` others run. Absent: they are answered 429 at once.
    pub queue: Option<Queue>,
}

/// A queue of requests that wait until one that runs has ended; the next to run is chosen by priority. Who
/// waits too long, or comes while the queue is full, is answered 429.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// The most that wait, of each priority. Default: `64`.
    pub length: Option<u64>,
    /// How long one may wait. Default: `"5s"`.
    pub wait: Option<String>,
}

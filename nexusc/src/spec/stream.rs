//! `[gateway.stream]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What is done for responses that are streamed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// After how long without anything else a client gets an SSE comment, which clients pass over, such as
    /// `"15s"`: in the queue of a limit, while a long prefill runs, and between two events. The first one begins
    /// the response, with status 200, whoever answers then; fallback works all the same, without its header, and
    /// when everything fails the stream ends with an error event. Default: no comments.
    pub keep_alive: Option<String>,
    /// Asks upstreams for the usage of a stream whose client does not (`stream_options.include_usage`), for
    /// limits on tokens, metrics and logs; the client does not see it. An upstream's own `stream_usage` comes
    /// first. Default: `false`, and a stream whose client does not ask is counted by its events.
    pub usage: Option<bool>,
}

//! `[gateway.input]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::secret::Secret;

/// What a request may hold, beside its size. Set at least one field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The most entries in the `messages` of a request, such as `512`; a request with more is answered 400.
    /// Default: any number.
    pub max_messages: Option<u64>,
    /// Words that no request may hold: `{ file = "/etc/nexus/words" }`, read when the gateway starts; one word
    /// a line, or several that follow each other; a line that begins with `#` is a comment. Every text of a
    /// request is searched, not pictures or sounds in it. Whole words are found, capitals or not: `fox` in `a
    /// Fox!`, not in `foxes`. A request with one is answered 400, and no answer, log line or metric says which
    /// it was. Default: none.
    pub forbidden_words: Option<Secret>,
}

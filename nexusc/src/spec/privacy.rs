//! `[privacy]`

use schemars::JsonSchema;
use serde::Deserialize;

/// What is kept out of whatever the gateway writes about requests: log lines, audit records, spans. Prompts and
/// answers are never written, with or without this.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// The kinds: `"client_ip"` cuts addresses to /24 (IPv4) and /48 (IPv6); `"email"`, `"phone"` and `"key"` put
    /// a mark in the place of e-mail addresses, telephone numbers, and API keys or tokens, in messages, paths and
    /// subjects of tokens.
    pub mask: Vec<String>,
}

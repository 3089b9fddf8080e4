//! `[audit]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::secret::Secret;

/// The audit log: who asked what and when, and what came of it; one JSON line for each request, also for those
/// that are refused, never sampled. Callers are written as salted hashes: HMAC-SHA256 of `key:NAME` or of
/// `subject:SUBJECT` under `salt`. What was said is never written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Where the salt is read from when the gateway starts: at least 16 characters. Whoever knows it can look for
    /// a caller in the records.
    pub salt: Secret,
    /// The file that records are appended to, by absolute path. It may be moved away at any time: the gateway
    /// notices and makes a new one. The variable `NEXUS_AUDIT_FILE` replaces it at start;
    /// `-` is standard output. Default: standard
    /// output, among the log lines, under the logger `nexus.audit`.
    pub path: Option<String>,
    /// What happens to requests for models while records cannot be written, as on a full disk: `"refuse"` answers
    /// them 503; `"admit"` serves them. Records wait in a bounded queue; beyond it they are lost, and counted.
    pub when_failing: String,
}

//! An alert as whoever evaluates it has it: Prometheus, or Grafana in its place.

use serde::Serialize;

/// A rule that fires for whatever its query finds.
#[derive(Serialize)]
pub(in crate::emit) struct AlertRule {
    /// The table that it comes from.
    pub(in crate::emit) path: String,
    /// Its name.
    pub(in crate::emit) alert: String,
    /// The objective that it is about.
    pub(in crate::emit) slo: Option<String>,
    pub(in crate::emit) expr: String,
    /// How long the query has to find something before it fires; `None`: at once.
    pub(in crate::emit) hold: Option<String>,
    pub(in crate::emit) severity: &'static str,
    /// What is the matter; labels as `{{ $labels.upstream }}`.
    pub(in crate::emit) summary: String,
    /// What that means for users.
    pub(in crate::emit) description: String,
    /// Where its reader finds what to do.
    pub(in crate::emit) runbook: String,
}

//! What alerts fire beyond, for the lines that dashboards draw.

use crate::ir::alert::{Rule, Threshold};
use crate::ir::{Percent, Topology};

/// The threshold of an alert, where the topology has it: a part of 1, or seconds.
pub(super) fn threshold(topology: &Topology, rule: Rule) -> Option<f64> {
    let alert = topology.alerts.iter().find(|alert| alert.rule == rule)?;
    match alert.threshold {
        Threshold::Share(Percent(share)) => Some(f64::from(share) / 10_000.0),
        Threshold::Time(time) => Some(time.as_secs_f64()),
        Threshold::Count(_) | Threshold::State => None,
    }
}

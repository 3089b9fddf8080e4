//! An alert can fire, and where anybody is told of alerts, somebody is told of it.

use std::collections::BTreeSet;

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::alert::{Rule, Severity, Threshold};
use crate::plan::{buckets, burn};
use crate::source::Place;
use crate::unit::duration;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for alert in &topology.alerts {
        let Threshold::Time(time) = alert.threshold else {
            continue;
        };
        let longest = match alert.rule {
            Rule::AverageLatency | Rule::P95Latency => buckets::longest_request(topology),
            Rule::SlowFirstToken => buckets::longest_attempt(topology),
            Rule::QueueWait => buckets::longest_wait(topology),
            _ => None,
        };
        let path = alert.path().key("threshold");
        let is_written = alert.threshold != alert.rule.usual().threshold;
        if let Some(longest) = longest.filter(|longest| time >= *longest && is_written) {
            let message = format!("`{}` could never fire", alert.path());
            let label = format!("nothing takes longer than {}", duration::shown(longest));
            let help = "write a shorter time, or longer `timeouts`";
            let diagnostic = Diagnostic::new(Code::NX0708, message, Place::Value(path), label);
            context.report(diagnostic.help(help));
        }
    }
    untold(context);
}

/// Severities that have an alert and no receiver, where there are receivers.
fn untold(context: &mut Context<'_>) {
    let topology = context.topology;
    let told: BTreeSet<Severity> = topology
        .receivers
        .iter()
        .flat_map(|receiver| receiver.severities.iter().copied())
        .collect();
    let Some(last) = topology.receivers.iter().last() else {
        return;
    };
    let of_alerts = topology.alerts.iter().map(|alert| alert.severity);
    let of_slos = topology
        .slos
        .iter()
        .flat_map(|slo| burn::windows(slo.period).map(|window| window.severity));
    let used: BTreeSet<Severity> = of_alerts.chain(of_slos).collect();
    for severity in used.difference(&told) {
        let name = severity.name();
        let message = format!("nobody is told of alerts that are `{name}`");
        let place = Place::Key(last.path.clone());
        let help = format!("add `\"{name}\"` to the `severities` of a receiver");
        context.report(Diagnostic::new(Code::NX0706, message, place, "").help(help));
    }
}

//! An alert can fire, and where anybody is told of alerts, somebody is told of it.

use std::collections::BTreeSet;

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Percent;
use crate::ir::alert::{Severity, Threshold};
use crate::plan::burn;
use crate::source::Place;
use crate::unit::duration;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for alert in &topology.alerts {
        let bound = match alert.threshold {
            Threshold::Time(time) => {
                let longest = alert.rule.longest(topology);
                let beyond = longest.filter(|longest| time >= *longest);
                beyond.map(|it| format!("nothing takes longer than {}", duration::shown(it)))
            }
            Threshold::Share(Percent(10_000..)) => Some("there is nothing beyond all".to_owned()),
            Threshold::Share(_) | Threshold::Count(_) | Threshold::State => None,
        };
        if let Some(label) = bound {
            let message = format!("`{}` could never fire", alert.path());
            let place = Place::Value(alert.path().key("threshold"));
            let help = "write a smaller threshold, or longer `timeouts` where it is a time";
            context.report(Diagnostic::new(Code::NX0708, message, place, label).help(help));
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

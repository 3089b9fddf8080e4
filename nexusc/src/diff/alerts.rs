//! What people are told of: alerts, objectives, receivers.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::{code, list, time};
use crate::diff::{Changes, Kind, pairs};
use crate::ir::alert::{Alert, Rule, Severity, Threshold};
use crate::ir::receiver::{Receiver, Webhook};
use crate::ir::slo::{Indicator, Slo};
use crate::ir::table::{Id, Table};
use crate::ir::{Model, Percent, Topology};
use crate::unit::period;

pub(super) fn compare_alerts(before: &[Alert], after: &[Alert], changes: &mut Changes<'_>) {
    for rule in Rule::ALL {
        let of_rule = |alerts: &'_ [Alert]| alerts.iter().find(|alert| alert.rule == rule).cloned();
        match (of_rule(before), of_rule(after)) {
            (Some(before), Some(after)) => compare_alert(&before, &after, changes),
            (None, Some(_)) => changes.of(Safe, Kind::Alert, rule.name(), "new"),
            (Some(_), None) => {
                let what = "removed: nobody hears of it any more";
                changes.of(Risky, Kind::Alert, rule.name(), what);
            }
            (None, None) => {}
        }
    }
}

fn compare_alert(before: &Alert, after: &Alert, changes: &mut Changes<'_>) {
    let Alert {
        rule,
        threshold,
        hold,
        severity,
    } = after;
    let mut say = |what: String| changes.of(Risky, Kind::Alert, rule.name(), what);
    if before.threshold != *threshold {
        let (from, to) = (beyond(before.threshold), beyond(*threshold));
        say(format!("fires beyond {to} instead of {from}"));
    }
    if before.hold != *hold {
        let after = |hold: Duration| match hold {
            Duration::ZERO => "at once".to_owned(),
            hold => format!("after {}", time(hold)),
        };
        say(format!(
            "fires {} instead of {}",
            after(*hold),
            after(before.hold)
        ));
    }
    if before.severity != *severity {
        say(severities(before.severity, *severity));
    }
}

fn severities(before: Severity, after: Severity) -> String {
    format!("severity: {} -> {}", before.name(), after.name())
}

fn beyond(threshold: Threshold) -> String {
    match threshold {
        Threshold::State => "nothing".to_owned(),
        Threshold::Share(Percent(share)) => Percent(share).to_string(),
        Threshold::Time(limit) => time(limit),
        Threshold::Count(count) => count.to_string(),
    }
}

pub(super) fn compare_slos(before: &Table<Slo>, after: &Table<Slo>, changes: &mut Changes<'_>) {
    for pair in pairs(before, after) {
        match pair {
            (Some(before), Some(after)) => compare_slo(before, after, changes),
            (None, Some(new)) => {
                let what = format!("new: {}", promise(new, changes.after));
                changes.of(Safe, Kind::Objective, &new.name, what);
            }
            (Some(old), None) => {
                let what = "removed: its error budget is no longer counted";
                changes.of(Risky, Kind::Objective, &old.name, what);
            }
            (None, None) => {}
        }
    }
}

fn compare_slo(before: &Slo, after: &Slo, changes: &mut Changes<'_>) {
    let Slo {
        name,
        path: _,
        objective,
        period,
        indicator: _,
    } = after;
    let (from, to) = (
        promise(before, changes.before),
        promise(after, changes.after),
    );
    if from != to {
        // Over a longer period more may go wrong in one piece.
        let keeps_promise = objective.0 >= before.objective.0
            && *period <= before.period
            && promises_as_much(before, after, changes);
        let risk = if keeps_promise { Safe } else { Risky };
        changes.of(risk, Kind::Objective, name, format!("{from} -> {to}"));
    }
}

/// Whether all that counted as gone wrong still does: the same indicator, no later, of the same models or more.
fn promises_as_much(before: &Slo, after: &Slo, changes: &Changes<'_>) -> bool {
    match (&before.indicator, &after.indicator) {
        (Some(Indicator::Availability), Some(Indicator::Availability)) => true,
        (
            Some(Indicator::Latency { within: before }),
            Some(Indicator::Latency { within: after }),
        ) => after <= before,
        (
            Some(Indicator::FirstToken {
                within: before,
                models: old,
            }),
            Some(Indicator::FirstToken {
                within: after,
                models: new,
            }),
        ) => {
            let names = |topology: &Topology, models: &[Id<Model>]| -> BTreeSet<String> {
                let names = models
                    .iter()
                    .map(|id| topology.models.get(*id).name.clone());
                names.collect()
            };
            let (old, new) = (names(changes.before, old), names(changes.after, new));
            // None named is all.
            let has_all = new.is_empty() || !old.is_empty() && old.is_subset(&new);
            after <= before && has_all
        }
        (None, None) => true,
        _ => false,
    }
}

/// "99.5 % of requests are answered over 30d"
fn promise(slo: &Slo, topology: &Topology) -> String {
    let what = match &slo.indicator {
        Some(Indicator::Availability) => "requests are answered".to_owned(),
        Some(Indicator::Latency { within }) => {
            format!("requests are answered in whole within {}", time(*within))
        }
        Some(Indicator::FirstToken { within, models }) => {
            let names = models
                .iter()
                .map(|id| topology.models.get(*id).name.as_str());
            let of = match models.as_slice() {
                [] => String::new(),
                _ => format!(" of {}", list(names)),
            };
            format!("streams{of} begin within {}", time(*within))
        }
        None => "nothing known".to_owned(),
    };
    format!(
        "{} of {what}, over {}",
        slo.objective,
        period::shown(slo.period)
    )
}

pub(super) fn compare_receivers(
    before: &Table<Receiver>,
    after: &Table<Receiver>,
    changes: &mut Changes<'_>,
) {
    for pair in pairs(before, after) {
        match pair {
            (Some(before), Some(after)) => compare_receiver(before, after, changes),
            (None, Some(new)) => {
                let what = format!("is told of alerts that are {}", of(&new.severities));
                changes.of(Safe, Kind::Receiver, &new.name, what);
            }
            (Some(old), None) => {
                changes.of(
                    Risky,
                    Kind::Receiver,
                    &old.name,
                    "is told of nothing any more",
                );
            }
            (None, None) => {}
        }
    }
}

fn of(severities: &BTreeSet<Severity>) -> String {
    list(severities.iter().map(|severity| severity.name()))
}

fn compare_receiver(before: &Receiver, after: &Receiver, changes: &mut Changes<'_>) {
    let Receiver {
        name,
        path: _,
        severities,
        slack,
        email,
        webhook,
    } = after;
    let mut say = |risk, what: String| changes.of(risk, Kind::Receiver, name, what);
    if before.severities != *severities {
        let risk = if before.severities.is_subset(severities) {
            Safe
        } else {
            Risky
        };
        let (from, to) = (of(&before.severities), of(severities));
        say(risk, format!("is told of alerts that are {from} -> {to}"));
    }
    let ways = [
        ("Slack", before.slack != *slack, slack.is_some()),
        ("e-mail", before.email != *email, email.is_some()),
        ("webhook", before.webhook != *webhook, webhook.is_some()),
    ];
    for (way, differs, is_there) in ways {
        if differs && is_there {
            say(Risky, format!("is told by another {way}"));
        } else if differs {
            say(Risky, format!("is no longer told by {way}"));
        }
    }
    if let (Some(Webhook::Url(from)), Some(Webhook::Url(to))) = (&before.webhook, webhook)
        && from != to
    {
        say(Risky, format!("webhook: {} -> {}", code(from), code(to)));
    }
}

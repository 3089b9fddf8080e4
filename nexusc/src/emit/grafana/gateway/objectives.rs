//! Whether objectives are met: what is left of each error budget, and how fast it burns.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::conventions;
use crate::emit::grafana::panel::{BAD, GOOD, Panel, Row, Unit, WORSE, lines, stat};
use crate::emit::promql::{Over, Vector, error_ratio, recorded};
use crate::ir::Topology;
use crate::ir::alert::Severity;
use crate::ir::deploy::Artifact;
use crate::plan::burn::{Window, windows};

/// What the emitted rules of Prometheus record of them.
pub(super) fn objectives(topology: &Topology, job: &str) -> Row {
    let is_recorded = topology.deploy.artifacts.contains(&Artifact::Prometheus);
    let slos = topology.slos.iter().filter(|_| is_recorded);
    let all: Vec<Window> = slos.flat_map(|slo| windows(slo.period)).collect();
    let panels = match all.first() {
        Some(fastest) => vec![
            budget(job),
            rate(fastest, job),
            budget_over_time(job),
            achieved(&all, job),
            burning(
                "Burn rates, fast burns",
                "Over the long windows of the critical alert: it fires from the upper line on over the shorter one, \
                 from the lower line on over the longer. `[slos]`",
                Severity::Critical,
                &all,
                job,
            ),
            burning(
                "Burn rates, slow burns",
                "Over the long windows of the medium alert: it fires from the upper line on over the shorter one, from \
                 the lower line on over the longer. `[slos]`",
                Severity::Medium,
                &all,
                job,
            ),
        ],
        None => Vec::new(),
    };
    Row {
        title: "Objectives",
        panels,
    }
}

fn budget(job: &str) -> Panel {
    stat(
        "Error budget left",
        Unit::Part,
        "Of what may go wrong in the period of each objective; below 0 it is missed. `[slos]`",
    )
    .base(BAD)
    .step(0.0, WORSE)
    .step(0.25, GOOD)
    .query(recorded(conventions::BUDGET_REMAINING, job), "{{slo}}")
}

fn rate(fastest: &Window, job: &str) -> Panel {
    stat(
        "Burn rate",
        Unit::Number,
        "Of now: at 1 the error budget is used up exactly at the end of the period. `[slos]`",
    )
    .step(1.0, WORSE)
    .step(fastest.factor, BAD)
    .query(recorded(conventions::BURN_RATE, job), "{{slo}}")
}

fn budget_over_time(job: &str) -> Panel {
    lines(
        "Error budget left over time",
        Unit::Part,
        "Of what may go wrong in the period of each objective; below 0 it is missed. `[slos]`",
    )
    .zoomed()
    .step(0.0, BAD)
    .query(recorded(conventions::BUDGET_REMAINING, job), "{{slo}}")
}

fn achieved(windows: &[Window], job: &str) -> Panel {
    let panel = lines(
        "What goes well",
        Unit::Part,
        "The part of requests, over the shortest of the long windows of the alerts, and what it is to be. `[slos]`",
    )
    .zoomed()
    .query(recorded(conventions::OBJECTIVE, job), "{{slo}}: objective");
    // Each objective has its four, the fastest first.
    let fastest = windows.iter().step_by(4).map(|window| window.long);
    let over: BTreeSet<Duration> = fastest.collect();
    over.into_iter().map(Over::Time).fold(panel, |panel, over| {
        let good = recorded(&error_ratio(over), job).complement();
        panel.query(good, format!("{{{{slo}}}} over {over}"))
    })
}

fn burning(
    title: &'static str,
    description: &'static str,
    severity: Severity,
    windows: &[Window],
    job: &str,
) -> Panel {
    let of_severity = || windows.iter().filter(|window| window.severity == severity);
    let factors = of_severity().take(2).map(|window| window.factor);
    let lower = factors.clone().fold(f64::INFINITY, f64::min);
    let upper = factors.fold(0.0, f64::max);
    let panel = lines(title, Unit::Number, description)
        .step(lower, WORSE)
        .step(upper, BAD);
    let over: BTreeSet<Duration> = of_severity().map(|window| window.long).collect();
    over.into_iter().map(Over::Time).fold(panel, |panel, over| {
        panel.query(burn_rate(over, job), format!("{{{{slo}}}} over {over}"))
    })
}

/// How many times faster than allowed.
fn burn_rate(over: Over, job: &str) -> Vector {
    recorded(&error_ratio(over), job) / recorded(conventions::OBJECTIVE, job).complement()
}

//! `prometheus/rules/slos.yml` and its tests: error ratios over the windows of each objective, and the alerts that go
//! by how fast its error budget burns.

use std::collections::BTreeSet;
use std::time::Duration;

use decide::metric;
use serde::Serialize;

use crate::conventions;
use crate::emit::prometheus::samples::{Sample, Scene};
use crate::emit::prometheus::{AlertRule, runbook, time};
use crate::emit::promql::{Over, Series, error_ratio, latency, requests, series};
use crate::emit::{FileSet, yaml};
use crate::ir::Topology;
use crate::ir::alert::Severity;
use crate::ir::slo::{Indicator, Slo};
use crate::plan::buckets::buckets;
use crate::plan::burn::{Window, windows};
use crate::unit::{duration, period};

const RULES: &str = include_str!("../../../../templates/deploy/prometheus/slos.yml");
const TESTS: &str = include_str!("../../../../templates/deploy/prometheus/slos.test.yml");

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if topology.slos.is_empty() {
        return;
    }
    let slos = topology.slos.iter();
    let evaluated = evaluated(topology);
    let values = Values {
        header: conventions::header(&topology.name),
        job: &topology.name,
        slos: slos
            .filter_map(|slo| objective(slo, topology, evaluated))
            .collect(),
        evaluated: time(evaluated),
    };
    let folder = conventions::deploy_folder(&topology.name);
    files.add(
        format!("{folder}/prometheus/rules/slos.yml"),
        yaml::fill(RULES, &values),
    );
    files.add(
        format!("{folder}/prometheus/tests/slos.yml"),
        yaml::fill(TESTS, &values),
    );
}

/// The alerts on error budgets.
pub(super) fn rules(topology: &Topology) -> Vec<AlertRule> {
    let evaluated = evaluated(topology);
    let slos = topology.slos.iter();
    let objectives = slos.filter_map(|slo| objective(slo, topology, evaluated));
    let burns = objectives.flat_map(|objective| objective.alerts);
    burns.map(|burn| burn.rule).collect()
}

#[derive(Serialize)]
struct Values<'t> {
    header: String,
    job: &'t str,
    /// From one evaluation of the rules to the next, in their tests.
    evaluated: String,
    slos: Vec<Objective>,
}

#[derive(Serialize)]
struct Objective {
    path: String,
    name: String,
    group: String,
    ratios: Vec<Recorded>,
    facts: Vec<Recorded>,
    alerts: Vec<Burn>,
}

/// A recorded series.
#[derive(Serialize)]
struct Recorded {
    record: String,
    expr: String,
}

/// An alert on two pairs of windows.
#[derive(Serialize)]
struct Burn {
    #[serde(flatten)]
    rule: AlertRule,
    /// When it is looked at in its test.
    after: String,
    /// Between two samples of its test.
    interval: String,
    fires: Vec<Sample>,
    rests: Vec<Sample>,
}

/// When the rules are evaluated in their tests: no more often than a test looks at them, since each evaluation reads all
/// windows.
fn evaluated(topology: &Topology) -> Duration {
    let slos = topology.slos.iter();
    let times = slos.map(|slo| {
        let [fastest, ..] = windows(slo.period);
        looked_at(&fastest)
    });
    times.min().unwrap_or(Duration::from_secs(60))
}

/// How long a pair of windows has samples before its test looks at it.
fn looked_at(window: &Window) -> Duration {
    window.short * 4
}

fn objective(slo: &Slo, topology: &Topology, evaluated: Duration) -> Option<Objective> {
    let indicator = slo.indicator.as_ref()?;
    let job = &topology.name;
    let windows = windows(slo.period);
    let lengths: BTreeSet<Duration> = windows
        .iter()
        .flat_map(|window| [window.short, window.long])
        .collect();
    let ratios = lengths.into_iter().map(|length| {
        let over = Over::Time(length);
        Recorded {
            record: error_ratio(over),
            expr: part_gone_wrong(indicator, topology, over),
        }
    });
    let labels = format!("job=\"{job}\", slo=\"{}\"", slo.name);
    let budget = slo.error_budget();
    let [first, ..] = windows;
    let over = Over::Time(first.short);
    let short = format!("{}{{{labels}}}", error_ratio(over));
    let whole = Over::Time(slo.period);
    let facts = [
        (
            conventions::OBJECTIVE,
            format!("vector({})", number(1.0 - budget)),
        ),
        (
            conventions::BURN_RATE,
            format!("{short} / {}", number(budget)),
        ),
        (
            conventions::BUDGET_REMAINING,
            format!("1 - avg_over_time({short}[{whole}]) / {}", number(budget)),
        ),
    ];
    let facts = facts.map(|(record, expr)| Recorded {
        record: record.to_owned(),
        expr,
    });
    Some(Objective {
        path: slo.path.to_string(),
        group: format!("{job}-slo-{}", slo.name),
        ratios: ratios.collect(),
        facts: facts.into(),
        alerts: alerts(slo, indicator, topology, evaluated),
        name: slo.name.clone(),
    })
}

/// A number with as many decimals as it has.
fn number(value: f64) -> String {
    // Sums and products of decimals may be off in the last digit of a binary fraction.
    let rounded = (value * 1e6).round() / 1e6;
    rounded.to_string()
}

fn part_gone_wrong(indicator: &Indicator, topology: &Topology, over: Over) -> String {
    let job = &topology.name;
    let slow = |series: &Series, within: &Duration| {
        let good = series.at_most(within.as_secs_f64(), over).sum(&[]);
        format!("1 - {good}\n/ ({} > 0)", series.count(over).sum(&[]))
    };
    // Without requests nothing goes wrong, and nothing goes well: there is no value.
    match indicator {
        Indicator::Availability => {
            let failed = requests(job).like("status", "5..").rate(over).sum(&[]);
            let all = requests(job).rate(over).sum(&[]);
            format!("({})\n/ ({all} > 0)", failed.or_zero())
        }
        Indicator::Latency { within } => slow(&latency(job), within),
        Indicator::FirstToken { within, models } => {
            let all = series(metric::FIRST_TOKEN, job);
            let names = models
                .iter()
                .map(|id| quoted(&topology.models.get(*id).name));
            let names: Vec<String> = names.collect();
            let of_models = match names.as_slice() {
                [] => all,
                names => all.like("model", &names.join("|")),
            };
            slow(&of_models, within)
        }
    }
}

/// A name as a pattern that matches it alone.
fn quoted(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for c in name.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// What going well means, in words.
pub(super) fn what(indicator: &Indicator, topology: &Topology) -> String {
    match indicator {
        Indicator::Availability => "requests are answered, and not with 5xx".to_owned(),
        Indicator::Latency { within } => {
            format!(
                "requests are answered in whole within {}",
                duration::shown(*within)
            )
        }
        Indicator::FirstToken { within, models } => {
            let names = models
                .iter()
                .map(|id| topology.models.get(*id).name.as_str());
            let names: Vec<&str> = names.collect();
            let of = match names.as_slice() {
                [] => String::new(),
                names => format!(" of {}", names.join(", ")),
            };
            format!("streams{of} begin within {}", duration::shown(*within))
        }
    }
}

/// An alert for the fast burns, and one for the slow.
fn alerts(slo: &Slo, indicator: &Indicator, topology: &Topology, evaluated: Duration) -> Vec<Burn> {
    let windows = windows(slo.period);
    let budget = slo.error_budget();
    let job = &topology.name;
    let exceeds = |window: Duration, factor: f64| {
        let name = error_ratio(Over::Time(window));
        let labels = format!("job=\"{job}\", slo=\"{}\"", slo.name);
        format!(
            "{name}{{{labels}}} > {} * {}",
            number(factor),
            number(budget)
        )
    };
    let pair = |window: &Window| {
        format!(
            "({}\n  and {})",
            exceeds(window.long, window.factor),
            exceeds(window.short, window.factor)
        )
    };
    let of = |severity: Severity| {
        let mut of_severity = windows.iter().filter(|window| window.severity == severity);
        let (faster, slower) = (of_severity.next()?, of_severity.next()?);
        // Fast enough for this alert, and too slow for it: the other one is not asked.
        let (bad, good) = (
            (budget * faster.factor * 1.1).min(1.0),
            budget * slower.factor * 0.5,
        );
        // The shortest of the windows has five samples. The rules are evaluated when they are looked at.
        let interval = faster.short / 5;
        let seconds = evaluated.as_secs().max(1);
        let after = looked_at(faster).as_secs().div_ceil(seconds) * seconds;
        let after = Duration::from_secs(after);
        let scene = Scene {
            job,
            intervals: u64::try_from(after.as_millis() / interval.as_millis()).unwrap_or(u64::MAX),
        };
        let tried = |errors: f64| tried(indicator, topology, errors, &scene);
        let rule = AlertRule {
            path: slo.path.to_string(),
            alert: conventions::BURN_ALERT.to_owned(),
            slo: Some(slo.name.clone()),
            hold: None,
            severity: severity.name(),
            expr: format!("{}\nor\n{}", pair(faster), pair(slower)),
            summary: format!(
                "the error budget of {} burns at {} times the rate that its period allows, or faster",
                slo.name,
                number(slower.factor)
            ),
            description: format!(
                "At stake: {} of {}, over {}.",
                slo.objective,
                what(indicator, topology),
                period::shown(slo.period)
            ),
            runbook: runbook(topology, conventions::BURN_ALERT),
        };
        Some(Burn {
            rule,
            after: time(after),
            interval: time(interval),
            fires: tried(bad),
            rests: tried(good),
        })
    };
    let severities: BTreeSet<Severity> = windows.iter().map(|window| window.severity).collect();
    severities.into_iter().filter_map(of).collect()
}

/// Series of which this part goes wrong.
fn tried(
    indicator: &Indicator,
    topology: &Topology,
    errors: f64,
    scene: &Scene<'_>,
) -> Vec<Sample> {
    let bounds = buckets(topology);
    let bad = (errors * 10_000.0).round() as u64;
    let good = 10_000_u64.saturating_sub(bad);
    match indicator {
        Indicator::Availability => scene.answered("503", bad.min(10_000)),
        Indicator::Latency { within } => {
            let [chat, ..] = metric::INFERENCE;
            let labels = [("method", "POST"), ("path", chat)];
            scene.histogram(
                metric::REQUEST_LATENCY,
                &labels,
                &bounds.request,
                *within,
                (good, 10_000),
            )
        }
        Indicator::FirstToken { within, models } => {
            let all = topology.models.iter().map(|model| model.name.as_str());
            let of_slo = models
                .first()
                .map(|id| topology.models.get(*id).name.as_str());
            let model = of_slo
                .or_else(|| all.into_iter().next())
                .unwrap_or_default();
            let labels = [("model", model)];
            scene.histogram(
                metric::FIRST_TOKEN,
                &labels,
                &bounds.first_token,
                *within,
                (good, 10_000),
            )
        }
    }
}

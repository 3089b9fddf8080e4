//! `prometheus/rules/alerts.yml` and its tests, `prometheus/tests/alerts.yml`.

use std::time::Duration;

use decide::metric;
use serde::Serialize;

use crate::conventions;
use crate::emit::prometheus::samples::{Samples, samples};
use crate::emit::prometheus::{AlertRule, alert_name, in_lines, runbook, time};
use crate::emit::promql::{BUSY, Over, Series, Vector, failed, latency, requests, series, up};
use crate::emit::{FileSet, yaml};
use crate::ir::alert::{Alert, Rule, Threshold};
use crate::ir::{Percent, Topology};
use crate::plan::trials;
use crate::unit::{duration, period};

const RULES: &str = include_str!("../../../../templates/deploy/prometheus/alerts.yml");
const TESTS: &str = include_str!("../../../../templates/deploy/prometheus/alerts.test.yml");

/// What alerts look at.
pub(super) const WINDOW: Over = Over::Time(Duration::from_secs(5 * 60));

/// What alerts look at that are about rare things.
const LONG: Over = Over::Time(Duration::from_secs(15 * 60));

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let tested = |alert| Tested {
        rule: rule(alert, topology),
        test: samples(alert, topology),
    };
    let folder = conventions::deploy_folder(&topology.name);
    let values = Values {
        header: conventions::header(&topology.name),
        job: &topology.name,
        group: format!("{}-alerts", topology.name),
        rules: topology.alerts.iter().map(tested).collect(),
    };
    files.add(
        format!("{folder}/prometheus/rules/alerts.yml"),
        yaml::fill(RULES, &values),
    );
    files.add(
        format!("{folder}/prometheus/tests/alerts.yml"),
        yaml::fill(TESTS, &values),
    );
}

#[derive(Serialize)]
struct Values<'t> {
    header: String,
    /// The gateway, which its alerts name though most of them are about all replicas: others may tell the same
    /// Alertmanager.
    job: &'t str,
    group: String,
    rules: Vec<Tested>,
}

/// A rule with its test.
#[derive(Serialize)]
struct Tested {
    #[serde(flatten)]
    rule: AlertRule,
    test: Samples,
}

pub(super) fn rule(alert: &Alert, topology: &Topology) -> AlertRule {
    let name = alert_name(alert);
    AlertRule {
        path: alert.path().to_string(),
        slo: None,
        expr: in_lines(&expression(alert, topology)),
        hold: (!alert.hold.is_zero()).then(|| time(alert.hold)),
        severity: alert.severity.name(),
        summary: summary(alert),
        description: description(alert, topology),
        runbook: runbook(topology, &name),
        alert: name,
    }
}

/// The part of requests that gets an answer of this class of statuses.
fn part(pattern: &str, job: &str) -> Vector {
    let answered = requests(job).like("status", pattern);
    answered.rate(WINDOW).sum(&[]).or_zero() / requests(job).rate(WINDOW).sum(&[])
}

/// What Prometheus evaluates.
pub(super) fn expression(alert: &Alert, topology: &Topology) -> String {
    let job = &topology.name;
    let limit = limit(alert.threshold);
    let upstream: &[&'static str] = &["upstream"];
    match alert.rule {
        Rule::GatewayDown => format!("{} == 0", up(job)),
        Rule::MetricsAbsent => format!("absent({})", series(metric::IN_FLIGHT, job).now()),
        Rule::FailureRate | Rule::ErrorRate => format!("{} > {limit}", part("5..", job)),
        Rule::AverageLatency => format!("{} > {limit}", latency(job).mean(&[], WINDOW)),
        Rule::P95Latency => format!("{} > {limit}", latency(job).quantile(0.95, &[], WINDOW)),
        Rule::SlowFirstToken => {
            let first_token = series(metric::FIRST_TOKEN, job);
            format!(
                "{} > {limit}",
                first_token.quantile(0.95, &["model"], WINDOW)
            )
        }
        Rule::RateLimited => format!("{} > {limit}", part("429", job)),
        Rule::QueueWait => {
            let wait = series(metric::QUEUE_WAIT, job);
            format!("{} > {limit}", wait.quantile(0.95, &["limit"], WINDOW))
        }
        Rule::UpstreamErrors => {
            let attempts = series(metric::UPSTREAM_REQUESTS, job);
            let failed = attempts.clone().like("status", &failed());
            let part = failed.rate(WINDOW).sum(upstream) / attempts.rate(WINDOW).sum(upstream);
            format!("{part} > {limit}")
        }
        Rule::ConsecutiveFailures => {
            let attempts = series(metric::UPSTREAM_REQUESTS, job);
            let failures = attempts.clone().like("status", &failed());
            let others = attempts.unlike("status", &format!("{}|{BUSY}|cancelled", failed()));
            let (all, lately) = failures_within(alert, topology);
            let grown = |series: &Series, time| series.increase(Over::Time(time)).sum(upstream);
            // What counts is found over a long time, and forgotten soon after it is over.
            let still = if all == lately {
                String::new()
            } else {
                format!("and on (upstream) {} > 0\n", grown(&failures, lately))
            };
            format!(
                "{} > {limit}\n{still}unless on (upstream) {} > 0",
                grown(&failures, all),
                grown(&others, lately)
            )
        }
        // 0 is closed; half-open is on the way there, or back, and stays so until somebody asks: a circuit that did not
        // open again has nobody who does.
        Rule::CircuitOpen => {
            let states = series(metric::CIRCUIT_STATE, job).now();
            let opened = series(metric::CIRCUIT_OPENED, job);
            let opened = opened.increase(Over::Time(trials::lately(topology)));
            format!(
                "{} > 0\nand on (upstream) {} > 0",
                states.max(upstream),
                opened.sum(upstream)
            )
        }
        Rule::UpstreamUnhealthy => {
            let healthy = series(metric::UPSTREAM_HEALTHY, job).now();
            format!("{} == 0", healthy.min(upstream))
        }
        Rule::FallbackUse => {
            let fallbacks = series(metric::FALLBACK_USED, job).rate(WINDOW).sum(&[]);
            format!(
                "{} > {limit}",
                fallbacks / requests(job).rate(WINDOW).sum(&[])
            )
        }
        Rule::StoreErrors => growth(metric::STORE_ERRORS, job, WINDOW, &limit),
        Rule::CertificateExpiry => {
            let expiry = series(metric::CERTIFICATE_EXPIRY, job).now();
            let first = expiry.min(&["shown_to", "upstream"]);
            format!("{} < {limit}", first.ahead())
        }
        Rule::IssuerKeys => {
            let fetches = series(metric::JWKS_FETCHES, job).is("outcome", "failed");
            format!("{} > {limit}", fetches.increase(LONG).sum(&[]))
        }
        Rule::AuditLost => growth(metric::AUDIT_LOST, job, WINDOW, &limit),
        Rule::LogDropped => growth(metric::LOG_DROPPED, job, WINDOW, &limit),
        Rule::GpuMemory => {
            let of = |metric| series(metric, job).now().max(&["gpu"]);
            let part = of(metric::GPU_MEMORY_USED) / of(metric::GPU_PLANNED_MEMORY);
            format!("{part} - 1 > {limit}")
        }
    }
}

/// The time within which an alert counts the failures of an upstream, and that of which it says that all failed.
pub(super) fn failures_within(alert: &Alert, topology: &Topology) -> (Duration, Duration) {
    let all = match alert.threshold {
        Threshold::Count(count) => trials::time_of(count, topology),
        _ => trials::lately(topology),
    };
    (all, trials::lately(topology))
}

fn growth(metric: metric::Metric, job: &str, over: Over, limit: &str) -> String {
    let grown = series(metric, job).increase(over).sum(&[]);
    format!("{grown} > {limit}")
}

/// A threshold as a number of PromQL: a part of 1, seconds, or as it is.
fn limit(threshold: Threshold) -> String {
    match threshold {
        Threshold::State => String::new(),
        Threshold::Share(Percent(share)) => (f64::from(share) / 10_000.0).to_string(),
        Threshold::Time(time) => time.as_secs_f64().to_string(),
        Threshold::Count(count) => count.to_string(),
    }
}

/// A threshold as people read it.
pub(super) fn shown(threshold: Threshold) -> String {
    match threshold {
        Threshold::State => String::new(),
        Threshold::Share(share) => share.to_string(),
        Threshold::Time(time) if time > duration::MAX => period::shown(time),
        Threshold::Time(time) => duration::shown(time),
        Threshold::Count(count) => count.to_string(),
    }
}

/// What is the matter, in a line.
pub(super) fn summary(alert: &Alert) -> String {
    let beyond = shown(alert.threshold);
    match alert.rule {
        Rule::GatewayDown => "Prometheus does not reach {{ $labels.instance }}".to_owned(),
        Rule::MetricsAbsent => "no gateway tells Prometheus anything".to_owned(),
        Rule::FailureRate | Rule::ErrorRate => {
            format!("more than {beyond} of requests are answered with 5xx")
        }
        Rule::AverageLatency => format!("requests take more than {beyond} on average"),
        Rule::P95Latency => format!("one request of twenty takes more than {beyond}"),
        Rule::SlowFirstToken => {
            format!(
                "one stream of twenty of {{{{ $labels.model }}}} begins after more than {beyond}"
            )
        }
        Rule::RateLimited => format!("more than {beyond} of requests are answered 429"),
        Rule::QueueWait => {
            format!("requests wait more than {beyond} for limit {{{{ $labels.limit }}}}")
        }
        Rule::UpstreamErrors => {
            format!("more than {beyond} of attempts at {{{{ $labels.upstream }}}} fail")
        }
        Rule::ConsecutiveFailures => {
            format!(
                "more than {beyond} attempts at {{{{ $labels.upstream }}}} failed, and none succeeded"
            )
        }
        Rule::CircuitOpen => {
            "the circuit of {{ $labels.upstream }} opens again and again".to_owned()
        }
        Rule::UpstreamUnhealthy => "{{ $labels.upstream }} fails its health checks".to_owned(),
        Rule::FallbackUse => format!("fallback models answer more than {beyond} of requests"),
        Rule::StoreErrors => format!("the store has not counted more than {beyond} requests"),
        Rule::CertificateExpiry => {
            format!(
                "the certificate shown to {{{{ $labels.shown_to }}}} expires in less than {beyond}"
            )
        }
        Rule::IssuerKeys => "the issuer's keys cannot be fetched".to_owned(),
        Rule::AuditLost => "audit records are lost".to_owned(),
        Rule::LogDropped => "log lines are lost".to_owned(),
        Rule::GpuMemory => {
            format!(
                "GPU {{{{ $labels.gpu }}}} has more than {beyond} more memory in use than planned"
            )
        }
    }
}

/// What that means for users.
fn description(alert: &Alert, topology: &Topology) -> String {
    let text = match alert.rule {
        Rule::GatewayDown | Rule::MetricsAbsent => {
            "Clients of this replica get no answer, or nobody knows whether they do."
        }
        Rule::FailureRate => "Many users get no answer: all candidates of their requests fail.",
        Rule::ErrorRate => "Some users get no answer: all candidates of their requests fail.",
        Rule::AverageLatency | Rule::P95Latency => "Users wait too long for whole answers.",
        Rule::SlowFirstToken => "Users look at an empty answer for too long.",
        Rule::RateLimited => "Callers are turned away by limits, or their upstreams are busy.",
        Rule::QueueWait => "Requests wait for a place before any upstream works on them.",
        Rule::UpstreamErrors => {
            "Its requests go to other upstreams or to fallback models, if there are any."
        }
        Rule::ConsecutiveFailures => "It answers nothing any more.",
        Rule::CircuitOpen => {
            "It is left alone because it fails or is busy: the others carry its requests."
        }
        Rule::UpstreamUnhealthy => "It is asked last, after all others.",
        Rule::FallbackUse => "Users get answers of models that they did not ask for.",
        Rule::StoreErrors => match topology.store.as_ref().and_then(|store| store.when_away) {
            Some(crate::ir::WhenAway::Refuse) => "Requests are refused while nobody counts them.",
            _ => "Each replica admits by its own counts: callers may get more than their limits.",
        },
        Rule::CertificateExpiry => "After that the other side no longer believes the gateway.",
        Rule::IssuerKeys => "Tokens signed with new keys of the issuer are refused.",
        Rule::AuditLost => "What was asked then cannot be told any more.",
        Rule::LogDropped => "Whoever reads standard output is too slow.",
        Rule::GpuMemory => "Nobody yet: a server that starts again may find no room.",
    };
    text.to_owned()
}

//! `runbooks.md`: what to look at and what to do when an alert fires. Each alert links to its section.

use decide::metric;
use serde::Serialize;

use crate::conventions;
use crate::emit::prometheus::alerts::{WINDOW, expression, failures_within, shown, summary};
use crate::emit::prometheus::slos::what;
use crate::emit::prometheus::{alert_name, in_lines, time};
use crate::emit::promql::{requests, series};
use crate::emit::{FileSet, template};
use crate::ir::Topology;
use crate::ir::alert::{Alert, Rule};
use crate::plan::exports::exports;
use crate::unit::period;

const PAGE: &str = include_str!("../../../../templates/deploy/runbooks.md");
const BURN: &str = include_str!("../../../../templates/deploy/runbooks/error-budget-burn.md");

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let of_alerts = topology.alerts.iter().map(|alert| section(alert, topology));
    let mut sections: Vec<Section> = of_alerts.collect();
    if !topology.slos.is_empty() {
        sections.push(burn(topology));
    }
    let values = Page {
        header: conventions::header(&topology.name),
        spec: &topology.name,
        sections,
    };
    let folder = conventions::deploy_folder(&topology.name);
    let path = format!("{folder}/{}", conventions::RUNBOOKS);
    files.add(path, template::fill(PAGE, &values));
}

#[derive(Serialize)]
struct Page<'t> {
    header: String,
    spec: &'t str,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    alert: String,
    path: String,
    severity: &'static str,
    summary: String,
    text: String,
}

/// What the text of an alert may be filled with.
#[derive(Serialize)]
struct Facts<'t> {
    spec: &'t str,
    path: String,
    url: String,
    environment: &'static str,
    threshold: String,
    hold: String,
    /// Within which time failures of an upstream are counted, and of which it is said that all failed.
    within: String,
    lately: String,
    query: String,
    by_status: String,
    by_upstream: String,
    upstream_latency: String,
    has_queues: bool,
}

fn section(alert: &Alert, topology: &Topology) -> Section {
    let job = &topology.name;
    let scheme = if topology.gateway.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let attempts = series(metric::UPSTREAM_REQUESTS, job).rate(WINDOW);
    let latency = series(metric::UPSTREAM_LATENCY, job);
    let (within, lately) = failures_within(alert, topology);
    let in_list = |query: String| query.replace('\n', "\n   ");
    let facts = Facts {
        spec: job,
        path: alert.path().to_string(),
        url: format!(
            "{scheme}://{}:{}",
            conventions::GATEWAY,
            topology.gateway.listen.port()
        ),
        environment: conventions::ENVIRONMENT_SAMPLE,
        threshold: shown(alert.threshold),
        hold: time(alert.hold),
        within: time(within),
        lately: time(lately),
        query: in_list(in_lines(&expression(alert, topology))),
        by_status: requests(job).rate(WINDOW).sum(&["status"]).to_string(),
        by_upstream: attempts.sum(&["upstream", "status"]).to_string(),
        upstream_latency: latency.quantile(0.95, &["upstream"], WINDOW).to_string(),
        has_queues: exports(topology)
            .iter()
            .any(|exported| exported.name == metric::QUEUE_WAITING.name),
    };
    // The label is filled in where the alert is shown.
    let summary = summary(alert)
        .replace("{{ $labels.", "`")
        .replace(" }}", "`");
    Section {
        alert: alert_name(alert),
        path: alert.path().to_string(),
        severity: alert.severity.name(),
        summary,
        text: template::fill(text(alert.rule), &facts),
    }
}

#[derive(Serialize)]
struct Burning<'t> {
    spec: &'t str,
    slos: Vec<Objective<'t>>,
    burn_rate: &'static str,
    remaining: &'static str,
    ratio: &'static str,
}

#[derive(Serialize)]
struct Objective<'t> {
    name: &'t str,
    what: String,
}

fn burn(topology: &Topology) -> Section {
    let slos = topology.slos.iter().filter_map(|slo| {
        let what = what(slo.indicator.as_ref()?, topology);
        Some(Objective {
            name: &slo.name,
            what: format!(
                "{} of {what}, over {}",
                slo.objective,
                period::shown(slo.period)
            ),
        })
    });
    let values = Burning {
        spec: &topology.name,
        slos: slos.collect(),
        burn_rate: conventions::BURN_RATE,
        remaining: conventions::BUDGET_REMAINING,
        ratio: conventions::ERROR_RATIO,
    };
    Section {
        alert: conventions::BURN_ALERT.to_owned(),
        path: "slos".to_owned(),
        severity: "critical or medium",
        summary: "an error budget burns too fast".to_owned(),
        text: template::fill(BURN, &values),
    }
}

/// The text of a rule: symptoms, checks, mitigation.
fn text(rule: Rule) -> &'static str {
    macro_rules! page {
        ($name:literal) => {
            include_str!(concat!(
                "../../../../templates/deploy/runbooks/",
                $name,
                ".md"
            ))
        };
    }
    match rule {
        Rule::GatewayDown => page!("gateway-down"),
        Rule::MetricsAbsent => page!("metrics-absent"),
        Rule::FailureRate => page!("failure-rate"),
        Rule::ErrorRate => page!("error-rate"),
        Rule::AverageLatency => page!("average-latency"),
        Rule::P95Latency => page!("p95-latency"),
        Rule::SlowFirstToken => page!("slow-first-token"),
        Rule::RateLimited => page!("rate-limited"),
        Rule::QueueWait => page!("queue-wait"),
        Rule::UpstreamErrors => page!("upstream-errors"),
        Rule::ConsecutiveFailures => page!("consecutive-failures"),
        Rule::CircuitOpen => page!("circuit-open"),
        Rule::UpstreamUnhealthy => page!("upstream-unhealthy"),
        Rule::FallbackUse => page!("fallback-use"),
        Rule::StoreErrors => page!("store-errors"),
        Rule::CertificateExpiry => page!("certificate-expiry"),
        Rule::IssuerKeys => page!("issuer-keys"),
        Rule::AuditLost => page!("audit-lost"),
        Rule::LogDropped => page!("log-dropped"),
        Rule::GpuMemory => page!("gpu-memory"),
    }
}

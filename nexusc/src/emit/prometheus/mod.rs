//! What watches the gateway: `prometheus/`, `alertmanager/` and `runbooks.md`.

mod alertmanager;
mod alerts;
mod rule;
mod runbooks;
mod samples;
mod scrape;
mod slos;

use std::time::Duration;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::promql::Over;
use crate::ir::Topology;
use crate::ir::alert::Alert;
use crate::ir::deploy::Artifact;

pub(super) use rule::AlertRule;

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Prometheus) {
        return;
    }
    scrape::emit(topology, files);
    alerts::emit(topology, files);
    slos::emit(topology, files);
    if topology.deploy.has_alertmanager() {
        alertmanager::emit(topology, files);
    }
    runbooks::emit(topology, files);
}

/// Every alert of a topology.
pub(super) fn rules(topology: &Topology) -> Vec<AlertRule> {
    let alerts = topology.alerts.iter();
    let alerts = alerts.map(|alert| alerts::rule(alert, topology));
    alerts.chain(slos::rules(topology)).collect()
}

/// Where an alert of this name sends its reader: to its section of the runbooks.
fn runbook(topology: &Topology, alert: &str) -> String {
    let folder = conventions::deploy_folder(&topology.name);
    let otherwise = format!("{folder}/{}", conventions::RUNBOOKS);
    let runbooks = topology.deploy.prometheus.runbooks.as_ref();
    let page = runbooks.unwrap_or(&otherwise);
    format!("{page}#{}", alert.to_ascii_lowercase())
}

/// A time as Prometheus writes it: `5m`, `90s`, `500ms`.
fn time(time: Duration) -> String {
    match time.subsec_millis() {
        0 => Over::Time(time).to_string(),
        _ => format!("{}ms", time.as_millis()),
    }
}

/// A query over several lines, each but the first beginning with an operator.
fn in_lines(query: &str) -> String {
    query
        .replace(" / ", "\n/ ")
        .replace(" > ", "\n> ")
        .replace(" < ", "\n< ")
}

/// The name under which Prometheus knows an alert.
fn alert_name(alert: &Alert) -> String {
    conventions::alert(alert.rule.name())
}

//! `rules.yaml`: the alerts of Prometheus' rules, word for word, as rules of Grafana.

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::prometheus::{self, AlertRule};
use crate::emit::yaml::fill;
use crate::ir::Topology;
use crate::ir::alert::Rule;

const TEMPLATE: &str = include_str!("../../../../../templates/deploy/grafana/alerting/rules.yaml");

pub(super) fn emit(topology: &Topology, folder: &str, files: &mut FileSet) {
    let rules = prometheus::rules(topology).into_iter();
    let values = Rules {
        header: conventions::header(&topology.name),
        job: &topology.name,
        group: format!("{}-alerts", topology.name),
        folder: conventions::dashboard_folder(&topology.name),
        source: conventions::PROMETHEUS_SOURCE,
        rules: rules.map(|rule| rule_of(rule, &topology.name)).collect(),
    };
    files.add(format!("{folder}/rules.yaml"), fill(TEMPLATE, &values));
}

#[derive(Serialize)]
struct Rules<'t> {
    header: String,
    job: &'t str,
    group: String,
    folder: String,
    source: &'static str,
    rules: Vec<RuleOf>,
}

#[derive(Serialize)]
struct RuleOf {
    uid: String,
    /// Its name, of which there is one in a folder.
    title: String,
    /// What Grafana makes of it while Prometheus does not answer.
    on_error: &'static str,
    #[serde(flatten)]
    rule: AlertRule,
}

fn rule_of(rule: AlertRule, spec: &str) -> RuleOf {
    let AlertRule {
        alert,
        slo,
        severity,
        ..
    } = &rule;
    let (uid, title) = match slo {
        Some(slo) => (
            conventions::grafana_uid(&format!("{spec}-{slo}"), &format!("burn-{severity}")),
            format!("{alert} ({slo}, {severity})"),
        ),
        None => (conventions::grafana_uid(spec, alert), alert.clone()),
    };
    // One alert says that nobody knows how the gateway is; the others neither begin nor end for that.
    let absent = conventions::alert(Rule::MetricsAbsent.name());
    let on_error = if *alert == absent {
        "Alerting"
    } else {
        "KeepLast"
    };
    RuleOf {
        uid,
        title,
        on_error,
        rule: AlertRule {
            summary: annotation(&rule.summary),
            description: annotation(&rule.description),
            runbook: annotation(&rule.runbook),
            ..rule
        },
    }
}

/// A text of an annotation without a `$`, which Grafana might take for a variable of its environment before it fills in
/// labels.
fn annotation(text: &str) -> String {
    text.replace("$labels.", ".Labels.")
        .replace('$', "{{ \"\\x24\" }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dollar_is_left_for_the_environment() {
        assert_eq!(
            annotation("{{ $labels.upstream }} costs $5"),
            "{{ .Labels.upstream }} costs {{ \"\\x24\" }}5"
        );
    }
}

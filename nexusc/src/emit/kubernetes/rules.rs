//! The rules of Prometheus as objects for Prometheus Operator: the same text, so that they cannot say anything else.

use serde::Serialize;

use crate::conventions::{self, kubernetes as names};
use crate::emit::FileSet;
use crate::emit::yaml::fill;
use crate::ir::Topology;

const RULE: &str = include_str!("../../../../templates/deploy/kubernetes/prometheus-rule.yaml");

/// A file for each file of rules that is emitted, by name.
pub(super) fn manifests(topology: &Topology, files: &FileSet) -> Vec<(String, String)> {
    #[derive(Serialize)]
    struct Values<'t> {
        header: String,
        origin: String,
        file: &'t str,
        name: String,
        groups: String,
    }
    let kubernetes = &topology.deploy.kubernetes;
    if !kubernetes.prometheus_operator {
        return Vec::new();
    }
    let folder = format!("{}/", conventions::deploy_folder(&topology.name));
    let rules = files.iter().filter_map(|(path, text)| {
        let file = path.strip_prefix(&folder)?;
        let stem = file
            .strip_prefix("prometheus/rules/")?
            .strip_suffix(".yml")?;
        let values = Values {
            header: conventions::header(&topology.name),
            origin: kubernetes.path.to_string(),
            file,
            name: names::part(&topology.name, stem),
            groups: indented(text.get(text.find("\ngroups:\n")? + 1..)?),
        };
        Some((format!("prometheus-rule-{stem}.yaml"), fill(RULE, &values)))
    });
    rules.collect()
}

/// The text two columns further right.
fn indented(text: &str) -> String {
    let line = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    };
    text.lines()
        .map(line)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

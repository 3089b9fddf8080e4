//! `deploy/<spec>/metrics.md`: what the dataplane exports, so that a review sees which metrics come and go.

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::template::fill;
use crate::ir::Topology;
use crate::plan::exports::exports;

const TEMPLATE: &str = include_str!("../../../templates/deploy/metrics.md");

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let rows = exports(topology).into_iter().map(|metric| Row {
        name: metric.name,
        kind: metric.kind.name(),
        labels: metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect::<Vec<_>>()
            .join(", "),
    });
    let table = Table {
        header: conventions::header(&topology.name),
        spec: &topology.name,
        metrics: rows.collect(),
    };
    let folder = conventions::deploy_folder(&topology.name);
    let path = format!("{folder}/{}", conventions::METRICS_TABLE);
    files.add(path, fill(TEMPLATE, &table));
}

/// What the template is filled with. A spec's name needs no escaping: it is a name of the language.
#[derive(Serialize)]
struct Table<'t> {
    header: String,
    spec: &'t str,
    metrics: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    kind: &'static str,
    labels: String,
}

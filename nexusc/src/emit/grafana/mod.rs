//! `deploy/<spec>/grafana/`: where Grafana finds the data, and dashboards of what this dataplane exports.
//!
//! A dashboard is rows of panels, a panel is a few queries. A query of a metric that the dataplane does not export is
//! left out, with it a panel and a row that have none.

mod alerting;
mod board;
mod gateway;
mod gpu;
mod json;
mod llm;
mod panel;
mod provisioning;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::grafana::board::board;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Grafana) {
        return;
    }
    let folder = conventions::grafana_folder(&topology.name);
    let boards = [
        gateway::rows(topology),
        gpu::rows(topology),
        llm::rows(topology),
    ];
    for (title, rows) in boards {
        if let Some(text) = board(topology, title, rows) {
            let file = conventions::dashboard_file(title);
            files.add(format!("{folder}/dashboards/{file}"), text);
        }
    }
    alerting::emit(topology, &folder, files);
    provisioning::emit(topology, &folder, files);
}

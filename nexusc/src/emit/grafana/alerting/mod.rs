//! `grafana/provisioning/alerting/`: the alerts, and whom they reach, where Grafana tells of them and not Alertmanager.

mod notifications;
mod rules;

use crate::emit::FileSet;
use crate::ir::Topology;

pub(super) fn emit(topology: &Topology, folder: &str, files: &mut FileSet) {
    if !topology.deploy.grafana.alerting {
        return;
    }
    let folder = format!("{folder}/provisioning/alerting");
    rules::emit(topology, &folder, files);
    notifications::emit(topology, &folder, files);
}

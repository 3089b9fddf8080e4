//! `grafana/provisioning/`: the sources of data, and where the dashboards lie.

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::yaml::fill;
use crate::ir::Topology;
use crate::unit::duration;

const SOURCES: &str = include_str!("../../../../templates/deploy/grafana/datasources.yaml");
const DASHBOARDS: &str = include_str!("../../../../templates/deploy/grafana/dashboards.yaml");

pub(super) fn emit(topology: &Topology, folder: &str, files: &mut FileSet) {
    let deploy = &topology.deploy;
    let sources = Sources {
        header: conventions::header(&topology.name),
        prometheus: Source {
            uid: conventions::PROMETHEUS_SOURCE,
            url: &deploy.grafana.prometheus,
        },
        interval: duration::shown(deploy.prometheus.scrape_interval),
        alertmanager: deploy.has_alertmanager().then_some(Source {
            uid: conventions::ALERTMANAGER_SOURCE,
            url: &deploy.grafana.alertmanager,
        }),
    };
    let dashboards = Dashboards {
        header: conventions::header(&topology.name),
        name: &topology.name,
        folder: conventions::dashboard_folder(&topology.name),
        path: conventions::DASHBOARDS_FOLDER,
    };
    files.add(
        format!("{folder}/provisioning/datasources/nexus.yaml"),
        fill(SOURCES, &sources),
    );
    files.add(
        format!("{folder}/provisioning/dashboards/nexus.yaml"),
        fill(DASHBOARDS, &dashboards),
    );
}

#[derive(Serialize)]
struct Sources<'t> {
    header: String,
    prometheus: Source<'t>,
    interval: String,
    alertmanager: Option<Source<'t>>,
}

#[derive(Serialize)]
struct Source<'t> {
    uid: &'static str,
    url: &'t str,
}

#[derive(Serialize)]
struct Dashboards<'t> {
    header: String,
    name: &'t str,
    folder: String,
    path: &'static str,
}

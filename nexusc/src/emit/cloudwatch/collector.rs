//! `cloudwatch/collector.yaml`: what scrapes the gateway and tells CloudWatch.

use decide::metric::{INFERENCE, Kind};
use serde::Serialize;

use crate::conventions;
use crate::emit::cloudwatch::{GATEWAY, KEPT, Kept};
use crate::emit::yaml::fill;
use crate::ir::Topology;
use crate::unit::duration;

const TEMPLATE: &str = include_str!("../../../../templates/deploy/cloudwatch/collector.yaml");

pub(super) fn collector(topology: &Topology) -> String {
    let names = KEPT.map(|Kept { metric, .. }| match metric.kind {
        Kind::Histogram => format!("{}_(bucket|sum|count)", metric.name),
        Kind::Counter | Kind::Gauge => metric.name.to_owned(),
    });
    let collector = Collector {
        header: conventions::header(&topology.name),
        job: conventions::prometheus_job(&topology.name),
        interval: duration::shown(topology.deploy.prometheus.scrape_interval),
        encrypted: topology.gateway.tls.is_some(),
        gateway: format!(
            "{}:{}",
            conventions::GATEWAY,
            topology.gateway.listen.port()
        ),
        kept: names.join("|"),
        region: &topology.deploy.cloudwatch.region,
        namespace: &topology.deploy.cloudwatch.namespace,
        log_group: format!("/nexus/{}/metrics", topology.name),
        metrics: KEPT.iter().map(declared).collect(),
    };
    fill(TEMPLATE, &collector)
}

/// Patterns have no end: a `$` would begin a variable of the collector, and no name here begins another.
fn declared(kept: &Kept) -> Declared {
    let is_by_path = kept.metric.labels.contains(&"path");
    Declared {
        pattern: format!("^{}", kept.metric.name),
        dimensions: kept
            .by
            .iter()
            .map(|by| [&[GATEWAY], *by].concat())
            .collect(),
        paths: is_by_path.then(|| format!("^({})", INFERENCE.join("|"))),
    }
}

/// What the template is filled with.
#[derive(Serialize)]
struct Collector<'t> {
    header: String,
    job: &'t str,
    interval: String,
    encrypted: bool,
    gateway: String,
    kept: String,
    region: &'t str,
    namespace: &'t str,
    log_group: String,
    metrics: Vec<Declared>,
}

#[derive(Serialize)]
struct Declared {
    pattern: String,
    dimensions: Vec<Vec<&'static str>>,
    /// Of requests that models answer, where a metric has all of them.
    paths: Option<String>,
}

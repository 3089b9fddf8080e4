//! `deploy/<spec>/cloudwatch/`: a dashboard of Amazon CloudWatch, and what brings it the metrics that it shows.

mod collector;
mod dashboard;

use decide::metric::{self, Metric};

use crate::conventions;
use crate::emit::FileSet;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

/// A metric in CloudWatch: under which dimensions it is kept, beside `gateway`.
struct Kept {
    metric: Metric,
    by: &'static [&'static [&'static str]],
}

/// Every metric that the dashboard shows; all of them are exported by every gateway.
const KEPT: [Kept; 4] = [
    Kept {
        metric: metric::REQUESTS,
        by: &[&[], &["status"]],
    },
    Kept {
        metric: metric::REQUEST_LATENCY,
        by: &[&[]],
    },
    Kept {
        metric: metric::FIRST_TOKEN,
        by: &[&[]],
    },
    Kept {
        metric: metric::TOKENS,
        by: &[&["direction"]],
    },
];

/// What tells gateways apart in CloudWatch.
const GATEWAY: &str = "gateway";

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Grafana) {
        return;
    }
    let folder = conventions::deploy_folder(&topology.name);
    let dashboard = dashboard::dashboard(topology);
    files.add(format!("{folder}/cloudwatch/dashboard.json"), dashboard);
    let collector = collector::collector(topology);
    files.add(format!("{folder}/cloudwatch/collector.yaml"), collector);
}

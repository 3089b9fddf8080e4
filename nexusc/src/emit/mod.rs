//! Topology -> files. Cannot fail: whatever could go wrong is a diagnostic of an earlier phase.
//!
//! One module an output; names come from [`crate::conventions`]. Never here: IO, decisions about meaning.

mod cloudwatch;
mod compose;
mod dataplane;
mod dockerfile;
pub(crate) mod engine;
pub(crate) mod environment;
mod file_set;
mod gpu_plan;
mod grafana;
mod kubernetes;
mod load;
mod logs;
mod metrics;
mod mock;
mod nginx;
mod openapi;
mod prometheus;
mod promql;
pub mod shell;
mod systemd;
mod template;
mod threshold;
mod yaml;

pub use file_set::FileSet;

use crate::ir::Topology;
use crate::plan::report::Report;

/// Every file that a topology becomes.
pub fn emit(topology: &Topology, plan: &Report) -> FileSet {
    let mut files = FileSet::default();
    dataplane::emit(topology, plan, &mut files);
    environment::emit(topology, &mut files);
    compose::emit(topology, &mut files);
    dockerfile::emit(topology, &mut files);
    nginx::emit(topology, &mut files);
    systemd::emit(topology, &mut files);
    gpu_plan::emit(topology, plan, &mut files);
    prometheus::emit(topology, &mut files);
    cloudwatch::emit(topology, &mut files);
    grafana::emit(topology, &mut files);
    metrics::emit(topology, &mut files);
    kubernetes::emit(topology, plan, &mut files);
    openapi::emit(topology, &mut files);
    load::emit(topology, &mut files);
    logs::emit(topology, &mut files);
    files
}

//! `deploy/<spec>/gpu-plan.json` and `gpu-plan.svg`: what of the servers fits onto the GPUs, and what starts them so.

use std::collections::BTreeMap;

use serde_json::json;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::engine::{Server, server};
use crate::ir::Topology;
use crate::plan::report::Report;
use crate::plan::svg::svg;

pub(super) fn emit(topology: &Topology, plan: &Report, files: &mut FileSet) {
    if plan.profiles.is_empty() {
        return;
    }
    let folder = conventions::deploy_folder(&topology.name);
    let header = conventions::header(&topology.name);
    let upstreams = topology.upstreams.ids();
    let servers: BTreeMap<&str, Server> = upstreams
        .filter_map(|(id, upstream)| Some((upstream.name.as_str(), server(topology, id)?)))
        .collect();
    let json = json!({ "generated": header, "profiles": plan.profiles, "servers": servers });
    // The first line of every emitted file says where it comes from.
    let text = format!("{json:#}\n").replacen("{\n  ", "{ ", 1);
    files.add(format!("{folder}/{}", conventions::GPU_PLAN_JSON), text);
    files.add(
        format!("{folder}/{}", conventions::GPU_PLAN_SVG),
        svg(plan, &header),
    );
}

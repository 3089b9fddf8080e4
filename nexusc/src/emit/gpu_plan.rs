//! `deploy/<spec>/gpu-plan.json` and `gpu-plan.svg`: what of the servers fits onto the GPUs.

use serde_json::json;

use crate::conventions;
use crate::emit::FileSet;
use crate::ir::Topology;
use crate::plan::report::Report;
use crate::plan::svg::svg;

pub(super) fn emit(topology: &Topology, plan: &Report, files: &mut FileSet) {
    if plan.profiles.is_empty() {
        return;
    }
    let folder = conventions::deploy_folder(&topology.name);
    let header = conventions::header(&topology.name);
    let json = json!({ "generated": header, "profiles": plan.profiles });
    // The first line of every emitted file says where it comes from.
    let text = format!("{json:#}\n").replacen("{\n  ", "{ ", 1);
    files.add(format!("{folder}/{}", conventions::GPU_PLAN_JSON), text);
    files.add(
        format!("{folder}/{}", conventions::GPU_PLAN_SVG),
        svg(plan, &header),
    );
}

//! The dataplane crate: `generated/<spec>/`, a few tables that read like the spec.
//!
//! It is written for a reviewer of its diff: references by name, one field a line, one fact in one place,
//! no counts, hashes or dates, and a layout that never depends on the width of a line.

mod gpus;
mod histograms;
mod input;
mod layout;
mod limits;
mod literal;
mod manifest;
mod models;
mod observe;
mod policies;
mod routes;
mod table;
mod tls;
mod topology;
mod upstreams;

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::dataplane::table::TableFile;
use crate::emit::template::fill;
use crate::ir::Topology;
use crate::plan::report::Report;

/// The crate of a topology.
pub(super) fn emit(topology: &Topology, plan: &Report, files: &mut FileSet) {
    let folder = conventions::crate_folder(&topology.name);
    let header = conventions::header(&topology.name);
    let tables: [(&str, TableFile); 6] = [
        ("histograms", histograms::emit(topology)),
        ("models", models::emit(topology)),
        ("policies", policies::emit(topology)),
        ("routes", routes::emit(topology)),
        ("topology", topology::emit(topology, plan)),
        ("upstreams", upstreams::emit(topology)),
    ];
    let limits = limits::emit(topology).map(|table| ("limits", table));
    let tables: Vec<(&str, TableFile)> = limits.into_iter().chain(tables).collect();
    let main = Main {
        header: &header,
        spec: &topology.name,
        tables: tables.iter().map(|(name, _)| *name).collect(),
    };
    files.add(
        format!("{folder}/Cargo.toml"),
        manifest::emit(topology, &header),
    );
    files.add(format!("{folder}/src/main.rs"), fill(MAIN, &main));
    for (name, table) in tables {
        files.add(format!("{folder}/src/{name}.rs"), table.render(&header));
    }
}

const MAIN: &str = include_str!("../../../../templates/dataplane/main.rs");

/// What `main.rs` is filled with.
#[derive(Serialize)]
struct Main<'t> {
    header: &'t str,
    spec: &'t str,
    tables: Vec<&'t str>,
}

//! The dataplane crate: `generated/<spec>/`, a few tables that read like the spec.
//!
//! It is written for a reviewer of its diff: references by name, one field a line, one fact in one place,
//! no counts, hashes or dates, and a layout that never depends on the width of a line.

mod layout;
mod limits;
mod literal;
mod manifest;
mod models;
mod policies;
mod routes;
mod table;
mod topology;
mod upstreams;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::dataplane::table::TableFile;
use crate::ir::Topology;

/// The crate of a topology.
pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let folder = conventions::crate_folder(&topology.name);
    let header = conventions::header(&topology.name);
    files.add(
        format!("{folder}/Cargo.toml"),
        manifest::emit(topology, &header),
    );
    files.add(format!("{folder}/src/main.rs"), main(topology, &header));
    let tables: [(&str, TableFile); 5] = [
        ("models", models::emit(topology)),
        ("policies", policies::emit(topology)),
        ("routes", routes::emit(topology)),
        ("topology", topology::emit(topology)),
        ("upstreams", upstreams::emit(topology)),
    ];
    let limits = limits::emit(topology).map(|table| ("limits", table));
    for (name, table) in tables.into_iter().chain(limits) {
        files.add(format!("{folder}/src/{name}.rs"), table.render(&header));
    }
}

fn main(topology: &Topology, header: &str) -> String {
    let limits = if topology.limits.is_empty() {
        ""
    } else {
        "#[rustfmt::skip]\nmod limits;\n"
    };
    format!(
        "// {header}\n\
         //! The dataplane of `{name}.toml`.\n\
         \n\
         #![forbid(unsafe_code)]\n\
         \n\
         {limits}\
         #[rustfmt::skip]\n\
         mod models;\n\
         #[rustfmt::skip]\n\
         mod policies;\n\
         #[rustfmt::skip]\n\
         mod routes;\n\
         #[rustfmt::skip]\n\
         mod topology;\n\
         #[rustfmt::skip]\n\
         mod upstreams;\n\
         \n\
         fn main() -> std::process::ExitCode {{\n    \
             runtime::main(&topology::TOPOLOGY)\n\
         }}\n",
        name = topology.name,
    )
}

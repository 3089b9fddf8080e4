//! `deploy/<spec>/Dockerfile`, which builds the image of the gateway, and what its build does not see.

use std::net::SocketAddr;

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::compose::listens_elsewhere;
use crate::emit::template::fill_blocks;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;
use crate::plan::containers;

const TEMPLATE: &str = include_str!("../../../templates/deploy/Dockerfile");
const IGNORED: &str = include_str!("../../../templates/deploy/Dockerfile.dockerignore");

/// The toolchain of the image in which gateways are built: that of the workspace.
const RUST: &str = "1.95.0";

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Compose) {
        return;
    }
    let folder = conventions::deploy_folder(&topology.name);
    let path = format!("{folder}/{}", conventions::DOCKERFILE);
    let header = conventions::header(&topology.name);
    let ignored = fill_blocks(IGNORED, &Ignored { header: &header });
    // Beside a Dockerfile, by its name: that of the root would be for all.
    files.add(format!("{path}.dockerignore"), ignored);
    let listen = topology.gateway.listen;
    let file = File {
        header: &header,
        dockerfile: &path,
        image: &topology.deploy.image,
        spec: &topology.name,
        rust: RUST,
        audit_folder: audit_folder(topology).map(|folder| in_json(&folder)),
        has_mock: containers::has_mock(topology),
        is_static: !topology.has_own_gpus(),
        user: format!("{0}:{0}", conventions::USER),
        listen: listens_elsewhere(listen),
        port: listen.port(),
    };
    files.add(path.clone(), fill_blocks(TEMPLATE, &file));
}

/// The folder that the audit log is in, where the spec names a file for it.
pub(super) fn audit_folder(topology: &Topology) -> Option<String> {
    let file = topology.audit.as_ref()?.file.as_deref()?;
    let (folder, _) = file.rsplit_once('/')?;
    (!folder.is_empty()).then(|| folder.to_owned())
}

/// A text in an instruction that takes JSON, where a dollar sign would begin a variable.
fn in_json(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('$', "\\\\$")
}

/// What the template is filled with.
#[derive(Serialize)]
struct File<'t> {
    header: &'t str,
    dockerfile: &'t str,
    image: &'t str,
    spec: &'t str,
    rust: &'static str,
    audit_folder: Option<String>,
    has_mock: bool,
    is_static: bool,
    user: String,
    listen: Option<SocketAddr>,
    port: u16,
}

#[derive(Serialize)]
struct Ignored<'t> {
    header: &'t str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_built_with_the_toolchain_of_the_workspace() {
        let toolchain = include_str!("../../../rust-toolchain.toml");
        assert!(toolchain.contains(&format!("channel = \"{RUST}\"")));
    }
}

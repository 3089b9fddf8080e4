//! `deploy/<spec>/nginx/nginx.conf`: TLS in front of the gateway, with nothing held back of a stream.

use std::time::Duration;

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::template::fill_blocks;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

const TEMPLATE: &str = include_str!("../../../templates/deploy/nginx.conf");

/// Where it listens in its container.
pub(super) const PORT: u16 = 8443;

/// Where its certificate is there, and
pub(super) const CERTIFICATE: &str = "/run/secrets/nginx-tls.crt";
/// its key.
pub(super) const PRIVATE_KEY: &str = "/run/secrets/nginx-tls.key";

/// How long a response may pause where requests have no end.
const LONGEST: Duration = Duration::from_secs(3600);

/// What each worker may open: a client and the gateway for each connection, and what it has open anyway. Without, it is
/// what Docker's service was started with, which may be 1,024.
pub(super) fn descriptors(topology: &Topology) -> u64 {
    const OTHERS: u64 = 1024;
    topology.gateway.max_connections.saturating_mul(2) + OTHERS
}

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let deploy = &topology.deploy;
    let Some(nginx) = &deploy.compose.nginx else {
        return;
    };
    if !deploy.artifacts.contains(&Artifact::Compose) {
        return;
    }
    let longest = topology.longest_request().unwrap_or(LONGEST);
    let file = File {
        header: conventions::header(&topology.name),
        origin: nginx.path.to_string(),
        port: PORT,
        certificate: CERTIFICATE,
        private_key: PRIVATE_KEY,
        connections: topology.gateway.max_connections,
        descriptors: descriptors(topology),
        gateway: conventions::GATEWAY,
        gateway_port: topology.gateway.listen.port(),
        max_body: topology.gateway.max_body,
        // The gateway's own word comes first.
        read_timeout: longest.as_secs() + 10,
    };
    let folder = conventions::deploy_folder(&topology.name);
    files.add(
        format!("{folder}/nginx/nginx.conf"),
        fill_blocks(TEMPLATE, &file),
    );
}

/// What the template is filled with: numbers, and names of the compiler's.
#[derive(Serialize)]
struct File {
    header: String,
    origin: String,
    port: u16,
    certificate: &'static str,
    private_key: &'static str,
    connections: u64,
    descriptors: u64,
    gateway: &'static str,
    gateway_port: u16,
    max_body: u64,
    read_timeout: u64,
}

//! `deploy/<spec>/systemd/`: the socket that systemd holds, the gateways that it hands it to, and their user.

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::compose::{descriptors, in_seconds, watched};
use crate::emit::dockerfile::audit_folder;
use crate::emit::environment::secrets;
use crate::emit::template::fill_blocks;
use crate::ir::Topology;
use crate::ir::deploy::Artifact;

const SERVICE: &str = include_str!("../../../templates/deploy/systemd/service");
const SOCKET: &str = include_str!("../../../templates/deploy/systemd/socket");
const USER: &str = include_str!("../../../templates/deploy/systemd/sysusers.conf");

/// What a gateway has beside its `shutdown_grace`, in seconds, before it is killed.
const LONGER: u64 = 5;

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Systemd) {
        return;
    }
    let folder = format!("{}/systemd", conventions::deploy_folder(&topology.name));
    let spec = &topology.name;
    let audit_folder = audit_folder(topology);
    let logs = audit_folder
        .as_deref()
        .and_then(|folder| folder.strip_prefix("/var/log/"));
    let mut read: Vec<String> = secrets(topology)
        .iter()
        .filter_map(|secret| secret.file.map(in_unit))
        .collect();
    read.sort();
    read.dedup();
    let unit = Unit {
        header: conventions::header(spec),
        spec,
        listen: topology.gateway.listen.to_string(),
        has_low_port: topology.gateway.listen.port() < 1024,
        stop: in_seconds(topology.gateway.shutdown_grace) + LONGER,
        descriptors: descriptors(topology),
        http2: topology.gateway.http2,
        logs: logs.map(in_unit),
        written: audit_folder
            .as_deref()
            .filter(|_| logs.is_none())
            .map(in_unit),
        read,
        gpus: watched(topology),
    };
    for (name, template) in [
        (format!("{spec}.socket"), SOCKET),
        (format!("{spec}@.service"), SERVICE),
        (format!("{spec}.sysusers.conf"), USER),
    ] {
        files.add(format!("{folder}/{name}"), fill_blocks(template, &unit));
    }
}

/// A path as a unit has it: in quotes, where `%` begins a specifier and a backslash an escape.
fn in_unit(path: &str) -> String {
    let escaped = path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    format!("\"{escaped}\"")
}

/// What the templates are filled with.
#[derive(Serialize)]
struct Unit<'t> {
    header: String,
    spec: &'t str,
    listen: String,
    has_low_port: bool,
    stop: u64,
    descriptors: u64,
    http2: bool,
    /// The folder of the audit log below that of logs, which systemd makes.
    logs: Option<String>,
    /// The folder of the audit log elsewhere.
    written: Option<String>,
    /// The files that it reads.
    read: Vec<String>,
    /// The GPUs whose state it tells.
    gpus: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word_without_specifiers() {
        assert_eq!(in_unit("/a b/%i\"\\"), "\"/a b/%%i\\\"\\\\\"");
    }
}

//! The gateway does not ask itself (NX0422): a request would come back until it has made all of its attempts,
//! and each of those again.

use std::net::IpAddr;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Endpoint;
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let listen = KeyPath::root().key("gateway").key("listen");
    let topology = context.topology;
    let base = topology
        .upstreams
        .iter()
        .map(|upstream| (&upstream.name, &upstream.endpoint, upstream.path.key("url")));
    let overlays = topology.overlays.iter().flat_map(|overlay| {
        overlay.addresses.iter().map(|address| {
            let upstream = topology.upstreams.get(address.upstream);
            (&upstream.name, &address.endpoint, address.path.clone())
        })
    });
    let own = topology.gateway.listen;
    let own_ones = base
        .chain(overlays)
        .filter(|(_, endpoint, _)| is_at(endpoint, own.ip(), own.port()));
    let reports: Vec<_> = own_ones
        .map(|(name, _, path)| {
            Diagnostic::new(
                Code::NX0422,
                format!("upstream `{name}` is the gateway itself"),
                Place::Value(path),
                "this address",
            )
            .conflict(
                Place::Value(listen.clone()),
                format!("the gateway listens at `{own}`"),
            )
            .help("write the port of the server, or let the gateway listen at another one")
        })
        .collect();
    for diagnostic in reports {
        context.report(diagnostic);
    }
}

/// Whether who asks this endpoint on the machine of a listener asks that listener.
fn is_at(endpoint: &Endpoint, listens: IpAddr, port: u16) -> bool {
    let Some((host, asked)) = endpoint.host_and_port() else {
        return false;
    };
    let is_its_address = match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() || ip.is_unspecified() => {
            listens.is_unspecified() || listens == ip
        }
        Ok(ip) => listens == ip,
        Err(_) => host == "localhost" && (listens.is_unspecified() || listens.is_loopback()),
    };
    asked == port && is_its_address
}

//! Two upstreams of a route are two servers (NX0421).
//!
//! A route that falls over from a server to itself survives nothing, and counts its room twice. Two names of one
//! address are usually a line that was copied and not changed. Servers with several models, or that are shown
//! several keys, are several upstreams.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Endpoint, Overlay, Servers, Topology, Upstream};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let base = Environment {
        topology,
        overlay: None,
    };
    let known = base.pairs();
    let mut found: Vec<Diagnostic> = known.iter().map(|&pair| base.report(pair)).collect();
    // A mock answers in the place of all; what is one in the base is one in overlays too.
    let overlays = topology.overlays.iter();
    for overlay in overlays.filter(|overlay| overlay.servers == Servers::Real) {
        let there = Environment {
            topology,
            overlay: Some(overlay),
        };
        found.extend(
            there
                .pairs()
                .difference(&known)
                .map(|&pair| there.report(pair)),
        );
    }
    for diagnostic in found {
        context.report(diagnostic);
    }
}

/// Two upstreams, in the order of their names.
type Pair = (Id<Upstream>, Id<Upstream>);

/// The base, or an overlay with addresses of its own.
struct Environment<'t> {
    topology: &'t Topology,
    overlay: Option<&'t Overlay>,
}

impl<'t> Environment<'t> {
    /// Where an upstream is here, and where that is written.
    fn address(&self, id: Id<Upstream>) -> (&'t Endpoint, Place) {
        let upstream = self.topology.upstreams.get(id);
        let moved = self.overlay.and_then(|overlay| {
            let mut addresses = overlay.addresses.iter();
            addresses.find(|address| address.upstream == id)
        });
        match moved {
            Some(address) => (&address.endpoint, Place::Value(address.path.clone())),
            None => (&upstream.endpoint, Place::Value(upstream.path.key("url"))),
        }
    }

    /// The upstreams of a same route that are asked for the same at the same address, each with the first such one.
    fn pairs(&self) -> BTreeSet<Pair> {
        let mut pairs = BTreeSet::new();
        let routes = self.topology.routes.iter();
        for rule in routes.filter_map(|route| route.rule.as_ref()) {
            let upstreams: BTreeSet<Id<Upstream>> = rule.upstreams().into_iter().collect();
            let mut first = BTreeMap::new();
            for id in upstreams {
                let upstream = self.topology.upstreams.get(id);
                let Some(address) = server(self.address(id).0) else {
                    continue;
                };
                let server = (address, &upstream.served_model, &upstream.api_key);
                let before = *first.entry(server).or_insert(id);
                if before != id {
                    pairs.insert((before, id));
                }
            }
        }
        pairs
    }

    fn report(&self, (before, again): Pair) -> Diagnostic {
        let [first, second] = [before, again].map(|id| &self.topology.upstreams.get(id).name);
        let place = self
            .overlay
            .map(|overlay| format!(" in overlay `{}`", overlay.name));
        let message = format!(
            "upstreams `{first}` and `{second}` are the same server{}",
            place.unwrap_or_default()
        );
        Diagnostic::new(Code::NX0421, message, self.address(again).1, "this address")
            .conflict(self.address(before).1, "is this one")
            .help("write the address of the other server, or keep one of the two upstreams")
    }
}

/// An address in the one form that all spellings of it have; `None` for a mock, and for one that could not be read.
fn server(endpoint: &Endpoint) -> Option<String> {
    let (Endpoint::Http(url) | Endpoint::Https(url)) = endpoint else {
        return None;
    };
    let (host, port) = endpoint.host_and_port()?;
    let host = match host.parse::<IpAddr>() {
        Ok(address) => address.to_string(),
        Err(_) => host.to_ascii_lowercase(),
    };
    let (scheme, rest) = url.split_once("://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    Some(format!("{scheme}://{host} {port}/{path}"))
}

//! Two upstreams of a route are two servers (NX0421).
//!
//! A route that falls over from a server to itself survives nothing, and counts its room twice. Two names of one
//! address are usually a line that was copied and not changed. Servers with several models, or that are shown
//! several keys, are several upstreams.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Endpoint, Topology, Upstream};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    for (before, again) in pairs(context.topology) {
        let [before, again] = [before, again].map(|id| context.topology.upstreams.get(id));
        let diagnostic = Diagnostic::new(
            Code::NX0421,
            format!(
                "upstreams `{}` and `{}` are the same server",
                before.name, again.name
            ),
            Place::Value(again.path.key("url")),
            "this address",
        )
        .conflict(Place::Value(before.path.key("url")), "is this one")
        .help("write the address of the other server, or keep one of the two upstreams");
        context.report(diagnostic);
    }
}

/// The upstreams of a same route that are asked for the same at the same address, each with the first such one.
fn pairs(topology: &Topology) -> BTreeSet<(Id<Upstream>, Id<Upstream>)> {
    let mut pairs = BTreeSet::new();
    for rule in topology
        .routes
        .iter()
        .filter_map(|route| route.rule.as_ref())
    {
        let upstreams: BTreeSet<Id<Upstream>> = rule.upstreams().into_iter().collect();
        let mut first = BTreeMap::new();
        for id in upstreams {
            let upstream = topology.upstreams.get(id);
            let (Endpoint::Http(url) | Endpoint::Https(url)) = &upstream.endpoint else {
                continue;
            };
            // The address of one that could not be read.
            if url.is_empty() {
                continue;
            }
            let server = (url, &upstream.served_model, &upstream.api_key);
            let before = *first.entry(server).or_insert(id);
            if before != id {
                pairs.insert((before, id));
            }
        }
    }
    pairs
}

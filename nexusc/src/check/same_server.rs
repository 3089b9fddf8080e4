//! Two upstreams are two servers (NX0421).
//!
//! A route that falls over from a server to itself survives nothing, and counts its room twice. Two names of one
//! address are usually a line that was copied and not changed. Servers with several models, or that are shown
//! several keys, are several upstreams.

use std::collections::BTreeMap;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Endpoint, Upstream};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let mut first: BTreeMap<_, &Upstream> = BTreeMap::new();
    for upstream in context.topology.upstreams.iter() {
        let (Endpoint::Http(url) | Endpoint::Https(url)) = &upstream.endpoint else {
            continue;
        };
        // The address of one that could not be read.
        if url.is_empty() {
            continue;
        }
        let server = (url, &upstream.served_model, &upstream.api_key);
        let Some(before) = first.get(&server) else {
            first.insert(server, upstream);
            continue;
        };
        let diagnostic = Diagnostic::new(
            Code::NX0421,
            format!(
                "upstreams `{}` and `{}` are the same server",
                before.name, upstream.name
            ),
            Place::Value(upstream.path.key("url")),
            "this address",
        )
        .conflict(Place::Value(before.path.key("url")), "is this one")
        .help("write the address of the other server, or keep one of the two upstreams");
        context.report(diagnostic);
    }
}

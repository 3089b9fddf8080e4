//! Whoever is on the way of what real users ask learns no key of an upstream (NX0320).
//!
//! In a cluster a mesh may encrypt the connection, which a spec cannot know; so it is a warning. On the same
//! machine nobody is on the way.

use std::collections::BTreeMap;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Endpoint;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let Some(overlay) = topology.overlays.iter().find(|overlay| overlay.production) else {
        return;
    };
    let addresses = overlay.addresses.iter();
    let addresses: BTreeMap<_, _> = addresses
        .map(|address| (address.upstream, address))
        .collect();
    for (id, upstream) in topology.upstreams.ids() {
        // The overlay may have an address of its own, on this machine or not.
        let (endpoint, url) = match addresses.get(&id) {
            Some(address) => (&address.endpoint, address.path.clone()),
            None => (&upstream.endpoint, upstream.path.key("url")),
        };
        let is_plain = matches!(endpoint, Endpoint::Http(_)) && !endpoint.is_on_this_machine();
        if upstream.api_key.is_none() || !is_plain {
            continue;
        }
        let diagnostic = Diagnostic::new(
            Code::NX0320,
            format!(
                "the API key of upstream `{}` is sent in clear text",
                upstream.name
            ),
            Place::Value(url),
            "not `https://`, and not on this machine",
        )
        .conflict(Place::Key(upstream.path.key("api_key")), "sent there")
        .conflict(
            Place::Value(overlay.path.key("production")),
            "real users depend on it",
        )
        .help(
            "give it an address that begins with `https://`; where a mesh encrypts what it is sent, \
             allow this code in `[lints]`",
        );
        context.report(diagnostic);
    }
}

//! The server without a model that answers in the place of upstreams, where an overlay says so: for whom, and to which
//! names. Emitters of compose files and of manifests for Kubernetes start it in their own form.

use std::collections::BTreeSet;

use crate::ir::table::Id;
use crate::ir::{Overlay, Servers, Topology, Upstream};

/// Where it listens.
pub(super) const PORT: u16 = 8000;

/// The upstreams that it answers for: all that are asked over a network, but those with a `tls` of their own, whose
/// certificates it has not, and those to which the overlay gives an address.
pub(super) fn answers_for(topology: &Topology, overlay: &Overlay) -> BTreeSet<Id<Upstream>> {
    if overlay.servers != Servers::Mock {
        return BTreeSet::new();
    }
    let is_moved = |id| overlay.addresses.iter().any(|it| it.upstream == id);
    topology
        .upstreams
        .ids()
        .filter(|(_, upstream)| {
            upstream.endpoint.host_and_port().is_some() && upstream.tls.is_none()
        })
        .map(|(id, _)| id)
        .filter(|&id| !is_moved(id))
        .collect()
}

/// The names that it is asked for; health checks look for them.
pub(super) fn models<'t>(topology: &'t Topology, of: &BTreeSet<Id<Upstream>>) -> BTreeSet<&'t str> {
    let mut names = BTreeSet::new();
    for &id in of {
        match &topology.upstreams.get(id).served_model {
            Some(name) => {
                names.insert(name.as_str());
            }
            None => {
                for model in topology.models.iter() {
                    names.insert(&model.name);
                    names.extend(model.aliases.iter().map(String::as_str));
                }
            }
        }
    }
    names
}

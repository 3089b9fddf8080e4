//! Which shadows there are, and their places in tables of live state.

use crate::route;
use crate::topology::{Route, Shadow, Topology};

/// The shadows of `topology`, each once, with their routes.
pub(crate) fn all(topology: &Topology) -> Vec<(&'static Route, &'static Shadow)> {
    route::with(topology, |route| route.shadow.as_ref())
}

/// Gives each shadow of `topology` its slot; how many there are.
pub(crate) fn assign(topology: &Topology) -> usize {
    let shadows = all(topology);
    for (index, (_, shadow)) in shadows.iter().enumerate() {
        shadow.slot.assign(index);
    }
    shadows.len()
}

//! Topology -> plan: what each service takes of its GPUs, and what is left for keys and values.
//!
//! Pure arithmetic over figures of models, cards and engines. Formulas are those of the engines, with the place where
//! they stand; what no source gives is a measured constant, with how far it may be off. Bytes are `f64`: whole numbers
//! to 2^53, and absurd input becomes an absurd number instead of a panic.

pub mod activation;
pub mod advice;
pub mod architecture;
pub mod buckets;
pub mod burn;
pub mod containers;
pub mod estimate;
pub mod exports;
pub mod kv;
pub mod order;
pub mod overhead;
pub mod placement;
pub mod points;
pub mod quantisation;
pub mod report;
pub mod resident;
pub mod service;
pub mod svg;
pub mod trials;
pub mod verdict;
pub mod weights;

use std::collections::BTreeSet;

use crate::ir::Topology;
use crate::plan::order::Order;
use crate::plan::placement::{Placement, engines, place};

/// The plan of a topology.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What runs together: one placement for each profile, or a single one.
    pub placements: Vec<Placement>,
    /// The same with services that share a card the other way round, where the spec leaves their order open.
    pub reversed: Vec<Placement>,
}

/// Plans a topology. Services whose order is open start by name.
pub fn plan(topology: &Topology) -> Plan {
    let profiles: BTreeSet<Option<&str>> = topology
        .upstreams
        .iter()
        .filter_map(|upstream| Some(upstream.engine.as_ref()?.profile.as_deref()))
        .collect();
    // Beside named profiles there is none without a name: what is in all runs with each.
    let named = profiles.iter().any(Option::is_some);
    let mut plan = Plan::default();
    for profile in profiles
        .into_iter()
        .filter(|profile| profile.is_some() || !named)
    {
        let engines = engines(topology, profile);
        if engines.is_empty() {
            continue;
        }
        let placed = |order| place(topology, profile, &order::of(&engines, order));
        plan.placements.push(placed(Order::ByName));
        plan.reversed.push(placed(Order::Reversed));
    }
    plan
}

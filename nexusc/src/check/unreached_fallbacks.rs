//! Some attempt is left for each fallback model (NX0420).
//!
//! Where the upstreams before it are as many as a request may make attempts, and nothing ever passes one of them
//! over, a fallback model is asked by nobody.

use std::collections::BTreeSet;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Model, Rule, Topology, Upstream};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let partial = |table: &&str| context.is_partial(table);
    if ["models", "routes", "upstreams", "keys"]
        .iter()
        .any(partial)
    {
        return;
    }
    let topology = context.topology;
    // An administrator may drain an upstream, so that it is passed over.
    if topology.keys.iter().any(|key| key.admin) {
        return;
    }
    for model in topology.models.iter() {
        let Some((index, before)) = first_unreached(model, topology) else {
            continue;
        };
        let Some(fallback) = model.fallback.get(index) else {
            continue;
        };
        let diagnostic = Diagnostic::new(
            Code::NX0420,
            format!(
                "no attempt is left for `{}`, a fallback of model `{}`",
                topology.models.get(*fallback).name,
                model.name
            ),
            Place::Value(model.path.key("fallback").index(index)),
            format!("{before} upstreams come before it, and none of them is ever passed over"),
        )
        .conflict(
            Place::Value(KeyPath::root().key("gateway").key("max_attempts")),
            format!("a request makes {} attempts", topology.gateway.max_attempts),
        )
        .help("raise `max_attempts` of `[gateway]`, or give the upstreams a `breaker` or `health`");
        context.report(diagnostic);
    }
}

/// The first fallback that is never asked, and the number of upstreams that are asked before it.
fn first_unreached(model: &Model, topology: &Topology) -> Option<(usize, u64)> {
    let mut asked: BTreeSet<Id<Upstream>> = BTreeSet::new();
    let stand_ins = model.fallback.iter().map(|&id| topology.models.get(id));
    for (index, model) in std::iter::once(model).chain(stand_ins).enumerate() {
        let before = u64::try_from(asked.len()).unwrap_or(u64::MAX);
        if before >= topology.gateway.max_attempts {
            return Some((index.checked_sub(1)?, before));
        }
        let route = topology.routes.get(model.route?);
        for id in route.rule.as_ref().map(Rule::upstreams)? {
            let upstream = topology.upstreams.get(id);
            if upstream.breaker.is_some() || upstream.health.is_some() {
                return None;
            }
            asked.insert(id);
        }
    }
    None
}

//! What is admitted can be served, where upstreams say how much they serve (NX0436, NX0438, NX0439).
//!
//! Requests beyond the capacity of an engine wait in its own queue: first come, first served, whatever their
//! priority, while their timeouts run. A limit is meant to keep them out of it.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Access, Limit, Model, Rule, Target, Topology, Upstream};
use crate::key_path::KeyPath;
use crate::source::Place;
use crate::suggest;

pub(super) fn check(context: &mut Context<'_>) {
    let partial = |table: &&str| context.is_partial(table);
    if ["limits", "models", "routes", "upstreams"]
        .iter()
        .any(partial)
    {
        return;
    }
    let topology = context.topology;
    for model in topology.models.iter() {
        let room = Room::of([model], topology);
        if !of_limit(context, model.limit, &model.path, room.as_ref()) {
            of_shares(context, model);
        }
        if let Some(room) = room {
            of_fallbacks(context, model, &room);
        }
    }
    // The sum over all upstreams is made once, for the many keys that may ask for every model.
    let of_all = LazyCell::new(|| Room::of(topology.models.iter(), topology));
    for key in topology.keys.iter() {
        let is_bounded = |id| topology.limits.get(id).concurrent.is_some();
        if !key.limit.is_some_and(is_bounded) {
            continue;
        }
        let of_some;
        let room = match &key.models {
            Access::All => &*of_all,
            Access::Only(models) => {
                let models = models.iter().map(|&id| topology.models.get(id));
                of_some = Room::of(models, topology);
                &of_some
            }
        };
        of_limit(context, key.limit, &key.path, room.as_ref());
    }
}

/// What some upstreams serve at once.
struct Room<'t> {
    requests: u64,
    upstreams: Vec<&'t Upstream>,
}

impl<'t> Room<'t> {
    /// The room for these models, where each of their upstreams states its capacity.
    fn of(models: impl IntoIterator<Item = &'t Model>, topology: &'t Topology) -> Option<Self> {
        let mut ids: BTreeSet<Id<Upstream>> = BTreeSet::new();
        for model in models {
            ids.extend(upstreams(model, topology)?);
        }
        let upstreams: Vec<&Upstream> = ids.iter().map(|&id| topology.upstreams.get(id)).collect();
        let add = |sum: u64, upstream: &&Upstream| Some(sum.saturating_add(upstream.capacity?));
        let requests = upstreams
            .iter()
            .try_fold(0, add)
            .filter(|requests| *requests > 0)?;
        Some(Self {
            requests,
            upstreams,
        })
    }

    /// "`a` and `b` together"
    fn names(&self) -> String {
        let names = suggest::list(self.upstreams.iter().map(|upstream| upstream.name.as_str()));
        let together = if self.upstreams.len() > 1 {
            " together"
        } else {
            ""
        };
        format!("{names}{together}")
    }

    fn place(&self) -> Place {
        let first = self.upstreams.first();
        let path = first.map_or_else(KeyPath::root, |upstream| upstream.path.key("capacity"));
        Place::Value(path)
    }
}

fn upstreams(model: &Model, topology: &Topology) -> Option<Vec<Id<Upstream>>> {
    let route = topology.routes.get(model.route?);
    route.rule.as_ref().map(Rule::upstreams)
}

/// Reports a limit that lets in more than there is room for; says whether it did.
fn of_limit(
    context: &mut Context<'_>,
    limit: Option<Id<Limit>>,
    path: &KeyPath,
    room: Option<&Room<'_>>,
) -> bool {
    let limit = limit.map(|id| context.topology.limits.get(id));
    let concurrent = limit.and_then(|limit| limit.concurrent);
    let (Some(limit), Some(concurrent), Some(room)) = (limit, concurrent, room) else {
        return false;
    };
    if concurrent <= room.requests {
        return false;
    }
    let diagnostic = Diagnostic::new(
        Code::NX0438,
        format!(
            "limit `{}` lets in {concurrent} requests at once for `{path}`, whose upstreams serve {}",
            limit.name, room.requests
        ),
        Place::Value(limit.path.key("concurrent")),
        "the others wait in the engines, whatever their priority",
    )
    .conflict(Place::Value(path.key("limit")), "applies here")
    .conflict(
        room.place(),
        format!("{}: {} at once", room.names(), room.requests),
    )
    .help(format!(
        "lower `concurrent` to {}; with a `queue` the others wait in the gateway",
        room.requests
    ));
    context.report(diagnostic);
    true
}

/// Reports an upstream that is given more of what the model's limit lets in than it serves.
fn of_shares(context: &mut Context<'_>, model: &Model) {
    let topology = context.topology;
    let limit = model.limit.map(|id| topology.limits.get(id));
    let concurrent = limit.and_then(|limit| Some((limit, limit.concurrent?)));
    let route = model.route.map(|id| topology.routes.get(id));
    let (Some((limit, concurrent)), Some(route)) = (concurrent, route) else {
        return;
    };
    for share in route.rule.as_ref().map(shares).unwrap_or_default() {
        let upstream = topology.upstreams.get(share.upstream);
        let Some(capacity) = upstream.capacity else {
            continue;
        };
        // Numbers out of range are reported, and come here all the same.
        let given = u128::from(concurrent) * share.part;
        if given <= u128::from(capacity).saturating_mul(share.of) {
            continue;
        }
        let expected = given.div_ceil(share.of);
        let written = share
            .path
            .iter()
            .fold(route.path.clone(), |path, key| path.key(key));
        let diagnostic = Diagnostic::new(
            Code::NX0439,
            format!(
                "upstream `{}` is given {expected} requests at once, and serves {capacity}",
                upstream.name
            ),
            Place::Value(written),
            format!("{expected} of the {concurrent} of model `{}`", model.name),
        )
        .conflict(
            Place::Value(upstream.path.key("capacity")),
            "what it serves at once",
        )
        .conflict(Place::Value(limit.path.key("concurrent")), "what is let in")
        .help("give it a smaller share, or let `least_in_flight` choose by what is in flight");
        context.report(diagnostic);
    }
}

/// A part of a route's requests.
struct Share {
    upstream: Id<Upstream>,
    part: u128,
    of: u128,
    /// Where it is written, below the route.
    path: [&'static str; 2],
}

fn shares(rule: &Rule) -> Vec<Share> {
    match rule {
        Rule::Weighted(targets) => {
            let weight = |target: &Target| u128::from(target.weight);
            let of = targets.iter().map(weight).sum();
            let share = |target: &Target| Share {
                upstream: target.upstream,
                part: weight(target),
                of,
                path: ["weighted", "targets"],
            };
            targets.iter().map(share).collect()
        }
        Rule::Canary {
            primary,
            canary,
            share,
        } => [(primary, 10_000 - share.0), (canary, share.0)]
            .map(|(upstream, part)| Share {
                upstream: *upstream,
                part: u128::from(part),
                of: 10_000,
                path: ["canary", "percent"],
            })
            .into(),
        Rule::Direct(_) | Rule::Priority(_) | Rule::LeastInFlight(_) | Rule::Prefix { .. } => {
            Vec::new()
        }
    }
}

/// Reports the fallback models that serve less at once than what they stand in for.
fn of_fallbacks(context: &mut Context<'_>, model: &Model, room: &Room<'_>) {
    let topology = context.topology;
    let limit = model
        .limit
        .and_then(|id| topology.limits.get(id).concurrent);
    let wanted = limit.unwrap_or(u64::MAX).min(room.requests);
    for (index, &fallback) in model.fallback.iter().enumerate() {
        let fallback = topology.models.get(fallback);
        let Some(had) = Room::of([fallback], topology).filter(|had| had.requests < wanted) else {
            continue;
        };
        let diagnostic = Diagnostic::new(
            Code::NX0436,
            format!(
                "`{}` serves {} requests at once, fewer than the {wanted} of `{}`",
                fallback.name, had.requests, model.name
            ),
            Place::Value(model.path.key("fallback").index(index)),
            "stands in for it",
        )
        .conflict(had.place(), format!("{}: {} at once", had.names(), had.requests))
        .conflict(
            room.place(),
            format!("{}: {} at once", room.names(), room.requests),
        )
        .help(
            "give it more servers, or a limit with a lower `concurrent` to the model; where some requests \
             may wait or fail that day, allow this code in `[lints]`",
        );
        context.report(diagnostic);
    }
}

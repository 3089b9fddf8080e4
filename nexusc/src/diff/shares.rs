//! Where the rule of a route sends requests first, and how that is said.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::words::{code, list};
use crate::ir::table::Id;
use crate::ir::{Endpoint, Percent, Rule, Target, Topology, Upstream};

/// The part of the requests that each upstream is the first to be asked for; `None` where the rule decides by
/// what is in flight or by the prompt.
pub(super) fn shares<'t>(rule: &Rule, topology: &'t Topology) -> Option<BTreeMap<&'t str, Share>> {
    let name = |id: Id<Upstream>| topology.upstreams.get(id).name.as_str();
    let of = |part: u64, of: u64| Share { part, of };
    Some(match rule {
        Rule::Direct(upstream) => BTreeMap::from([(name(*upstream), of(1, 1))]),
        Rule::Weighted(targets) => {
            let all = targets.iter().map(|target| target.weight).sum();
            let share = |Target { upstream, weight }: &Target| (name(*upstream), of(*weight, all));
            targets.iter().map(share).collect()
        }
        Rule::Canary {
            primary,
            canary,
            share: Percent(share),
        } => {
            let share = u64::from(*share);
            let rest = 10_000_u64.saturating_sub(share);
            BTreeMap::from([
                (name(*primary), of(rest, 10_000)),
                (name(*canary), of(share, 10_000)),
            ])
        }
        Rule::Priority(tiers) => {
            let first = tiers.first().map(Vec::as_slice).unwrap_or_default();
            let even = |id: &Id<Upstream>| (name(*id), of(1, first.len() as u64));
            first.iter().map(even).collect()
        }
        Rule::LeastInFlight(_) | Rule::Prefix { .. } => return None,
    })
}

/// A part of requests. Weights of 3 and 1 are the shares of 6 and 2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    part: u64,
    of: u64,
}

impl Share {
    pub(super) const NONE: Self = Self { part: 0, of: 1 };

    /// As people read it, to a hundredth of a percent: `33.33 %`.
    pub(super) fn shown(self) -> String {
        let points = (u128::from(self.part) * 20_000 / u128::from(self.of.max(1))).div_ceil(2);
        Percent(u32::try_from(points).unwrap_or(10_000)).to_string()
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        u128::from(self.part) * u128::from(other.of) == u128::from(other.part) * u128::from(self.of)
    }
}

/// Where the requests go, after "go": "to `a`", "95 % to `a` and 5 % to `b`, a canary".
pub(super) fn describe(rule: &Rule, topology: &Topology) -> String {
    let names = |ids: &[Id<Upstream>]| {
        list(
            ids.iter()
                .map(|&id| topology.upstreams.get(id).name.as_str()),
        )
    };
    match rule {
        Rule::Direct(upstream) => format!("to {}", names(&[*upstream])),
        Rule::Weighted(targets) => {
            let all = targets.iter().map(|target| target.weight).sum();
            let parts = targets.iter().map(|&Target { upstream, weight }| {
                let share = Share {
                    part: weight,
                    of: all,
                };
                format!("{} to {}", share.shown(), names(&[upstream]))
            });
            parts.collect::<Vec<_>>().join(", ")
        }
        Rule::Canary {
            primary,
            canary,
            share,
        } => format!(
            "{} to {} and {share} to {}, its canary",
            Percent(10_000_u32.saturating_sub(share.0)),
            names(&[*primary]),
            names(&[*canary])
        ),
        Rule::Priority(tiers) => {
            let tiers: Vec<String> = tiers.iter().map(|tier| names(tier)).collect();
            format!("to {}", tiers.join(", and where that fails to "))
        }
        Rule::LeastInFlight(upstreams) => {
            format!(
                "to whichever of {} has the fewest in flight",
                names(upstreams)
            )
        }
        Rule::Prefix { upstreams, .. } => {
            format!(
                "to the one of {} that knows the beginning of the prompt",
                names(upstreams)
            )
        }
    }
}

/// Whether no request goes first where requests went: other servers altogether. An upstream that is only called
/// by another name is none.
pub(super) fn is_elsewhere(
    (before, old): (&Topology, Option<&Rule>),
    (after, new): (&Topology, Option<&Rule>),
) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return false;
    };
    let (names_before, places_before) = places(old, before);
    let (names, places) = places(new, after);
    names_before.is_disjoint(&names) && places_before.is_disjoint(&places)
}

type Places<'t> = BTreeSet<(String, Option<&'t str>)>;

/// The names and the addresses of the upstreams that are the first to be asked.
fn places<'t>(rule: &Rule, topology: &'t Topology) -> (BTreeSet<&'t str>, Places<'t>) {
    let by_share = shares(rule, topology);
    let is_asked = |upstream: &Upstream| {
        by_share.as_ref().is_none_or(|shares| {
            let share = shares.get(upstream.name.as_str());
            share.is_some_and(|share| *share != Share::NONE)
        })
    };
    let upstreams = rule.upstreams().into_iter();
    let asked: Vec<&Upstream> = upstreams
        .map(|id| topology.upstreams.get(id))
        .filter(|upstream| is_asked(upstream))
        .collect();
    let address = |upstream: &&'t Upstream| {
        (
            address(&upstream.endpoint),
            upstream.served_model.as_deref(),
        )
    };
    let names = asked.iter().map(|upstream| upstream.name.as_str());
    (names.collect(), asked.iter().map(address).collect())
}

/// The address of an upstream as a spec writes it.
pub(super) fn address(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Http(url) | Endpoint::Https(url) => url.clone(),
        Endpoint::MockLocal => "mock://local".to_owned(),
        Endpoint::MockFail => "mock://fail".to_owned(),
    }
}

/// The address in backquotes.
pub(super) fn shown_address(endpoint: &Endpoint) -> String {
    code(&address(endpoint))
}

//! Topology -> the rules that a gateway decides by.
//!
//! [`crate::emit`] prints these values into the tables of the dataplane, and [`crate::trial`] decides by them, so a
//! test of a spec and the gateway that is built from it go by the same facts.

use decide::rule::{self, Target};
use decide::share::{LoadFactor, Share};
use decide::{Candidate, hash};

use crate::ir::table::Id;
use crate::ir::{Draw, Percent, Route, Rule, Topology, Upstream};

/// An upstream, as rules tell upstreams apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The upstream.
    pub id: Id<Upstream>,
    identity: u64,
}

impl Candidate for Choice {
    fn identity(self) -> u64 {
        self.identity
    }
}

/// The rules of all routes, in the order of their table.
#[derive(Debug)]
pub struct Rules<'t>(Vec<rule::Rule<'t, Choice>>);

impl<'t> Rules<'t> {
    /// The rule of a route.
    #[expect(
        clippy::indexing_slicing,
        reason = "there is a rule for each route of the topology"
    )]
    pub fn of(&self, route: Id<Route>) -> rule::Rule<'t, Choice> {
        self.0[route.index()]
    }
}

/// Hands the rules of a topology without errors to `then`. They refer to lists that live as long as this call.
pub fn with_rules<T>(topology: &Topology, then: impl FnOnce(&Rules<'_>) -> T) -> T {
    let lists: Vec<Lists> = topology
        .routes
        .iter()
        .map(|route| Lists::of(rule(route), topology))
        .collect();
    let tiers: Vec<Vec<&[Choice]>> = lists
        .iter()
        .map(|lists| lists.tiers.iter().map(Vec::as_slice).collect())
        .collect();
    let parts = topology.routes.iter().zip(&lists).zip(&tiers);
    let rules = parts.map(|((route, lists), tiers)| lists.rule(rule(route), tiers, topology));
    then(&Rules(rules.collect()))
}

/// What the choice of a route goes by.
pub fn draw(draw: Draw) -> rule::Draw {
    match draw {
        Draw::Sequence => rule::Draw::Sequence,
        Draw::Caller => rule::Draw::Caller,
        Draw::Session => rule::Draw::Session,
        Draw::Head(length) => {
            rule::Draw::Head(usize::try_from(length).expect("resolved: a head has at most 1 MiB"))
        }
    }
}

fn rule(route: &Route) -> &Rule {
    let rule = route.rule.as_ref();
    rule.expect("resolved: a route without a rule is reported")
}

/// The lists of upstreams that a rule refers to.
#[derive(Default)]
struct Lists {
    upstreams: Vec<Choice>,
    targets: Vec<Target<Choice>>,
    tiers: Vec<Vec<Choice>>,
}

impl Lists {
    fn of(rule: &Rule, topology: &Topology) -> Self {
        let choices = |ids: &[Id<Upstream>]| ids.iter().map(|&id| choice(id, topology)).collect();
        match rule {
            Rule::Direct(_) | Rule::Canary { .. } => Self::default(),
            Rule::Weighted(targets) => {
                let target = |target: &crate::ir::Target| {
                    let weight = u32::try_from(target.weight);
                    let weight = weight.expect("resolved: a weight is at most a million");
                    Target::new(choice(target.upstream, topology), weight)
                };
                Self {
                    targets: targets.iter().map(target).collect(),
                    ..Self::default()
                }
            }
            Rule::Priority(tiers) => Self {
                tiers: tiers.iter().map(|tier| choices(tier)).collect(),
                ..Self::default()
            },
            Rule::LeastInFlight(upstreams) | Rule::Prefix { upstreams, .. } => Self {
                upstreams: choices(upstreams),
                ..Self::default()
            },
        }
    }

    fn rule<'t>(
        &'t self,
        rule: &Rule,
        tiers: &'t [&'t [Choice]],
        topology: &Topology,
    ) -> rule::Rule<'t, Choice> {
        match rule {
            Rule::Direct(upstream) => rule::Rule::Direct(choice(*upstream, topology)),
            Rule::Weighted(_) => rule::Rule::Weighted(rule::Weighted::new(&self.targets)),
            Rule::Canary {
                primary,
                canary,
                share,
            } => rule::Rule::Canary {
                primary: choice(*primary, topology),
                canary: choice(*canary, topology),
                share: Share::percent(percent(*share)),
            },
            Rule::Priority(_) => rule::Rule::Priority(tiers),
            Rule::LeastInFlight(_) => rule::Rule::LeastInFlight(&self.upstreams),
            Rule::Prefix { load_factor, .. } => rule::Rule::Prefix {
                upstreams: &self.upstreams,
                load_factor: LoadFactor::percent(percent(*load_factor)),
            },
        }
    }
}

fn choice(id: Id<Upstream>, topology: &Topology) -> Choice {
    let name = &topology.upstreams.get(id).name;
    Choice {
        id,
        identity: hash::stable(name.as_bytes()),
    }
}

/// In percent.
fn percent(percent: Percent) -> f64 {
    f64::from(percent.0) / 100.0
}

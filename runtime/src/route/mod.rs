//! Which upstreams a request tries, in which order. Pure: a rule, a draw and what the upstreams have
//! in flight decide.

mod circle;
pub(crate) mod draw;
#[cfg(test)]
mod fixture;
mod least_in_flight;
mod prefix;

use crate::route::circle::Circle;
use crate::route::draw::scaled;
use crate::route::prefix::Ranking;
use crate::topology::{Hedge, Route, Rule, Share, Target, Topology, Upstream};

/// All upstreams of `rule`, each once: first the one that `draw` picks, then those to try after a
/// failure. Rules that go by it are told the `load` of an upstream: its requests in flight.
pub(crate) fn order(rule: &'static Rule, draw: u64, load: impl Fn(&Upstream) -> u32) -> Order {
    match rule {
        Rule::Direct(upstream) => Order::Pair {
            first: Some(upstream),
            second: None,
        },
        Rule::Canary {
            primary,
            canary,
            share,
        } => {
            if scaled(draw, Share::WHOLE) < share.basis_points() {
                Order::Pair {
                    first: Some(canary),
                    second: Some(primary),
                }
            } else {
                Order::Pair {
                    first: Some(primary),
                    second: Some(canary),
                }
            }
        }
        Rule::Weighted(weighted) => {
            let targets = weighted.targets();
            let first = picked(targets, scaled(draw, weighted.total()));
            Order::Targets {
                targets,
                circle: Circle::beginning_with(first, targets.len(), draw),
            }
        }
        Rule::Priority(tiers) => Order::Tiers {
            tiers,
            circle: Circle::drawn(tiers.first().map_or(0, |tier| tier.len()), draw),
            draw,
        },
        Rule::LeastInFlight(upstreams) => {
            let first = least_in_flight::first(upstreams, draw, load);
            Order::Upstreams {
                upstreams,
                circle: Circle::beginning_with(first, upstreams.len(), draw),
            }
        }
        Rule::Prefix {
            upstreams,
            load_factor,
        } => Order::Ranking(prefix::ranking(upstreams, draw, *load_factor, load)),
    }
}

/// All upstreams of `rule`, in any order.
pub(crate) fn upstreams(rule: &'static Rule) -> Order {
    order(rule, 0, |_| 0)
}

/// The upstreams whose requests in flight `rule` goes by.
pub(crate) fn counted(rule: &'static Rule) -> &'static [&'static Upstream] {
    match rule {
        Rule::LeastInFlight(upstreams) | Rule::Prefix { upstreams, .. } => upstreams,
        Rule::Direct(_) | Rule::Weighted(_) | Rule::Canary { .. } | Rule::Priority(_) => &[],
    }
}

/// The routes that hedge, each once.
pub(crate) fn hedged(topology: &Topology) -> Vec<(&'static Route, &'static Hedge)> {
    with(topology, |route| route.hedge.as_ref())
}

/// The routes that have this `part`, each once, with it.
pub(crate) fn with<T>(
    topology: &Topology,
    part: impl Fn(&'static Route) -> Option<&'static T>,
) -> Vec<(&'static Route, &'static T)> {
    let mut found: Vec<(&'static Route, &'static T)> = Vec::new();
    for model in topology.models {
        let route = model.settings.route;
        if let Some(part) = part(route)
            && !found.iter().any(|(known, _)| std::ptr::eq(*known, route))
        {
            found.push((route, part));
        }
    }
    found
}

/// The upstreams of a route in the order of trying.
#[derive(Debug)]
pub(crate) enum Order {
    /// One or two.
    Pair {
        first: Option<&'static Upstream>,
        second: Option<&'static Upstream>,
    },
    /// Those of a weighted rule.
    Targets {
        targets: &'static [Target],
        circle: Circle,
    },
    /// Any number.
    Upstreams {
        upstreams: &'static [&'static Upstream],
        circle: Circle,
    },
    /// Those of the first list in the order of `circle`, then those of the next.
    Tiers {
        tiers: &'static [&'static [&'static Upstream]],
        circle: Circle,
        draw: u64,
    },
    /// By rank.
    Ranking(Ranking),
}

impl Iterator for Order {
    type Item = &'static Upstream;

    fn next(&mut self) -> Option<&'static Upstream> {
        match self {
            Self::Pair { first, second } => first.take().or_else(|| second.take()),
            Self::Targets { targets, circle } => {
                let target = targets.get(circle.next()?)?;
                Some(target.upstream)
            }
            Self::Upstreams { upstreams, circle } => upstreams.get(circle.next()?).copied(),
            Self::Tiers {
                tiers,
                circle,
                draw,
            } => loop {
                let (tier, rest) = tiers.split_first()?;
                if let Some(index) = circle.next() {
                    return tier.get(index).copied();
                }
                *tiers = rest;
                *circle = Circle::drawn(rest.first().map_or(0, |tier| tier.len()), *draw);
            },
            Self::Ranking(ranking) => ranking.next(),
        }
    }
}

fn picked(targets: &[Target], point: u32) -> usize {
    let mut left = point;
    for (index, target) in targets.iter().enumerate() {
        match left.checked_sub(target.weight) {
            None => return index,
            Some(rest) => left = rest,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::hash;
    use crate::route::draw::Sequence;
    use crate::route::fixture::{A, ALL, B, C, place_of};
    use crate::topology::{LoadFactor, Weighted};

    static CANARY: Rule = Rule::Canary {
        primary: &A,
        canary: &B,
        share: Share::percent(5.0),
    };
    static NOTHING: Rule = Rule::Canary {
        primary: &A,
        canary: &B,
        share: Share::percent(0.0),
    };
    static EVERYTHING: Rule = Rule::Canary {
        primary: &A,
        canary: &B,
        share: Share::percent(100.0),
    };
    static WEIGHTED: Rule = Rule::Weighted(Weighted::new(&[
        Target {
            upstream: &A,
            weight: 5,
        },
        Target {
            upstream: &B,
            weight: 0,
        },
        Target {
            upstream: &C,
            weight: 3,
        },
    ]));

    static PRIORITY: Rule = Rule::Priority(&[&[&A, &B], &[&C]]);
    static LEAST: Rule = Rule::LeastInFlight(ALL);
    static PREFIX: Rule = Rule::Prefix {
        upstreams: ALL,
        load_factor: LoadFactor::percent(125.0),
    };

    fn names(rule: &'static Rule, draw: u64) -> String {
        order(rule, draw, |_| 0)
            .map(|upstream| upstream.settings.name)
            .collect()
    }

    fn first_of(rule: &'static Rule, draws: usize, seed: u64) -> HashMap<&'static str, usize> {
        let sequence = Sequence::starting_at(seed);
        let mut counts = HashMap::new();
        for _ in 0..draws {
            let first = order(rule, sequence.draw(), |_| 0).next().unwrap();
            *counts.entry(first.settings.name).or_default() += 1;
        }
        counts
    }

    #[test]
    fn a_canary_gets_its_share_in_every_window() {
        for seed in [0, 1, u64::MAX / 3, u64::MAX] {
            for window in [100, 400, 10_000] {
                let taken = first_of(&CANARY, window, seed)["b"].cast_signed();
                let due = window.cast_signed() / 20;
                assert!((taken - due).abs() <= 1, "{taken} of {window}, seed {seed}");
            }
        }
    }

    #[test]
    fn none_and_all_are_exact() {
        assert_eq!(first_of(&NOTHING, 10_000, 7).get("b"), None);
        assert_eq!(first_of(&EVERYTHING, 10_000, 7)["b"], 10_000);
    }

    #[test]
    fn weights_are_met() {
        let counts = first_of(&WEIGHTED, 8_000, 42);
        assert!(counts["a"].abs_diff(5_000) <= 5, "{counts:?}");
        assert!(counts["c"].abs_diff(3_000) <= 5, "{counts:?}");
        assert_eq!(counts.get("b"), None);
    }

    #[test]
    fn every_upstream_comes_once() {
        assert_eq!(names(&CANARY, 0), "ba");
        assert_eq!(names(&CANARY, u64::MAX), "ab");
        for draw in (0..=u64::MAX).step_by(usize::MAX / 1000) {
            let mut letters: Vec<char> = names(&WEIGHTED, draw).chars().collect();
            letters.sort_unstable();
            assert_eq!(letters, ['a', 'b', 'c']);
        }
    }

    #[test]
    fn the_share_of_a_failed_upstream_is_spread() {
        let sequence = Sequence::starting_at(3);
        let mut second = HashMap::new();
        for _ in 0..1_000 {
            let order = names(&WEIGHTED, sequence.draw());
            if let Some(rest) = order.strip_prefix('a') {
                *second.entry(rest.chars().next().unwrap()).or_insert(0) += 1;
            }
        }
        assert!(second[&'b'] > 200 && second[&'c'] > 200, "{second:?}");
    }

    #[test]
    fn the_lowest_number_comes_first_and_equals_share() {
        let counts = first_of(&PRIORITY, 1_000, 5);
        assert!(counts["a"].abs_diff(500) <= 2, "{counts:?}");
        assert!(counts["b"].abs_diff(500) <= 2, "{counts:?}");
        let sequence = Sequence::starting_at(5);
        for _ in 0..100 {
            assert!(["abc", "bac"].contains(&names(&PRIORITY, sequence.draw()).as_str()));
        }
    }

    /// Of many identities each has one upstream, and together they meet the shares.
    #[test]
    fn shares_hold_over_identities() {
        let draws = || (0..20_000).map(|number| hash::stable(format!("user-{number}").as_bytes()));
        let first = |rule, draw| names(rule, draw).remove(0);
        let canary = draws().filter(|draw| first(&CANARY, *draw) == 'b').count();
        // Five standard deviations.
        assert!(
            canary.abs_diff(1_000) < 155,
            "5 % of 20000 are 1000, it got {canary}"
        );
        let third = draws()
            .filter(|draw| first(&WEIGHTED, *draw) == 'c')
            .count();
        assert!(
            third.abs_diff(7_500) < 345,
            "3/8 of 20000 are 7500, it got {third}"
        );
    }

    /// Who is on a canary stays there while its share grows.
    #[test]
    fn a_growing_canary_loses_nobody() {
        static TEN: Rule = Rule::Canary {
            primary: &A,
            canary: &B,
            share: Share::percent(10.0),
        };
        let mut moved = 0;
        for number in 0..10_000 {
            let draw = hash::stable(format!("user-{number}").as_bytes());
            match (&*names(&CANARY, draw), &*names(&TEN, draw)) {
                ("ba", after) => assert_eq!(after, "ba"),
                ("ab", "ba") => moved += 1,
                _ => {}
            }
        }
        assert!(
            (350..650).contains(&moved),
            "5 % of 10000 are 500, {moved} moved"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_load_every_upstream_comes_once(
            draw in any::<u64>(),
            loads in prop::array::uniform5(0..5_u32),
        ) {
            for rule in [&LEAST, &PREFIX] {
                let load = |upstream: &Upstream| loads[place_of(upstream)];
                let mut places: Vec<_> = order(rule, draw, load).map(place_of).collect();
                places.sort_unstable();
                prop_assert_eq!(places, [0, 1, 2, 3, 4]);
            }
        }
    }
}

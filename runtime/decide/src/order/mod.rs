//! Which upstreams a request tries, in which order: a rule, a draw and what the upstreams have in flight
//! decide.

mod circle;
#[cfg(test)]
pub(crate) mod fixture;
mod least_in_flight;
mod prefix;

use crate::Candidate;
use crate::draw::scaled;
use crate::order::circle::Circle;
use crate::order::prefix::Ranking;
use crate::rule::{Rule, Target};
use crate::share::Share;

/// All upstreams of `rule`, each once: first the one that `draw` picks, then those to try after a
/// failure. Rules that go by it are told the `load` of an upstream: its requests in flight.
pub fn order<'t, U: Candidate>(
    rule: &Rule<'t, U>,
    draw: u64,
    load: impl Fn(U) -> u32,
) -> Order<'t, U> {
    Order(match *rule {
        Rule::Direct(upstream) => Kind::Pair {
            first: Some(upstream),
            second: None,
        },
        Rule::Canary {
            primary,
            canary,
            share,
        } => {
            if scaled(draw, Share::WHOLE) < share.basis_points() {
                Kind::Pair {
                    first: Some(canary),
                    second: Some(primary),
                }
            } else {
                Kind::Pair {
                    first: Some(primary),
                    second: Some(canary),
                }
            }
        }
        Rule::Weighted(weighted) => {
            let targets = weighted.targets();
            let first = picked(targets, scaled(draw, weighted.total()));
            Kind::Targets {
                targets,
                circle: Circle::beginning_with(first, targets.len(), draw),
            }
        }
        Rule::Priority(tiers) => Kind::Tiers {
            tiers,
            circle: Circle::drawn(tiers.first().map_or(0, |tier| tier.len()), draw),
            draw,
        },
        Rule::LeastInFlight(upstreams) => {
            let first = least_in_flight::first(upstreams, draw, load);
            Kind::Upstreams {
                upstreams,
                circle: Circle::beginning_with(first, upstreams.len(), draw),
            }
        }
        Rule::Prefix {
            upstreams,
            load_factor,
        } => Kind::Ranking(prefix::ranking(upstreams, draw, load_factor, load)),
    })
}

/// The upstreams of a route in the order of trying.
#[derive(Debug)]
pub struct Order<'t, U>(Kind<'t, U>);

#[derive(Debug)]
enum Kind<'t, U> {
    /// One or two.
    Pair { first: Option<U>, second: Option<U> },
    /// Those of a weighted rule.
    Targets {
        targets: &'t [Target<U>],
        circle: Circle,
    },
    /// Any number.
    Upstreams { upstreams: &'t [U], circle: Circle },
    /// Those of the first list in the order of `circle`, then those of the next.
    Tiers {
        tiers: &'t [&'t [U]],
        circle: Circle,
        draw: u64,
    },
    /// By rank.
    Ranking(Ranking<'t, U>),
}

impl<U: Candidate> Iterator for Order<'_, U> {
    type Item = U;

    fn next(&mut self) -> Option<U> {
        match &mut self.0 {
            Kind::Pair { first, second } => first.take().or_else(|| second.take()),
            Kind::Targets { targets, circle } => {
                let target = targets.get(circle.next()?)?;
                Some(target.upstream)
            }
            Kind::Upstreams { upstreams, circle } => upstreams.get(circle.next()?).copied(),
            Kind::Tiers {
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
            Kind::Ranking(ranking) => ranking.next(),
        }
    }
}

fn picked<U>(targets: &[Target<U>], point: u32) -> usize {
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
    use crate::draw::Sequence;
    use crate::hash;
    use crate::order::fixture::{A, ALL, B, C, Named, place_of};
    use crate::rule::Weighted;
    use crate::share::LoadFactor;

    static CANARY: Rule<'_, Named> = Rule::Canary {
        primary: A,
        canary: B,
        share: Share::percent(5.0),
    };
    static NOTHING: Rule<'_, Named> = Rule::Canary {
        primary: A,
        canary: B,
        share: Share::percent(0.0),
    };
    static EVERYTHING: Rule<'_, Named> = Rule::Canary {
        primary: A,
        canary: B,
        share: Share::percent(100.0),
    };
    static WEIGHTED: Rule<'_, Named> = Rule::Weighted(Weighted::new(&[
        Target {
            upstream: A,
            weight: 5,
        },
        Target {
            upstream: B,
            weight: 0,
        },
        Target {
            upstream: C,
            weight: 3,
        },
    ]));

    static PRIORITY: Rule<'_, Named> = Rule::Priority(&[&[A, B], &[C]]);
    static LEAST: Rule<'_, Named> = Rule::LeastInFlight(ALL);
    static PREFIX: Rule<'_, Named> = Rule::Prefix {
        upstreams: ALL,
        load_factor: LoadFactor::percent(125.0),
    };

    fn names(rule: &Rule<'_, Named>, draw: u64) -> String {
        order(rule, draw, |_| 0)
            .map(|upstream| upstream.0)
            .collect()
    }

    fn first_of(rule: &Rule<'_, Named>, draws: usize, seed: u64) -> HashMap<&'static str, usize> {
        let sequence = Sequence::starting_at(seed);
        let mut counts = HashMap::new();
        for _ in 0..draws {
            let first = order(rule, sequence.draw(), |_| 0).next().unwrap();
            *counts.entry(first.0).or_default() += 1;
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
        static TEN: Rule<'_, Named> = Rule::Canary {
            primary: A,
            canary: B,
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
                let load = |upstream: Named| loads[place_of(upstream)];
                let mut places: Vec<_> = order(rule, draw, load).map(place_of).collect();
                places.sort_unstable();
                prop_assert_eq!(places, [0, 1, 2, 3, 4]);
            }
        }
    }
}

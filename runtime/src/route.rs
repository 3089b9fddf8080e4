//! Which upstreams a request tries, in which order. Pure: a route and a draw decide.
//!
//! The draws come from a [`Sequence`] that covers the unit interval as evenly as a sequence can, so
//! a share of 5 % is 5 of every 100 requests and not a matter of luck.

use std::cell::Cell;

use crate::topology::{Rule, Share, Target, Upstream};

/// All upstreams of `rule`, each once: first the one that `draw` picks, then those to try after a
/// failure.
pub(crate) fn order(rule: &'static Rule, draw: u64) -> Order {
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
            // Where the others start is drawn too: a failed upstream's share must not fall on one
            // neighbour.
            let others = u32::try_from(targets.len().saturating_sub(1)).unwrap_or(u32::MAX);
            let offset = scaled(draw.wrapping_mul(MIX), others.max(1)) as usize;
            Order::Targets {
                targets,
                first,
                offset,
                given: 0,
            }
        }
    }
}

/// The upstreams of a route in the order of trying.
#[derive(Debug)]
pub(crate) enum Order {
    /// One or two.
    Pair {
        first: Option<&'static Upstream>,
        second: Option<&'static Upstream>,
    },
    /// Any number: `first`, then the others in a circle that starts at `offset`.
    Targets {
        targets: &'static [Target],
        first: usize,
        offset: usize,
        given: usize,
    },
}

impl Iterator for Order {
    type Item = &'static Upstream;

    fn next(&mut self) -> Option<&'static Upstream> {
        match self {
            Self::Pair { first, second } => first.take().or_else(|| second.take()),
            Self::Targets {
                targets,
                first,
                offset,
                given,
            } => {
                let place = *given;
                *given += 1;
                let index = match place.checked_sub(1) {
                    None => *first,
                    Some(other) if other + 1 < targets.len() => {
                        // The others, numbered in a circle from the first's successor.
                        let rank = (*offset + other) % (targets.len() - 1);
                        (*first + 1 + rank) % targets.len()
                    }
                    Some(_) => return None,
                };
                targets.get(index).map(|target| target.upstream)
            }
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

/// `draw`, as a fraction of the whole range, of `whole`.
fn scaled(draw: u64, whole: u32) -> u32 {
    let scaled = (u128::from(draw) * u128::from(whole)) >> 64;
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

/// Spreads neighbouring draws over the whole range.
const MIX: u64 = 0xD134_2543_DE82_EF95;

/// Draws for one model on one worker: a Weyl sequence, the multiples of the golden ratio modulo 1.
#[derive(Debug)]
pub(crate) struct Sequence(Cell<u64>);

impl Sequence {
    /// 2^64 divided by the golden ratio: of all steps the one whose multiples lie most evenly.
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

    /// A sequence that starts somewhere. Workers and replicas must not start alike.
    pub(crate) fn starting_at(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// The next draw.
    pub(crate) fn draw(&self) -> u64 {
        let draw = self.0.get();
        self.0.set(draw.wrapping_add(Self::STEP));
        draw
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::topology::{Endpoint, Timeouts, UpstreamSettings, Weighted};

    const fn upstream(name: &'static str) -> Upstream {
        let second = std::time::Duration::from_secs(1);
        Upstream::new(UpstreamSettings {
            name,
            endpoint: Endpoint::Http {
                url: "http://127.0.0.1:1",
                variable: "UPSTREAM_URL",
            },
            served_model: None,
            api_key: None,
            timeouts: Timeouts {
                connect: second,
                first_byte: second,
                between_chunks: second,
            },
            breaker: None,
        })
    }

    static A: Upstream = upstream("a");
    static B: Upstream = upstream("b");
    static C: Upstream = upstream("c");
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

    fn names(rule: &'static Rule, draw: u64) -> String {
        order(rule, draw)
            .map(|upstream| upstream.settings.name)
            .collect()
    }

    fn first_of(rule: &'static Rule, draws: usize, seed: u64) -> HashMap<&'static str, usize> {
        let sequence = Sequence::starting_at(seed);
        let mut counts = HashMap::new();
        for _ in 0..draws {
            let first = order(rule, sequence.draw()).next().unwrap();
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
}

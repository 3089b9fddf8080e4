//! Prompts that begin alike go to the same upstream, whose prefix cache has their beginning.
//!
//! Rendezvous hashing: each upstream has a score for each draw, and the highest wins. There is no
//! ring to build or to balance, and an upstream that is added takes just the prompts that it wins, 1
//! of n; one that fails leaves its prompts to the second of each. The choice is bounded by load: one
//! beginning that everybody uses may not fill one upstream while the others idle.

use crate::share::{LoadFactor, Share};
use crate::{Candidate, hash};

/// All upstreams, each once: first the highest ranked that is not overloaded, then the others by
/// rank.
pub(super) fn ranking<U: Candidate>(
    upstreams: &[U],
    draw: u64,
    load_factor: LoadFactor,
    load: impl Fn(U) -> u32,
) -> Ranking<'_, U> {
    let total = upstreams
        .iter()
        .map(|upstream| u64::from(load(*upstream)))
        .sum();
    let bound = bound(load_factor, total, upstreams.len());
    let has_room = |index: &usize| {
        let upstream = upstreams.get(*index);
        upstream.is_some_and(|upstream| u64::from(load(*upstream)) < bound)
    };
    // One has room, since the bound is above the mean, unless other cores fill it meanwhile.
    let ranks = || Ranks {
        upstreams,
        draw,
        last: None,
    };
    let first = ranks().find(has_room).or_else(|| ranks().next());
    Ranking {
        first,
        given: false,
        ranks: ranks(),
    }
}

/// The most that an upstream may have in flight, this request included, when all of `count`
/// together have `total` without it.
fn bound(load_factor: LoadFactor, total: u64, count: usize) -> u64 {
    let factor = u64::from(load_factor.basis_points());
    (factor * (total + 1)).div_ceil(u64::from(Share::WHOLE) * (count as u64).max(1))
}

/// The upstreams of a route in the order of trying.
#[derive(Debug)]
pub(super) struct Ranking<'t, U> {
    first: Option<usize>,
    given: bool,
    ranks: Ranks<'t, U>,
}

impl<U: Candidate> Iterator for Ranking<'_, U> {
    type Item = U;

    fn next(&mut self) -> Option<U> {
        let index = if std::mem::replace(&mut self.given, true) {
            let first = self.first;
            self.ranks.find(|index| Some(*index) != first)
        } else {
            self.first
        };
        self.ranks.upstreams.get(index?).copied()
    }
}

/// Places by falling score.
#[derive(Debug)]
struct Ranks<'t, U> {
    upstreams: &'t [U],
    draw: u64,
    last: Option<(u64, usize)>,
}

impl<U: Candidate> Iterator for Ranks<'_, U> {
    type Item = usize;

    /// Looks for the highest score below the last one: most requests ask once, so nothing is sorted.
    fn next(&mut self) -> Option<usize> {
        let scores = self.upstreams.iter().enumerate().map(|(index, upstream)| {
            // The place only parts equals.
            (hash::mix(self.draw, upstream.identity()), index)
        });
        let last = self.last;
        self.last = scores
            .filter(|score| last.is_none_or(|last| *score < last))
            .max();
        self.last.map(|(_, index)| index)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::draw;
    use crate::order::fixture::{ALL, Named, place_of};

    const FACTOR: LoadFactor = LoadFactor::percent(125.0);

    fn prompt(number: usize) -> u64 {
        draw::of_head(
            format!("[{{\"role\":\"system\",\"content\":\"{number}").as_bytes(),
            1024,
        )
    }

    fn names(upstreams: &[Named], draw: u64) -> Vec<&'static str> {
        let ranking = ranking(upstreams, draw, FACTOR, |_| 0);
        ranking.map(|upstream| upstream.0).collect()
    }

    #[test]
    fn prompts_are_spread_evenly() {
        let mut counts: HashMap<&str, i32> = HashMap::new();
        for number in 0..5_000 {
            *counts.entry(names(ALL, prompt(number))[0]).or_default() += 1;
        }
        // Five standard deviations.
        assert!(
            counts.values().all(|count| (count - 1_000).abs() < 142),
            "{counts:?}"
        );
    }

    #[test]
    fn an_upstream_that_is_added_takes_its_part_from_each_and_nothing_else_moves() {
        let mut taken = 0_i32;
        for number in 0..5_000 {
            let (before, after) = (names(&ALL[..4], prompt(number)), names(ALL, prompt(number)));
            if before[0] != after[0] {
                assert_eq!(after[0], ALL[4].0);
                taken += 1;
            }
        }
        assert!(
            (taken - 1_000).abs() < 142,
            "{taken} of 5000 moved, a fifth is 1000"
        );
    }

    #[test]
    fn a_beginning_that_everybody_uses_does_not_fill_one_upstream() {
        let mut loads = [0_u32; 5];
        for total in 1..=500_u64 {
            let load = |upstream: Named| loads[place_of(upstream)];
            let first = ranking(ALL, prompt(0), FACTOR, load).next().unwrap();
            loads[place_of(first)] += 1;
            let bound = (total * 5).div_ceil(4 * 5);
            assert!(
                loads.iter().all(|load| u64::from(*load) <= bound),
                "{loads:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn each_upstream_comes_once_and_those_after_the_first_by_rank(
            loads in prop::array::uniform5(0..9_u32),
            draw in any::<u64>(),
        ) {
            let load = |upstream: Named| loads[place_of(upstream)];
            let places: Vec<usize> = ranking(ALL, draw, FACTOR, load).map(place_of).collect();
            let idle: Vec<usize> = ranking(ALL, draw, FACTOR, |_| 0).map(place_of).collect();
            let rest: Vec<usize> = idle.into_iter().filter(|place| *place != places[0]).collect();
            prop_assert_eq!(&places[1..], rest);
        }

        #[test]
        fn the_first_has_room(loads in prop::array::uniform5(0..9_u32), draw in any::<u64>()) {
            let load = |upstream: Named| loads[place_of(upstream)];
            let first = ranking(ALL, draw, FACTOR, load).next().unwrap();
            let total: u32 = loads.iter().sum();
            prop_assert!(u64::from(load(first)) < bound(FACTOR, u64::from(total), 5));
        }
    }
}

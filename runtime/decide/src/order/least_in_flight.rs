//! The upstream with the fewest requests in flight.

use crate::draw::place;

/// The place of the upstream with the least of `load`; among equals the draw decides.
pub(super) fn first<U: Copy>(upstreams: &[U], draw: u64, load: impl Fn(U) -> u32) -> usize {
    let mut least = u32::MAX;
    let mut equals = 0;
    for &upstream in upstreams {
        let load = load(upstream);
        if load < least {
            least = load;
            equals = 1;
        } else if load == least {
            equals += 1;
        }
    }
    // Other cores go on counting: who is gone from among the equals is not worth a second look.
    let mut idle = (0..)
        .zip(upstreams)
        .filter(|(_, upstream)| load(**upstream) <= least);
    idle.nth(place(draw, equals))
        .map_or_else(|| place(draw, upstreams.len()), |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::draw::Sequence;
    use crate::order::fixture::{ALL, place_of};

    #[test]
    fn equals_share_evenly() {
        let loads = [2, 1, 3, 1, 1];
        let sequence = Sequence::starting_at(11);
        let mut counts = [0_i32; 5];
        for _ in 0..3_000 {
            counts[first(ALL, sequence.draw(), |upstream| loads[place_of(upstream)])] += 1;
        }
        let [0, one, 0, three, four] = counts else {
            panic!("{counts:?}")
        };
        assert!(
            [one, three, four]
                .iter()
                .all(|count| (count - 1_000).abs() <= 5),
            "{counts:?}"
        );
    }

    proptest! {
        #[test]
        fn nobody_has_less(loads in prop::array::uniform5(0..4_u32), draw in any::<u64>()) {
            let chosen = first(ALL, draw, |upstream| loads[place_of(upstream)]);
            prop_assert_eq!(Some(&loads[chosen]), loads.iter().min());
        }

        #[test]
        fn requests_that_stay_are_spread(count in 1..60_u32, seed in any::<u64>()) {
            let sequence = Sequence::starting_at(seed);
            let mut loads = [0_u32; 5];
            for _ in 0..count {
                loads[first(ALL, sequence.draw(), |upstream| loads[place_of(upstream)])] += 1;
            }
            let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", loads);
        }
    }
}

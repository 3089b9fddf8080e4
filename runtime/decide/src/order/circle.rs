//! Every place of a list once: one that was chosen, then the others in a circle.

use crate::draw::place;

/// Spreads neighbouring draws over the whole range.
const MIX: u64 = 0xD134_2543_DE82_EF95;

/// Places of a list of `count`: `first`, then the others in a circle that starts at `offset`.
#[derive(Debug)]
pub(super) struct Circle {
    count: usize,
    first: usize,
    offset: usize,
    given: usize,
}

impl Circle {
    /// A circle that begins with `first`. Where the others start is drawn too: a failed upstream's
    /// share must not fall on one neighbour.
    pub(super) fn beginning_with(first: usize, count: usize, draw: u64) -> Self {
        let others = count.saturating_sub(1);
        Self {
            count,
            first,
            offset: place(draw.wrapping_mul(MIX), others.max(1)),
            given: 0,
        }
    }

    /// A circle whose first place is drawn, each as likely as the others.
    pub(super) fn drawn(count: usize, draw: u64) -> Self {
        Self::beginning_with(place(draw, count), count, draw)
    }
}

impl Iterator for Circle {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let given = self.given;
        if given == self.count {
            return None;
        }
        self.given += 1;
        let Some(other) = given.checked_sub(1) else {
            return Some(self.first);
        };
        // The others, numbered in a circle from the first's successor.
        let rank = (self.offset + other) % (self.count - 1);
        Some((self.first + 1 + rank) % self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_place_comes_once(count in 0..20_usize, draw in any::<u64>()) {
            let mut places: Vec<usize> = Circle::drawn(count, draw).collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..count).collect::<Vec<_>>());
        }
    }
}

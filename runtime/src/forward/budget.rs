//! How many second requests a route may send: a part of its requests.
//!
//! Each request earns a part of a hedge and each hedge costs a whole one, which must have been earned
//! before. So at no time have there been more hedges than the share of all requests so far; and what
//! is earned while nothing is slow is kept up to a small limit, so that a bad moment cannot spend what
//! a good hour has earned. Each worker has its own budgets: what holds for each holds for their sum,
//! and no core waits for another.

use std::cell::Cell;

use crate::topology::{HedgeSettings, Share};

/// The most hedges that are kept for later.
const MOST_KEPT: u32 = 4;

/// The hedges that one worker may send for one route.
#[derive(Debug)]
pub(crate) struct Budget {
    share: Share,
    /// In basis points of a hedge.
    kept: Cell<u32>,
}

impl Budget {
    /// Nothing earned yet.
    pub(crate) fn new(settings: &HedgeSettings) -> Self {
        Self {
            share: settings.budget,
            kept: Cell::new(0),
        }
    }

    /// A request has come.
    pub(crate) fn earn(&self) {
        let kept = self.kept.get() + self.share.basis_points();
        self.kept.set(kept.min(MOST_KEPT * Share::WHOLE));
    }

    /// Pays for a hedge, if enough was earned.
    pub(crate) fn spend(&self) -> bool {
        let left = self.kept.get().checked_sub(Share::WHOLE);
        if let Some(left) = left {
            self.kept.set(left);
        }
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn budget(percent: f64) -> Budget {
        Budget::new(&HedgeSettings {
            after: Duration::from_secs(1),
            budget: Share::percent(percent),
        })
    }

    #[test]
    fn all_of_it_can_be_used() {
        let budget = budget(5.0);
        let sent = (0..10_000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        assert_eq!(sent.count(), 500);
    }

    proptest! {
        /// Whatever is slow when, on any number of workers.
        #[test]
        fn there_are_never_more_than_the_share(
            percent in 0.01..100.0_f64,
            requests in prop::collection::vec((0..4_usize, any::<bool>()), 0..2_000),
        ) {
            let workers: Vec<_> = (0..4).map(|_| budget(percent)).collect();
            let share = u64::from(Share::percent(percent).basis_points());
            let (mut sent, mut came) = (0_u64, 0_u64);
            for (worker, is_slow) in requests {
                workers[worker].earn();
                came += 1;
                sent += u64::from(is_slow && workers[worker].spend());
                prop_assert!(sent * u64::from(Share::WHOLE) <= came * share);
            }
        }

        /// However many requests were quick before.
        #[test]
        fn no_burst_is_larger_than_what_is_kept(percent in 0.01..100.0_f64, quick in 0..100_000) {
            let budget = budget(percent);
            (0..quick).for_each(|_| budget.earn());
            let burst = std::iter::from_fn(|| budget.spend().then_some(())).count();
            prop_assert!(burst <= MOST_KEPT as usize);
        }
    }
}

//! Trying the upstreams of a route again, for failures that pass by themselves: after a pause that
//! grows and is drawn at random, so that the requests of one outage do not come back together.

use std::time::Duration;

use tokio::time::sleep;

use crate::forward::Taken;
use crate::forward::attempts::Attempts;
use crate::topology::Retry;

impl Attempts<'_> {
    /// Goes round again over the upstreams whose misses stand from `first` on, as long as there is one
    /// that may answer and the request has time for the pause.
    pub(super) async fn repeat(&mut self, retry: &Retry, first: usize) -> Option<Taken> {
        let places = first..self.missed();
        for round in 1..retry.attempts {
            let is_of_use = places.clone().any(|place| self.is_worth_repeating(place));
            let pause = pause(retry, round, fastrand::f64());
            if !is_of_use || !self.deadline.outlasts(pause) {
                return None;
            }
            sleep(pause).await;
            for place in places.clone() {
                if self.is_worth_repeating(place)
                    && let Some(taken) = self.ask_again(place).await
                {
                    return Some(taken);
                }
            }
        }
        None
    }
}

/// The pause before this round of retries, counted from 1: anything from none at all to the longest
/// (full jitter), by `chance` from 0 to 1.
fn pause(retry: &Retry, round: u32, chance: f64) -> Duration {
    longest_pause(retry, round).mul_f64(chance)
}

/// Twice as long for each round, up to the limit.
fn longest_pause(retry: &Retry, round: u32) -> Duration {
    let doubled = 2_u32.checked_pow(round - 1);
    let pause = doubled.and_then(|factor| retry.backoff.checked_mul(factor));
    pause.map_or(retry.max_backoff, |pause| pause.min(retry.max_backoff))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_pause_doubles_up_to_the_limit() {
        let retry = Retry {
            attempts: 6,
            backoff: Duration::from_millis(50),
            max_backoff: Duration::from_millis(300),
        };
        let pauses = (1..6).map(|round| longest_pause(&retry, round).as_millis());
        assert_eq!(pauses.collect::<Vec<_>>(), [50, 100, 200, 300, 300]);
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_the_limit(
            backoff in 1..86_400_000_u64,
            longer in 0..86_400_000_u64,
            round in 1..100_u32,
            chance in 0.0..1.0,
        ) {
            let backoff = Duration::from_millis(backoff);
            let max_backoff = backoff + Duration::from_millis(longer);
            let retry = Retry { attempts: 100, backoff, max_backoff };
            let longest = longest_pause(&retry, round);
            prop_assert!(pause(&retry, round, chance) <= longest);
            prop_assert!(backoff <= longest && longest <= max_backoff);
            prop_assert!(longest <= longest_pause(&retry, round + 1));
        }
    }
}

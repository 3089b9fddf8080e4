//! What health checks say about an upstream: written by its checker, read by every request.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::topology;

/// What health checks say about an upstream. Before the first check it is healthy.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    unhealthy: AtomicBool,
}

impl Vitals {
    /// Whether it is healthy.
    pub(crate) fn are_good(&self) -> bool {
        !self.unhealthy.load(Ordering::Relaxed)
    }

    /// Takes note of a change.
    pub(crate) fn set(&self, healthy: bool) {
        self.unhealthy.store(!healthy, Ordering::Relaxed);
    }
}

/// Counts checks in a row: what its one checker remembers.
#[derive(Debug)]
pub(crate) struct Tally {
    settings: &'static topology::Health,
    healthy: bool,
    /// Checks in a row that say otherwise.
    against: u16,
}

impl Tally {
    /// The tally of a healthy upstream.
    pub(crate) fn new(settings: &'static topology::Health) -> Self {
        Self {
            settings,
            healthy: true,
            against: 0,
        }
    }

    /// Counts a check. `Some(healthy)` where it changes what is thought of the upstream.
    pub(crate) fn count(&mut self, passed: bool) -> Option<bool> {
        if passed == self.healthy {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let enough = if self.healthy {
            self.settings.unhealthy_after
        } else {
            self.settings.healthy_after
        };
        if self.against < enough {
            return None;
        }
        self.against = 0;
        self.healthy = passed;
        Some(passed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    static SETTINGS: topology::Health = topology::Health {
        probe: topology::Probe::Path("/health"),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        unhealthy_after: 3,
        healthy_after: 2,
    };

    #[test]
    fn checks_in_a_row_change_it() {
        let mut tally = Tally::new(&SETTINGS);
        let mut count = |checks: &str| {
            let changes = checks.chars().map(|check| tally.count(check == '+'));
            changes.collect::<Vec<_>>()
        };
        assert_eq!(count("--+--"), [None; 5]);
        assert_eq!(count("-"), [Some(false)]);
        assert_eq!(count("---+-+"), [None; 6]);
        assert_eq!(count("+"), [Some(true)]);
        assert_eq!(count("--"), [None; 2]);
    }

    proptest! {
        #[test]
        fn it_is_what_the_last_long_enough_row_says(checks in prop::collection::vec(any::<bool>(), 0..60)) {
            let mut tally = Tally::new(&SETTINGS);
            let mut healthy = true;
            for end in 1..=checks.len() {
                if let Some(change) = tally.count(checks[end - 1]) {
                    prop_assert_ne!(change, healthy);
                    healthy = change;
                }
                let ends_in = |row: &[bool]| checks[..end].ends_with(row);
                if ends_in(&[false; 3]) {
                    prop_assert!(!healthy);
                }
                if ends_in(&[true; 2]) {
                    prop_assert!(healthy);
                }
            }
        }
    }
}

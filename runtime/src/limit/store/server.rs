//! The store as the whole process sees it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::IntGauge;

use crate::api::health::WELL;
use crate::limit::store::address::Address;
use crate::observe::metrics::StoreSeries;
use crate::topology::Store as Settings;

/// A Redis, and how many workers cannot use it.
pub(crate) struct Server {
    pub(super) settings: &'static Settings,
    pub(crate) address: Address,
    /// A window of nobody's, to see whether the server counts.
    pub(super) probe: String,
    pub(super) series: StoreSeries,
    pub(super) absence: Absence,
}

impl Server {
    /// The store of the gateways of `spec`.
    pub(crate) fn new(
        settings: &'static Settings,
        spec: &str,
        address: Address,
        series: StoreSeries,
    ) -> Self {
        let absence = Absence::new(series.up.clone());
        Self {
            settings,
            address,
            probe: format!("nexus:{spec}:probe"),
            series,
            absence,
        }
    }

    /// Whether every worker can use it, in a word.
    pub(crate) fn state(&self) -> &'static str {
        match self.absence.is_over() {
            true => WELL,
            false => "away",
        }
    }
}

/// For how many workers the store is away. What follows from the number is done under the lock that its change is
/// made under, so that the gauge says what is so, and the stamps in the log have the order of what they tell of. No
/// request changes it.
pub(super) struct Absence {
    workers: Mutex<usize>,
    /// 1 while there are none, else 0.
    up: IntGauge,
}

impl Absence {
    /// For none yet; `up` tells whether it is so.
    fn new(up: IntGauge) -> Self {
        up.set(1);
        Self {
            workers: Mutex::new(0),
            up,
        }
    }

    /// One more worker cannot use it; the first is to `tell`.
    pub(super) fn begins(&self, tell: impl FnOnce()) {
        let mut workers = self.lock();
        *workers += 1;
        if *workers == 1 {
            self.up.set(0);
            tell();
        }
    }

    /// A worker that could not use it can again; the last is to `tell`.
    pub(super) fn ends(&self, tell: impl FnOnce()) {
        let mut workers = self.lock();
        *workers -= 1;
        if *workers == 0 {
            self.up.set(1);
            tell();
        }
    }

    fn is_over(&self) -> bool {
        *self.lock() == 0
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn it_is_away_from_the_first_worker_to_the_last() {
        let up = IntGauge::new("up", "up").unwrap();
        let absence = Absence::new(up.clone());
        let mut told = 0;
        assert_eq!((up.get(), absence.is_over()), (1, true));
        absence.begins(|| told += 1);
        absence.begins(|| told += 10);
        assert_eq!((up.get(), absence.is_over(), told), (0, false, 1));
        absence.ends(|| told += 100);
        assert_eq!((up.get(), absence.is_over(), told), (0, false, 1));
        absence.ends(|| told += 1000);
        assert_eq!((up.get(), absence.is_over(), told), (1, true, 1001));
    }

    #[test]
    fn workers_that_lose_and_find_it_at_once_tell_of_it_in_turns() {
        let up = IntGauge::new("up", "up").unwrap();
        let absence = Absence::new(up.clone());
        let told = Mutex::new(Vec::new());
        // As the gauge has it then, and as it is meant.
        let tell = |meant: i64| told.lock().unwrap().push((up.get(), meant));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        absence.begins(|| tell(0));
                        absence.ends(|| tell(1));
                    }
                });
            }
        });
        let told = told.into_inner().unwrap();
        let turns = (0..).map(|turn| turn % 2);
        let expected: Vec<_> = turns.map(|up| (up, up)).take(told.len()).collect();
        assert_eq!(told, expected);
        assert_eq!(told.len() % 2, 0);
        assert_eq!(up.get(), 1);
    }
}

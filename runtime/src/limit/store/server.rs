//! The store as the whole process sees it.

use std::sync::atomic::{AtomicUsize, Ordering};

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
    away_for: AtomicUsize,
}

impl Server {
    /// The store of the gateways of `spec`.
    pub(crate) fn new(
        settings: &'static Settings,
        spec: &str,
        address: Address,
        series: StoreSeries,
    ) -> Self {
        series.up.set(1);
        Self {
            settings,
            address,
            probe: format!("nexus:{spec}:probe"),
            series,
            away_for: AtomicUsize::new(0),
        }
    }

    /// Whether every worker can use it, in a word.
    pub(crate) fn state(&self) -> &'static str {
        match self.away_for.load(Ordering::Relaxed) {
            0 => WELL,
            _ => "away",
        }
    }

    /// One more worker cannot use it. Says whether it is the first.
    pub(super) fn left_one(&self) -> bool {
        let first = self.away_for.fetch_add(1, Ordering::Relaxed) == 0;
        if first {
            self.series.up.set(0);
        }
        first
    }

    /// A worker that could not use it can again. Says whether it was the last.
    pub(super) fn returned_to_one(&self) -> bool {
        let last = self.away_for.fetch_sub(1, Ordering::Relaxed) == 1;
        if last {
            self.series.up.set(1);
        }
        last
    }
}

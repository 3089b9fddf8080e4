//! Registering metrics, and the tables of series that make the request path need no look-up.

use std::sync::OnceLock;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
};

/// Registers metrics; names and labels are constants, so it cannot fail.
pub(super) struct Register<'a>(pub(super) &'a Registry);

impl Register<'_> {
    pub(super) fn add<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        collector: prometheus::Result<C>,
    ) -> C {
        let collector = collector.expect("the names of metrics and labels are valid");
        self.0
            .register(Box::new(collector.clone()))
            .expect("each metric is registered once");
        collector
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::new(name, help))
    }

    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        cells: usize,
    ) -> Counters {
        let family = self.add(IntCounterVec::new(Opts::new(name, help), labels));
        Counters {
            family,
            cells: Cells::new(cells),
        }
    }

    pub(super) fn histograms(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
        cells: usize,
    ) -> Histograms {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let family = self.add(HistogramVec::new(options, labels));
        Histograms {
            family,
            cells: Cells::new(cells),
        }
    }
}

/// A family of counters.
pub(super) struct Counters {
    pub(super) family: IntCounterVec,
    pub(super) cells: Cells<IntCounter>,
}

/// A family of histograms.
pub(super) struct Histograms {
    family: HistogramVec,
    cells: Cells<Histogram>,
}

/// A table of series, each made when it is first asked for.
pub(super) struct Cells<T>(Box<[OnceLock<T>]>);

impl<T> Cells<T> {
    pub(super) fn new(count: usize) -> Self {
        Self(std::iter::repeat_with(OnceLock::new).take(count).collect())
    }
}

impl Counters {
    pub(super) fn at(&self, index: usize, labels: &[&str]) -> &IntCounter {
        let cell = self
            .cells
            .0
            .get(index)
            .expect("a table has a cell for each of its indices");
        cell.get_or_init(|| self.family.with_label_values(labels))
    }
}

impl Histograms {
    pub(super) fn at(&self, index: usize, labels: &[&str]) -> &Histogram {
        let cell = self
            .cells
            .0
            .get(index)
            .expect("a table has a cell for each of its indices");
        cell.get_or_init(|| self.family.with_label_values(labels))
    }
}

//! Registering metrics, and the tables of series that make the request path need no look-up.

use std::sync::OnceLock;

use decide::metric::Metric;
#[cfg(feature = "nvml")]
use prometheus::GaugeVec;
use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// Registers metrics; names and labels are constants, so it cannot fail.
pub(crate) struct Register<'a>(pub(super) &'a Registry);

impl Register<'_> {
    fn add<C: Collector + Clone + 'static>(&self, collector: prometheus::Result<C>) -> C {
        let collector = collector.expect("the names of metrics and labels are valid");
        self.0
            .register(Box::new(collector.clone()))
            .expect("each metric is registered once");
        collector
    }

    pub(crate) fn counter(&self, metric: Metric, help: &str) -> IntCounter {
        self.add(IntCounter::new(metric.name, help))
    }

    pub(crate) fn gauge(&self, metric: Metric, help: &str) -> IntGauge {
        self.add(IntGauge::new(metric.name, help))
    }

    pub(crate) fn counter_family(&self, metric: Metric, help: &str) -> IntCounterVec {
        let options = Opts::new(metric.name, help);
        self.add(IntCounterVec::new(options, metric.labels))
    }

    pub(crate) fn gauge_family(&self, metric: Metric, help: &str) -> IntGaugeVec {
        let options = Opts::new(metric.name, help);
        self.add(IntGaugeVec::new(options, metric.labels))
    }

    /// Of numbers that are not whole.
    #[cfg(feature = "nvml")]
    pub(crate) fn number_family(&self, metric: Metric, help: &str) -> GaugeVec {
        let options = Opts::new(metric.name, help);
        self.add(GaugeVec::new(options, metric.labels))
    }

    pub(crate) fn histogram_family(
        &self,
        metric: Metric,
        help: &str,
        buckets: &[f64],
    ) -> HistogramVec {
        let options = HistogramOpts::new(metric.name, help).buckets(buckets.to_vec());
        self.add(HistogramVec::new(options, metric.labels))
    }

    pub(super) fn counters(&self, metric: Metric, help: &str, cells: usize) -> Counters {
        Counters {
            family: self.counter_family(metric, help),
            cells: Cells::new(cells),
        }
    }

    pub(super) fn histograms(
        &self,
        metric: Metric,
        help: &str,
        buckets: &[f64],
        cells: usize,
    ) -> Histograms {
        Histograms {
            family: self.histogram_family(metric, help, buckets),
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

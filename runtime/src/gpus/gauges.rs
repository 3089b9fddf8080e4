//! What is known of GPUs, as metrics.

use decide::metric::{
    GPU_MEMORY_TOTAL, GPU_MEMORY_USED, GPU_PLANNED_MEMORY, GPU_POWER, GPU_TEMPERATURE, GPU_UP,
    GPU_UTILIZATION,
};
use prometheus::{GaugeVec, IntGaugeVec};

use crate::gpus::Reading;
use crate::observe::metrics::Metrics;
use crate::topology::Gpu;

/// The gauges of GPUs.
pub(super) struct Gauges {
    up: IntGaugeVec,
    utilization: GaugeVec,
    memory_used: IntGaugeVec,
    memory_total: IntGaugeVec,
    temperature: IntGaugeVec,
    power: GaugeVec,
}

impl Gauges {
    /// The gauges of these, as a part of `metrics`.
    pub(super) fn new(metrics: &Metrics, gpus: &[Gpu]) -> Self {
        let register = metrics.register();
        let planned = register.gauge_family(
            GPU_PLANNED_MEMORY,
            "Memory of a GPU that the plan has in use, by model servers and by what is reserved.",
        );
        for gpu in gpus {
            planned
                .with_label_values(&[gpu.name])
                .set(bytes(gpu.planned_memory));
        }
        Self {
            up: register.gauge_family(GPU_UP, "Whether the driver tells of a GPU: 1 yes, 0 no."),
            utilization: register.number_family(
                GPU_UTILIZATION,
                "The part of the last second or so in which something ran on a GPU.",
            ),
            memory_used: register.gauge_family(GPU_MEMORY_USED, "Memory of a GPU that is in use."),
            memory_total: register.gauge_family(GPU_MEMORY_TOTAL, "Memory of a GPU."),
            temperature: register.gauge_family(GPU_TEMPERATURE, "Temperature of a GPU."),
            power: register.number_family(GPU_POWER, "Power that a GPU draws."),
        }
    }

    /// Shows what was read of a GPU. What was not read has no series: an old figure would be taken for a new one.
    pub(super) fn show(&self, gpu: &Gpu, reading: Option<&Reading>) {
        let up = i64::from(reading.is_some());
        self.up.with_label_values(&[gpu.name]).set(up);
        let whole = |gauge: &IntGaugeVec, figure: Option<i64>| match figure {
            Some(figure) => gauge.with_label_values(&[gpu.name]).set(figure),
            None => _ = gauge.remove_label_values(&[gpu.name]),
        };
        let number = |gauge: &GaugeVec, figure: Option<f64>| match figure {
            Some(figure) => gauge.with_label_values(&[gpu.name]).set(figure),
            None => _ = gauge.remove_label_values(&[gpu.name]),
        };
        let of = |figure: fn(&Reading) -> Option<i64>| reading.and_then(figure);
        whole(
            &self.memory_used,
            of(|read| Some(bytes(read.memory_used_bytes))),
        );
        whole(
            &self.memory_total,
            of(|read| Some(bytes(read.memory_total_bytes))),
        );
        whole(
            &self.temperature,
            of(|read| read.temperature_celsius.map(i64::from)),
        );
        number(
            &self.utilization,
            reading.and_then(|read| read.utilization_ratio),
        );
        number(&self.power, reading.and_then(|read| read.power_watts));
    }
}

fn bytes(bytes: impl TryInto<i64>) -> i64 {
    bytes.try_into().unwrap_or(i64::MAX)
}

//! The dashboard *GPU*: what the cards of the gateway's machine do, and whether they do what was planned.

use decide::metric;

use crate::conventions;
use crate::emit::grafana::panel::{BAD, GOOD, Row, State, Unit, WORSE, lines, stat, states};
use crate::emit::promql::series;
use crate::emit::threshold::threshold;
use crate::ir::Topology;
use crate::ir::alert::Rule;

const SEEN: &[State] = &[
    State {
        value: 0,
        text: "silent",
        color: BAD,
    },
    State {
        value: 1,
        text: "seen",
        color: GOOD,
    },
];

const GPU: &[&str] = &["gpu"];

/// The title and the rows.
pub(super) fn rows(topology: &Topology) -> (&'static str, Vec<Row>) {
    let job = conventions::prometheus_job(&topology.name);
    ("GPU", vec![memory(topology, job), work(job)])
}

fn memory(topology: &Topology, job: &str) -> Row {
    let now = |metric| series(metric, job).now().max(GPU);
    let used = || now(metric::GPU_MEMORY_USED);
    let planned = || now(metric::GPU_PLANNED_MEMORY);
    let against_plan = "What is in use as a part of what the plan has in use, by model servers and others: above 100 % \
                        the plan is too small. `[gpus]`, `nexusc plan`";
    let too_much = threshold(topology, Rule::GpuMemory).map(|beyond| 1.0 + beyond);
    Row {
        title: "Memory",
        panels: vec![
            stat(
                "GPUs that the driver tells of",
                Unit::Number,
                "Those of the gateway's machine. `[gpus]`",
            )
            .base(BAD)
            .step(1.0, GOOD)
            .query(now(metric::GPU_UP).sum(&[]), ""),
            stat("Memory used of the plan", Unit::Part, against_plan)
                .step(1.0, WORSE)
                .bad_from(too_much)
                .query(used().sum(&[]) / planned().sum(&[]), ""),
            lines(
                "Memory",
                Unit::Bytes,
                "What is in use, what the plan has in use, and what there is. `[gpus]`",
            )
            .query(used(), "{{gpu}}: used")
            .query(planned(), "{{gpu}}: planned")
            .query(now(metric::GPU_MEMORY_TOTAL), "{{gpu}}: all"),
            lines("Memory used of the plan by GPU", Unit::Part, against_plan)
                .step(1.0, WORSE)
                .bad_from(too_much)
                .query(used() / planned(), "{{gpu}}"),
        ],
    }
}

fn work(job: &str) -> Row {
    let now = |metric| series(metric, job).now().max(GPU);
    Row {
        title: "Work",
        panels: vec![
            lines(
                "Utilisation",
                Unit::Part,
                "The part of the last second or so in which something ran. `[gpus]`",
            )
            .query(now(metric::GPU_UTILIZATION), "{{gpu}}"),
            lines("Power", Unit::Watts, "What it draws. `[gpus]`")
                .query(now(metric::GPU_POWER), "{{gpu}}"),
            lines("Temperature", Unit::Celsius, "Of the chip. `[gpus]`")
                .query(now(metric::GPU_TEMPERATURE), "{{gpu}}"),
            states(
                "Driver",
                SEEN,
                "Whether the driver tells of it; without that there are no other figures. `[gpus]`",
            )
            .query(now(metric::GPU_UP), "{{gpu}}"),
        ],
    }
}

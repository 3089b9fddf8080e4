//! `cargo xtask bench`: what the gateway costs, beside nginx.

use std::thread::available_parallelism;

use crate::command::{Error, cargo, program, run};
use crate::tools;

/// Measures; quickly or well. What is measured has the first core to itself, everything else the others.
pub(crate) fn run_bench(quick: bool) -> Result<(), Error> {
    let nginx = tools::nginx()?;
    run(&mut cargo("build --release --package speed"))?;
    run(&mut cargo(
        "bench --package end-to-end --bench gateway --no-run",
    ))?;
    let cores = available_parallelism().map_or(1, usize::from);
    let others = format!("{}-{}", 1.min(cores - 1), cores - 1);
    let bench = cargo("bench --package end-to-end --bench gateway --");
    let mut pinned = program("taskset", "-c");
    pinned
        .arg(others)
        .arg(bench.get_program())
        .args(bench.get_args());
    pinned.arg(format!("--nginx={}", nginx.display()));
    if quick {
        pinned.arg("--quick");
    }
    run(&mut pinned)
}

//! `cargo xtask endurance`: whether the gateway grows while it serves.

use crate::command::{Error, cargo, run};

/// Sends requests of all kinds for so many minutes, and fails where memory or open files grow.
pub(crate) fn endure(minutes: u32) -> Result<(), Error> {
    let mut bench = cargo("bench --package end-to-end --bench endurance --");
    run(bench.arg(format!("--minutes={minutes}")))
}

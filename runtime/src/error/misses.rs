//! What it amounts to that no upstream answered.

use decide::outcome::{self, Cause};

use crate::error::DEFAULT_RETRY_AFTER;
use crate::upstream::failure::Failure;
use crate::upstream::miss::Miss;

/// What it amounts to that no upstream answered.
pub(super) fn common_cause(misses: &[(&'static str, Miss)]) -> Cause {
    Cause::of(misses.iter().map(|(_, miss)| kind(miss)))
}

/// The soonest that one of them may answer again.
pub(super) fn retry_after(misses: &[(&'static str, Miss)]) -> u64 {
    let said = misses.iter().filter_map(|(_, miss)| miss.retry_after());
    said.min().unwrap_or(DEFAULT_RETRY_AFTER)
}

/// Each upstream with what it did.
pub(super) fn summary(misses: &[(&'static str, Miss)]) -> String {
    let said = misses
        .iter()
        .map(|(upstream, miss)| format!("`{upstream}`: {miss}"));
    said.collect::<Vec<_>>().join("; ")
}

fn kind(miss: &Miss) -> outcome::Miss {
    match miss {
        Miss::Skipped(_) => outcome::Miss::Skipped,
        Miss::OutOfTime => outcome::Miss::OutOfTime,
        Miss::Failed(failure) if failure.is_timeout() => outcome::Miss::Slow,
        Miss::Failed(Failure::Status { status, .. }) => outcome::Miss::of_status(status.as_u16()),
        Miss::Failed(_) => outcome::Miss::Broken,
    }
}

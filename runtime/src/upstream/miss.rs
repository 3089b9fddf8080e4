//! Why an upstream has not answered.

use thiserror::Error;

use crate::upstream::breaker::Skipped;
use crate::upstream::failure::Failure;

/// Why an upstream has not answered: asked in vain, asked too late, or not asked.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Miss {
    #[error(transparent)]
    Failed(Failure),
    #[error("no response before the request's total time was over")]
    OutOfTime,
    #[error(transparent)]
    Skipped(Skipped),
}

impl Miss {
    /// Seconds until another attempt makes sense, where that is known.
    pub(crate) fn retry_after(self) -> Option<u64> {
        match self {
            Self::Failed(Failure::Status { retry_after, .. }) => retry_after,
            Self::Failed(_) | Self::OutOfTime => None,
            Self::Skipped(skipped) => skipped.retry_after(),
        }
    }

    /// Whether the upstream may answer the same request a moment later.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::Failed(failure) if failure.may_pass())
    }
}

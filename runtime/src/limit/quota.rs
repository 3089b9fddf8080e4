//! What a caller's limit is counted in.

use crate::limit::limiter::Limiter;
#[cfg(feature = "jwt")]
use crate::limit::{owner::Digest, subjects::Subjects};

/// What a caller's limit is counted in, found out when it is needed.
#[derive(Clone, Copy)]
pub(crate) enum Quota<'a> {
    /// It has no limit.
    Unlimited,
    /// The count of an API key.
    Key(&'a Limiter),
    /// The count of a subject, in the table of all that were seen lately.
    #[cfg(feature = "jwt")]
    Subject(&'a Subjects, Digest),
}

//! What a caller's limit is counted in.

use std::ops::Deref;
#[cfg(feature = "jwt")]
use std::sync::Arc;

use crate::limit::limiter::Limiter;
#[cfg(feature = "jwt")]
use crate::limit::subjects::{Digest, Subjects};

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

/// A count in use: for good, or as long as somebody holds it.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// Of a key or a model: made at start.
    Settled(&'static Limiter),
    /// Of a subject.
    #[cfg(feature = "jwt")]
    Subject(Arc<Limiter>),
}

impl Deref for Held {
    type Target = Limiter;

    fn deref(&self) -> &Limiter {
        match self {
            Self::Settled(limiter) => limiter,
            #[cfg(feature = "jwt")]
            Self::Subject(limiter) => limiter,
        }
    }
}

//! What is held of an upstream from the begin of an attempt to the end of its response.

use crate::upstream::breaker::Pass;
use crate::upstream::in_flight::Entered;
use crate::upstream::live::Live;

/// An upstream that is asked, with what is held of it meanwhile.
pub(crate) struct Engaged {
    /// The upstream.
    pub(crate) live: &'static Live,
    /// Counts the request among those that it has in flight, where they are counted.
    pub(crate) entered: Option<Entered>,
    /// The leave of its circuit breaker. Dropped unsettled, it says nothing about the upstream.
    pub(crate) pass: Pass,
}

impl Engaged {
    /// An upstream whose breaker nobody asks.
    #[cfg(all(test, feature = "mock"))]
    pub(crate) fn without_pass(live: &'static Live) -> Self {
        Self {
            live,
            entered: None,
            pass: Pass::default(),
        }
    }
}

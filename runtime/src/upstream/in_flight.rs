//! How many requests an upstream has in flight: from the attempt to the last byte of the response,
//! or to its end by failure or abort.
//!
//! One atomic for each upstream that a rule asks about, shared by all cores. A count for each worker
//! would make counting cheaper and asking dearer: every choice would read a line of every core for
//! every upstream, and those lines change as often as this one.

use crate::sync::atomic::{AtomicU32, Ordering};

/// A count, on a cache line of its own: what stands beside it is read by every request.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct InFlight(AtomicU32);

impl InFlight {
    /// Counts a request, until what this returns is dropped.
    pub(super) fn enter(&'static self) -> Entered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Entered(self)
    }

    /// How many there are now.
    pub(super) fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One request in flight.
#[derive(Debug)]
#[must_use = "it is counted until this is dropped"]
pub(crate) struct Entered(&'static InFlight);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn counts_until_dropped() {
        static COUNT: InFlight = InFlight(AtomicU32::new(0));
        let first = COUNT.enter();
        let second = COUNT.enter();
        assert_eq!(COUNT.now(), 2);
        drop(first);
        assert_eq!(COUNT.now(), 1);
        drop(second);
        assert_eq!(COUNT.now(), 0);
    }
}

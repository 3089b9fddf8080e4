//! How much may be asked for.

pub mod demand;
pub mod window;

use std::time::Duration;

/// So many in any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub amount: u64,
    /// In which time.
    pub per: Duration,
}

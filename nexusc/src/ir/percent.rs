//! Percentages.

/// A percentage in hundredths of a percent: of a share from 0 to 10000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(pub u32);

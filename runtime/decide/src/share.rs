//! Parts and multiples of a whole.

/// A part of a whole in steps of 0.01 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u32);

impl Share {
    /// The whole, in the unit of [`Share::basis_points`].
    pub const WHOLE: u32 = 10_000;

    /// So many percent, from 0 to 100, rounded to 0.01 %.
    ///
    /// # Panics
    /// At compile time of the table, outside 0 to 100; the compiler of specs refuses that.
    pub const fn percent(percent: f64) -> Self {
        assert!(
            percent >= 0.0 && percent <= 100.0,
            "a share lies between 0 and 100 percent"
        );
        Self((percent * 100.0 + 0.5) as u32)
    }

    /// In hundredths of a percent, from 0 to [`Share::WHOLE`].
    pub const fn basis_points(self) -> u32 {
        self.0
    }
}

/// The most that one upstream may have in flight, as a multiple of the mean over the route's, in steps
/// of 0.01 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadFactor(u32);

impl LoadFactor {
    /// So many percent of the mean, rounded to 0.01 %.
    ///
    /// # Panics
    /// At compile time of the table, below 100 or above 10 000; the compiler of specs refuses that.
    pub const fn percent(percent: f64) -> Self {
        assert!(
            percent >= 100.0 && percent <= 10_000.0,
            "a load factor is at least 100 percent"
        );
        Self((percent * 100.0 + 0.5) as u32)
    }

    /// In hundredths of a percent, at least [`Share::WHOLE`].
    pub const fn basis_points(self) -> u32 {
        self.0
    }
}

//! Service level objectives.

use std::time::Duration;

use crate::ir::table::{Id, Named};
use crate::ir::{Model, Percent};
use crate::key_path::KeyPath;

/// Which part of requests is to go well.
#[derive(Debug)]
pub struct Slo {
    /// Its name.
    pub name: String,
    /// `[slos.NAME]`.
    pub path: KeyPath,
    /// The part.
    pub objective: Percent,
    /// The time over which it is to hold.
    pub period: Duration,
    /// What going well means; `None` where that is reported.
    pub indicator: Option<Indicator>,
}

/// What going well means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Indicator {
    /// An answer with a status below 500.
    Availability,
    /// A whole answer within a time.
    Latency {
        /// The time.
        within: Duration,
    },
    /// A stream that begins within a time.
    FirstToken {
        /// The time.
        within: Duration,
        /// The models, sorted by name; none for all.
        models: Vec<Id<Model>>,
    },
}

impl Slo {
    /// The part of requests that may go wrong, from 0 to 1.
    pub fn error_budget(&self) -> f64 {
        f64::from(10_000 - self.objective.0.min(10_000)) / 10_000.0
    }
}

impl Named for Slo {
    fn name(&self) -> &str {
        &self.name
    }
}

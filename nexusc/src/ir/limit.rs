//! How much may be asked for.

use std::time::Duration;

use crate::ir::table::Named;
use crate::key_path::KeyPath;

/// How much may be asked for, by each that names it.
#[derive(Debug)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// `[limits.NAME]`.
    pub path: KeyPath,
    /// Requests in a window of time.
    pub requests: Option<Rate>,
    /// Tokens in a window of time.
    pub tokens: Option<Rate>,
    /// Requests at once.
    pub concurrent: Option<u64>,
    /// Where requests wait for one that runs to end.
    pub queue: Option<Queue>,
}

impl Named for Limit {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Where requests wait.
#[derive(Debug)]
pub struct Queue {
    /// `[limits.NAME.queue]`.
    pub path: KeyPath,
    /// The most that wait, of each priority.
    pub length: u64,
    /// How long one may wait.
    pub wait: Duration,
}

/// Whose turn it is where several wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Most of the places.
    High,
    /// As the author says nothing.
    #[default]
    Normal,
    /// What is left, and never nothing.
    Low,
}

impl Priority {
    /// Every priority.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }
}

/// So many in any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub amount: u64,
    /// In which time.
    pub per: Duration,
}

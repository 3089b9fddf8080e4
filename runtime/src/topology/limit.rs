//! How much may be asked for, and where that is counted.

use std::time::Duration;

use crate::topology::{Rate, Secret, Slot, UpstreamTls};

/// How much may be asked for: `[limits.NAME]`. Every key and every model that names it has a count of
/// its own, and so has every subject of tokens.
#[derive(Debug)]
pub struct Limit {
    /// What was written in the spec.
    pub settings: LimitSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Limit {
    /// A limit with its settings, not yet in use.
    pub const fn new(settings: LimitSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a limit.
#[derive(Debug)]
pub struct LimitSettings {
    /// Its name in messages and metric labels.
    pub name: &'static str,
    /// Requests in any window of time.
    pub requests: Option<Rate>,
    /// Tokens in any window of time, read and written.
    pub tokens: Option<Rate>,
    /// Requests at once.
    pub concurrent: Option<u32>,
    /// Where those wait that come while as many run as may; `None` refuses them.
    pub queue: Option<Queue>,
}

/// Where requests wait for one that runs to end: `[limits.NAME.queue]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The most that wait, of each priority.
    pub length: u32,
    /// How long one may wait.
    pub wait: Duration,
}

/// Whose turn it is where several wait. Each gets a part of the places that become free, so none waits for
/// ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityClass {
    /// Four parts of seven.
    High,
    /// Two parts of seven.
    #[default]
    Normal,
    /// One part of seven.
    Low,
}

impl PriorityClass {
    /// How many there are.
    pub const COUNT: usize = 3;

    /// The part of each, in the order of [`PriorityClass::index`].
    pub const WEIGHTS: [i64; Self::COUNT] = [4, 2, 1];

    /// Its place in a table with a row for each.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A Redis in which all replicas of a gateway count together: `[store.redis]`.
#[derive(Debug)]
pub struct Store {
    /// Where its URL is read from at start: it may hold a password.
    pub url: Secret,
    /// What happens to a request that it does not count in time.
    pub when_away: WhenAway,
    /// How long a request waits for it at most.
    pub timeout: Duration,
    /// How it is reached encrypted; `None` where it is not.
    pub tls: Option<UpstreamTls>,
}

/// What happens to requests while the store is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// Each gateway goes by its own counts.
    Admit,
    /// They are answered 503.
    Refuse,
}

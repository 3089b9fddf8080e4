//! How models choose among upstreams.

use std::time::Duration;

use crate::ir::model::Model;
use crate::ir::percent::Percent;
use crate::ir::table::{Id, Named};
use crate::ir::upstream::Upstream;
use crate::key_path::KeyPath;

/// How models choose among upstreams.
#[derive(Debug)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// `[routes.NAME]`.
    pub path: KeyPath,
    /// The models it serves, in the order written.
    pub models: Vec<Id<Model>>,
    /// What its choice goes by.
    pub draw: Draw,
    /// The rule; `None` where it could not be resolved, which is reported.
    pub rule: Option<Rule>,
    /// What gets a copy of some requests.
    pub shadow: Option<Shadow>,
    /// How its upstreams are tried again.
    pub retry: Option<Retry>,
    /// When a second upstream is asked beside a slow one.
    pub hedge: Option<Hedge>,
}

impl Named for Route {
    fn name(&self) -> &str {
        &self.name
    }
}

/// The rule of a route.
#[derive(Debug)]
pub enum Rule {
    /// One upstream takes all.
    Direct(Id<Upstream>),
    /// Several share by weight, sorted by name.
    Weighted(Vec<Target>),
    /// A canary takes a share.
    Canary {
        /// Takes the rest.
        primary: Id<Upstream>,
        /// Takes the share.
        canary: Id<Upstream>,
        /// The share.
        share: Percent,
    },
    /// Lists of upstreams in order; those of one list share evenly, sorted by name.
    Priority(Vec<Vec<Id<Upstream>>>),
    /// The one with the fewest requests in flight.
    LeastInFlight(Vec<Id<Upstream>>),
    /// The one that the prompt's head ranks highest, if it has room.
    Prefix {
        /// Where the requests go.
        upstreams: Vec<Id<Upstream>>,
        /// The most that one may have in flight, relative to the mean.
        load_factor: Percent,
    },
}

impl Rule {
    /// Every upstream that this rule can choose.
    pub fn upstreams(&self) -> Vec<Id<Upstream>> {
        match self {
            Self::Direct(upstream) => vec![*upstream],
            Self::Weighted(targets) => targets.iter().map(|target| target.upstream).collect(),
            Self::Canary {
                primary, canary, ..
            } => vec![*primary, *canary],
            Self::Priority(tiers) => tiers.concat(),
            Self::LeastInFlight(upstreams) | Self::Prefix { upstreams, .. } => upstreams.clone(),
        }
    }
}

/// One upstream of a weighted route.
#[derive(Debug)]
pub struct Target {
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// Its weight, at least 1.
    pub weight: u64,
}

/// What the choice of a route goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// Each request is chosen for anew.
    Sequence,
    /// The caller's key.
    Caller,
    /// The request's session.
    Session,
    /// The first so many bytes of the prompt.
    Head(u64),
}

/// What gets a copy of some requests of a route.
#[derive(Debug)]
pub struct Shadow {
    /// `routes.NAME.shadow`.
    pub path: KeyPath,
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// The part of the requests that is copied.
    pub share: Percent,
    /// The most copies in flight at once.
    pub concurrent: u64,
}

/// How the upstreams of a route are tried again.
#[derive(Debug)]
pub struct Retry {
    /// How often each may be tried in all.
    pub attempts: u64,
    /// The longest pause before the second try.
    pub backoff: Duration,
    /// The longest pause of all.
    pub max_backoff: Duration,
}

impl Retry {
    /// The longest that its pauses may take together. They double up to the limit.
    pub fn longest_pauses(&self) -> Duration {
        let double = |pause: &Duration| Some(pause.saturating_mul(2));
        let pauses = std::iter::successors(Some(self.backoff), double);
        let repeats = usize::try_from(self.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let pauses = pauses.map(|pause| pause.min(self.max_backoff));
        pauses
            .take(repeats)
            .fold(Duration::ZERO, Duration::saturating_add)
    }
}

/// When a second upstream is asked beside a slow one.
#[derive(Debug)]
pub struct Hedge {
    /// How long the first byte is waited for.
    pub after: Duration,
    /// The most second requests, as a part of all.
    pub budget: Percent,
}

//! How requests choose among upstreams, and what is done when one fails or is slow.

use std::time::Duration;

use crate::topology::{LoadFactor, Share, Slot, Upstream};

/// How a model's requests choose among upstreams: `[routes.NAME]`.
#[derive(Debug)]
pub struct Route {
    /// Its name in logs.
    pub name: &'static str,
    /// What its choice goes by.
    pub draw: Draw,
    /// The rule.
    pub rule: Rule,
    /// How its upstreams are tried again; `None` does not.
    pub retry: Option<Retry>,
    /// When a second upstream is asked beside a slow one; `None` does not.
    pub hedge: Option<Hedge>,
    /// What gets a copy of some requests; `None` for nothing.
    pub shadow: Option<Shadow>,
}

/// What gets a copy of some requests of a route: `[routes.NAME.shadow]`.
#[derive(Debug)]
pub struct Shadow {
    /// What was written in the spec.
    pub settings: ShadowSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Shadow {
    /// A shadow with its settings, not yet in use.
    pub const fn new(settings: ShadowSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a shadow.
#[derive(Debug)]
pub struct ShadowSettings {
    /// Where copies go.
    pub upstream: &'static Upstream,
    /// The part of the route's requests that is copied.
    pub share: Share,
    /// The most copies in flight at once.
    pub concurrent: u32,
}

/// How the upstreams of a route are tried again when all have failed: `[routes.NAME.retry]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often each may be tried in all, at least 2.
    pub attempts: u32,
    /// The longest pause before the second try; it doubles for each further one.
    pub backoff: Duration,
    /// The longest pause of all.
    pub max_backoff: Duration,
}

/// When a second upstream of a route is asked beside a slow one: `[routes.NAME.hedge]`.
#[derive(Debug)]
pub struct Hedge {
    /// What was written in the spec.
    pub settings: HedgeSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Hedge {
    /// A hedge with its settings, not yet in use.
    pub const fn new(settings: HedgeSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a hedge.
#[derive(Debug)]
pub struct HedgeSettings {
    /// How long the first byte of an attempt is waited for.
    pub after: Duration,
    /// The most second requests, as a part of the route's requests.
    pub budget: Share,
}

/// What the choice of a route goes by: requests of the same draw have the same first choice, as long
/// as the rule and the state of its upstreams are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// An even sequence: each request is chosen for anew.
    Sequence,
    /// The key of who asks.
    Caller,
    /// The header `x-session-id`; the sequence where a request has none.
    Session,
    /// The first so many bytes of the prompt's JSON; the sequence where a request has no prompt.
    Head(usize),
}

/// The rule of a route. Whatever it picks first, its other upstreams are tried after a failure.
#[derive(Debug)]
pub enum Rule {
    /// One upstream takes all.
    Direct(&'static Upstream),
    /// Each upstream takes its share by weight.
    Weighted(Weighted),
    /// A canary takes a share of the primary's requests.
    Canary {
        /// Takes the rest, and what the canary fails to answer.
        primary: &'static Upstream,
        /// Takes `share`, and what the primary fails to answer.
        canary: &'static Upstream,
        /// The canary's part of all requests.
        share: Share,
    },
    /// The upstreams of the first list as long as one of them answers, then those of the next; those of
    /// one list share evenly.
    Priority(&'static [&'static [&'static Upstream]]),
    /// The upstream with the fewest requests in flight.
    LeastInFlight(&'static [&'static Upstream]),
    /// The upstream that the draw ranks highest, among those that are not overloaded.
    Prefix {
        /// Where the requests go.
        upstreams: &'static [&'static Upstream],
        /// How much more than the mean an upstream may have in flight.
        load_factor: LoadFactor,
    },
}

/// Upstreams with weights; the sum is settled when the table is built.
#[derive(Debug)]
pub struct Weighted {
    targets: &'static [Target],
    total: u32,
}

impl Weighted {
    /// A weighted choice.
    ///
    /// # Panics
    /// At compile time of the table, when `targets` is empty or its weights add up to 0 or to more
    /// than `u32::MAX`; the compiler of specs refuses all three.
    pub const fn new(targets: &'static [Target]) -> Self {
        let mut total: u32 = 0;
        let mut rest = targets;
        while let [first, others @ ..] = rest {
            total = match total.checked_add(first.weight) {
                Some(sum) => sum,
                None => panic!("weights add up to more than u32::MAX"),
            };
            rest = others;
        }
        assert!(total > 0, "a weighted route needs a target with a weight");
        Self { targets, total }
    }

    /// The upstreams with their weights.
    pub const fn targets(&self) -> &'static [Target] {
        self.targets
    }

    /// The sum of all weights, at least 1.
    pub const fn total(&self) -> u32 {
        self.total
    }
}

/// One upstream of a weighted route.
#[derive(Debug)]
pub struct Target {
    /// Where the requests go.
    pub upstream: &'static Upstream,
    /// Its part of the sum of all weights.
    pub weight: u32,
}

impl Target {
    /// `upstream` with this weight.
    pub const fn new(upstream: &'static Upstream, weight: u32) -> Self {
        Self { upstream, weight }
    }
}

//! How requests choose among upstreams, and what is done when one fails or is slow.

use std::time::Duration;

use decide::rule;

use crate::topology::{Draw, Share, Slot, Upstream};

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

/// The rule of a route: which upstreams, in which order.
pub type Rule = rule::Rule<'static, &'static Upstream>;

/// Upstreams with weights.
pub type Weighted = rule::Weighted<'static, &'static Upstream>;

/// One upstream of a weighted route.
pub type Target = rule::Target<&'static Upstream>;

//! How the requests of a model choose among upstreams of a type `U`.

use crate::draw;
use crate::share::{LoadFactor, Share};

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

impl Draw {
    /// The draw that the request itself decides: by who asks, by the id of its `session` or by the `prompt`.
    /// `None` leaves it to a sequence.
    #[inline]
    pub fn of<'r>(
        self,
        caller: Option<u64>,
        session: impl FnOnce() -> Option<&'r [u8]>,
        prompt: Option<&[u8]>,
    ) -> Option<u64> {
        match self {
            Self::Sequence => None,
            Self::Caller => caller,
            Self::Session => session().and_then(draw::of_session),
            Self::Head(length) => prompt.map(|prompt| draw::of_head(prompt, length)),
        }
    }
}

/// The rule of a route. Whatever it picks first, its other upstreams are tried after a failure.
#[derive(Clone, Copy, Debug)]
pub enum Rule<'t, U> {
    /// One upstream takes all.
    Direct(U),
    /// Each upstream takes its share by weight.
    Weighted(Weighted<'t, U>),
    /// A canary takes a share of the primary's requests.
    Canary {
        /// Takes the rest, and what the canary fails to answer.
        primary: U,
        /// Takes `share`, and what the primary fails to answer.
        canary: U,
        /// The canary's part of all requests.
        share: Share,
    },
    /// The upstreams of the first list as long as one of them answers, then those of the next; those of
    /// one list share evenly.
    Priority(&'t [&'t [U]]),
    /// The upstream with the fewest requests in flight.
    LeastInFlight(&'t [U]),
    /// The upstream that the draw ranks highest, among those that are not overloaded.
    Prefix {
        /// Where the requests go.
        upstreams: &'t [U],
        /// How much more than the mean an upstream may have in flight.
        load_factor: LoadFactor,
    },
}

impl<'t, U: Copy> Rule<'t, U> {
    /// The upstreams whose requests in flight it goes by.
    pub fn counted(&self) -> &'t [U] {
        match self {
            Self::LeastInFlight(upstreams) | Self::Prefix { upstreams, .. } => upstreams,
            Self::Direct(_) | Self::Weighted(_) | Self::Canary { .. } | Self::Priority(_) => &[],
        }
    }
}

/// Upstreams with weights; the sum is settled when the table is built.
#[derive(Clone, Copy, Debug)]
pub struct Weighted<'t, U> {
    targets: &'t [Target<U>],
    total: u32,
}

impl<'t, U> Weighted<'t, U> {
    /// A weighted choice.
    ///
    /// # Panics
    /// At compile time of the table, when `targets` is empty or its weights add up to 0 or to more
    /// than `u32::MAX`; the compiler of specs refuses all three.
    pub const fn new(targets: &'t [Target<U>]) -> Self {
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
    pub const fn targets(&self) -> &'t [Target<U>] {
        self.targets
    }

    /// The sum of all weights, at least 1.
    pub const fn total(&self) -> u32 {
        self.total
    }
}

/// One upstream of a weighted route.
#[derive(Clone, Copy, Debug)]
pub struct Target<U> {
    /// Where the requests go.
    pub upstream: U,
    /// Its part of the sum of all weights.
    pub weight: u32,
}

impl<U> Target<U> {
    /// `upstream` with this weight.
    pub const fn new(upstream: U, weight: u32) -> Self {
        Self { upstream, weight }
    }
}

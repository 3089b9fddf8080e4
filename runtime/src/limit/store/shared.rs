//! What the store has counted of one request.

use std::rc::Rc;
use std::time::Duration;

use decide::limit::window::Left;

use crate::limit::headers::Headers;
use crate::limit::limiter::Held;
use crate::limit::refusal::{Kind, Refusal};
use crate::limit::store::Store;
use crate::limit::store::names::Name;

/// What a request takes of one window.
pub(in crate::limit) struct Wanted {
    limiter: Held,
    kind: Kind,
    pub(super) amount: u64,
}

/// What becomes of something that was taken.
pub(super) struct Settlement {
    limiter: Held,
    kind: Kind,
    /// When it was taken.
    pub(super) tick: i64,
    /// What of it is given back.
    pub(super) unused: u64,
    /// What was used beyond it.
    pub(super) more: u64,
}

/// What Redis says to a request.
pub(super) struct Answer {
    /// Whether everything was taken; else nothing was.
    pub(super) taken: bool,
    /// For each window, in order.
    pub(super) windows: Vec<State>,
}

/// The state of a window.
pub(super) struct State {
    /// When it was taken.
    pub(super) tick: i64,
    /// What can be taken now.
    pub(super) remaining: u64,
    /// How long until there is room: zero where there is, `None` where there never will be.
    pub(super) wait: Option<Duration>,
    /// How long until nothing is taken.
    pub(super) reset: Duration,
}

/// What the store has said to a request.
pub(in crate::limit) struct Shared {
    store: Rc<Store>,
    taken: bool,
    windows: Vec<(Wanted, State)>,
}

impl Wanted {
    /// What a request that may take so many tokens takes of this limit.
    pub(in crate::limit) fn of(limiter: &Held, tokens: u64) -> impl Iterator<Item = Self> {
        limiter.names.each(tokens).map(|(kind, amount)| Self {
            limiter: limiter.clone(),
            kind,
            amount,
        })
    }

    pub(super) fn name(&self) -> &Name {
        self.limiter.names.of(self.kind)
    }
}

impl Settlement {
    pub(super) fn name(&self) -> &Name {
        self.limiter.names.of(self.kind)
    }
}

impl Shared {
    pub(super) fn new(store: Rc<Store>, wanted: Vec<Wanted>, answer: Answer) -> Self {
        Self {
            store,
            taken: answer.taken,
            windows: wanted.into_iter().zip(answer.windows).collect(),
        }
    }

    /// Of all that stands in the way, what stands there longest.
    pub(in crate::limit) fn refusal(&self) -> Option<Refusal> {
        if self.taken {
            return None;
        }
        let refusals = self
            .windows
            .iter()
            .map(|(wanted, state)| wanted.limiter.refusal(wanted.kind, state.wait));
        refusals.max_by_key(Refusal::length)
    }

    /// Tells what is left of each limit.
    pub(in crate::limit) fn tell(&self, headers: &mut Headers) {
        for (wanted, state) in &self.windows {
            let left = Left {
                limit: wanted.name().limit,
                remaining: state.remaining,
                reset: state.reset,
            };
            match wanted.kind {
                Kind::Requests => headers.requests(left),
                _ => headers.tokens(left),
            }
        }
    }

    /// The request is over and has used so many tokens.
    pub(in crate::limit) fn settle(self, used: u64) {
        self.settle_each(|wanted| match wanted.kind {
            Kind::Tokens(_) => used,
            _ => wanted.amount,
        });
    }

    /// The request has gone before it was known to be admitted.
    pub(super) fn cancel(self) {
        self.settle_each(|_| 0);
    }

    fn settle_each(self, used: impl Fn(&Wanted) -> u64) {
        if !self.taken {
            return;
        }
        let settlements = self.windows.into_iter().filter_map(|(wanted, state)| {
            let used = used(&wanted);
            (used != wanted.amount).then(|| Settlement {
                limiter: wanted.limiter,
                kind: wanted.kind,
                tick: state.tick,
                unused: wanted.amount.saturating_sub(used),
                more: used.saturating_sub(wanted.amount).min(MOST),
            })
        });
        self.store.settle(settlements.collect());
    }
}

/// The most that one request is charged beyond what it took, so that sums stay exact in Lua's numbers.
const MOST: u64 = 1 << 36;

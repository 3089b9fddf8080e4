//! The limits of one key, one model or one subject, in use: shared by all workers, without a lock.

use std::ops::Deref;
#[cfg(feature = "jwt")]
use std::sync::Arc;
use std::time::Duration;

use decide::limit::window::{Tick, Window};
use tokio::time::Instant;

use crate::limit::headers::Headers;
use crate::limit::owner::Owner;
use crate::limit::places::{NoPlace, Places};
use crate::limit::refusal::{Kind, Refusal};
#[cfg(feature = "redis")]
use crate::limit::store::names::Names;
use crate::topology::{Limit, PriorityClass};

/// How soon to come again where requests at once are limited: nobody knows when one will end.
const WAIT_FOR_ONE_TO_END: Duration = Duration::from_secs(1);

/// What somebody has taken of its limit.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: &'static Limit,
    /// What the store counts it by.
    #[cfg(feature = "redis")]
    pub(super) names: Names,
    started: Instant,
    requests: Option<Window>,
    tokens: Option<Window>,
    places: Option<Places>,
}

/// A count in use: for good, or as long as somebody holds it.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// Of a key or a model: made at start.
    Settled(&'static Limiter),
    /// Of a subject.
    #[cfg(feature = "jwt")]
    Subject(Arc<Limiter>),
}

impl Deref for Held {
    type Target = Limiter;

    fn deref(&self) -> &Limiter {
        match self {
            Self::Settled(limiter) => limiter,
            #[cfg(feature = "jwt")]
            Self::Subject(limiter) => limiter,
        }
    }
}

/// A place among the requests that run at once. Dropped, it is free for another.
#[derive(Debug)]
pub(super) struct Place(Held);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = &self.0.places {
            places.give_back();
        }
    }
}

/// What a request was granted of the windows of time.
#[derive(Debug)]
pub(super) struct Grant {
    limiter: Held,
    requests: Option<Tick>,
    tokens: Option<(Tick, u64)>,
}

impl Limiter {
    /// A limiter where there is a limit.
    pub(crate) fn of(
        limit: Option<&'static Limit>,
        spec: &'static str,
        owner: Owner,
    ) -> Option<Box<Self>> {
        limit.map(|limit| Box::new(Self::new(limit, spec, owner, Instant::now())))
    }

    /// The `limit` that `owner` has in `spec`, of which nothing is taken.
    #[cfg_attr(
        not(feature = "redis"),
        expect(unused_variables, reason = "names are for a store")
    )]
    pub(super) fn new(
        limit: &'static Limit,
        spec: &'static str,
        owner: Owner,
        now: Instant,
    ) -> Self {
        Self {
            #[cfg(feature = "redis")]
            names: Names::new(limit, spec, owner),
            limit,
            started: now,
            requests: limit.settings.requests.as_ref().map(Window::new),
            tokens: limit.settings.tokens.as_ref().map(Window::new),
            places: limit
                .settings
                .concurrent
                .map(|most| Places::new(most, limit.settings.queue.as_ref())),
        }
    }

    /// Whether tokens are limited, so that a request's demand has to be known.
    pub(super) fn counts_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// What it keeps to.
    pub(super) fn limit(&self) -> &'static Limit {
        self.limit
    }

    /// The places of those that run at once, where they are limited.
    pub(super) fn places(&self) -> Option<&Places> {
        self.places.as_ref()
    }

    /// Why a request may not take more of this limit.
    pub(super) fn refusal(&self, kind: Kind, wait: Option<Duration>) -> Refusal {
        Refusal {
            limit: self.limit,
            kind,
            wait,
        }
    }

    /// Whether nothing is taken of what is limited by time.
    #[cfg(feature = "jwt")]
    pub(super) fn is_unused(&self, now: Instant) -> bool {
        let now = self.since_start(now);
        let mut windows = self.requests.iter().chain(&self.tokens);
        windows.all(|window| window.is_empty(now))
    }

    /// What stands longest in the way of a request that may take so many tokens.
    pub(super) fn obstacle(&self, tokens: u64, now: Instant) -> Option<Refusal> {
        let now = self.since_start(now);
        let obstacle = |window: &Option<Window>, kind, amount| {
            let full = window.as_ref()?.room_for(amount, now).err()?;
            Some(self.refusal(kind, full.wait()))
        };
        let requests = obstacle(&self.requests, Kind::Requests, 1);
        let tokens = obstacle(&self.tokens, Kind::Tokens(tokens), tokens);
        requests
            .into_iter()
            .chain(tokens)
            .max_by_key(Refusal::length)
    }

    /// Tells what is left of what is limited by time.
    pub(super) fn tell(&self, headers: &mut Headers, now: Instant) {
        let now = self.since_start(now);
        if let Some(window) = &self.requests {
            headers.requests(window.left(now));
        }
        if let Some(window) = &self.tokens {
            headers.tokens(window.left(now));
        }
    }

    fn since_start(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }
}

impl Held {
    /// A place that is free, if nobody waits for one.
    pub(super) fn free_place(&self) -> Option<Place> {
        let places = self.places()?;
        places.take().then(|| Place(self.clone()))
    }

    /// Takes one of its `places`, which a request may have to wait for.
    pub(super) async fn wait(
        &self,
        places: &Places,
        priority: PriorityClass,
    ) -> Result<Place, Refusal> {
        let place = places.wait(priority).await.map(|()| Place(self.clone()));
        place.map_err(|reason| {
            let kind = match reason {
                NoPlace::Taken => Kind::Concurrent,
                NoPlace::QueueFull => Kind::QueueFull,
                NoPlace::WaitedInVain => Kind::WaitedInVain,
            };
            self.refusal(kind, Some(WAIT_FOR_ONE_TO_END))
        })
    }

    /// Takes a request that may use so many tokens out of the windows, or takes nothing.
    pub(super) fn admit(&self, tokens: u64, now: Instant) -> Result<Grant, Refusal> {
        let now = self.since_start(now);
        let mut grant = Grant {
            limiter: self.clone(),
            requests: None,
            tokens: None,
        };
        if let Some(window) = &self.requests {
            match window.take(1, now) {
                Ok(tick) => grant.requests = Some(tick),
                Err(full) => return Err(self.refusal(Kind::Requests, full.wait())),
            }
        }
        if let Some(window) = &self.tokens {
            match window.take(tokens, now) {
                Ok(tick) => grant.tokens = Some((tick, tokens)),
                Err(full) => {
                    grant.cancel();
                    return Err(self.refusal(Kind::Tokens(tokens), full.wait()));
                }
            }
        }
        Ok(grant)
    }
}

impl Grant {
    /// Puts what was used in place of what was taken, once it is known.
    pub(super) fn settle(&mut self, used: u64, now: Instant) {
        let (Some(window), Some((tick, taken))) = (&self.limiter.tokens, self.tokens.take()) else {
            return;
        };
        if used < taken {
            window.give_back(tick, taken - used);
        } else if used > taken {
            window.charge(used - taken, self.limiter.since_start(now));
        }
    }

    /// Takes everything back: the request is refused after all.
    pub(super) fn cancel(mut self) {
        if let (Some(window), Some(tick)) = (&self.limiter.requests, self.requests) {
            window.give_back(tick, 1);
        }
        if let (Some(window), Some((tick, taken))) = (&self.limiter.tokens, self.tokens.take()) {
            window.give_back(tick, taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{LimitSettings, Rate};

    static STANDARD: Limit = Limit::new(LimitSettings {
        name: "standard",
        requests: Some(Rate {
            amount: 3,
            per: Duration::from_secs(60),
        }),
        tokens: Some(Rate {
            amount: 100,
            per: Duration::from_secs(60),
        }),
        concurrent: Some(2),
        queue: None,
    });

    fn limiter() -> Held {
        let limiter = Limiter::of(Some(&STANDARD), "test", Owner::Key("web"));
        Held::Settled(Box::leak(limiter.unwrap()))
    }

    fn left(limiter: &Limiter) -> (u64, u64) {
        let mut told = Headers::default();
        limiter.tell(&mut told, Instant::now());
        (
            told.requests.unwrap().remaining,
            told.tokens.unwrap().remaining,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_taken_until_it_is_dropped() {
        let limiter = limiter();
        let places = limiter.places().unwrap();
        let take = || limiter.wait(places, PriorityClass::Normal);
        let (first, _second) = (take().await.unwrap(), take().await.unwrap());
        assert!(limiter.free_place().is_none());
        assert_eq!(take().await.unwrap_err().kind, Kind::Concurrent);
        drop(first);
        assert!(limiter.free_place().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_request_takes_nothing() {
        let limiter = limiter();
        let now = Instant::now();
        let refusal = limiter.admit(101, now).unwrap_err();
        assert_eq!((refusal.kind, refusal.wait), (Kind::Tokens(101), None));
        assert_eq!(left(&limiter), (3, 100));
        for _ in 0..3 {
            limiter.admit(1, now).unwrap();
        }
        assert_eq!(limiter.admit(1, now).unwrap_err().kind, Kind::Requests);
        assert_eq!(left(&limiter), (0, 97));
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_settled_by_what_was_used() {
        let limiter = limiter();
        let now = Instant::now();
        let mut grant = limiter.admit(50, now).unwrap();
        assert_eq!(left(&limiter).1, 50);
        grant.settle(20, now);
        assert_eq!(left(&limiter).1, 80);
        grant.settle(0, now);
        assert_eq!(left(&limiter).1, 80, "settled once");
        limiter.admit(50, now).unwrap().settle(70, now);
        assert_eq!(left(&limiter).1, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_settled_stays_taken() {
        let limiter = limiter();
        limiter.admit(50, Instant::now()).unwrap();
        assert_eq!(left(&limiter).1, 50);
    }

    #[tokio::test(start_paused = true)]
    async fn comes_true_what_a_refusal_says() {
        let limiter = limiter();
        limiter.admit(90, Instant::now()).unwrap();
        let refusal = limiter.admit(20, Instant::now()).unwrap_err();
        let seconds = refusal.retry_after().unwrap();
        assert_eq!(
            refusal.to_string(),
            format!(
                "rate limit reached: the limit `standard` allows 100 tokens per minute, and this \
                 request may take 20; try again in {seconds} seconds"
            )
        );
        tokio::time::advance(Duration::from_secs(seconds)).await;
        assert!(limiter.admit(20, Instant::now()).is_ok());
    }
}

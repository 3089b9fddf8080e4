//! The limits of one key or one model, in use: shared by all workers, without a lock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::limit::refusal::{Kind, Refusal};
use crate::limit::window::{Full, Tick, Window};
use crate::topology::Limit;

/// How soon to come again where requests at once are limited: nobody knows when one will end.
const WAIT_FOR_ONE_TO_END: Duration = Duration::from_secs(1);

/// What a key or a model has taken of its limit.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: &'static Limit,
    started: Instant,
    requests: Option<Window>,
    tokens: Option<Window>,
    running: AtomicU32,
}

/// A request that was admitted. Dropped, it no longer counts among those that run at once.
#[derive(Debug)]
pub(crate) struct Grant {
    limiter: &'static Limiter,
    requests: Option<Tick>,
    tokens: Option<(Tick, u64)>,
}

/// How much is left of what is limited by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// The limit.
    pub(super) limit: u64,
    /// What can be taken at once.
    pub(super) remaining: u64,
    /// How long until all of it can be.
    pub(super) reset: Duration,
}

impl Limiter {
    /// A limiter where there is a limit.
    pub(crate) fn of(limit: Option<&'static Limit>) -> Option<Box<Self>> {
        limit.map(|limit| Box::new(Self::new(limit)))
    }

    /// `limit`, of which nothing is taken.
    pub(super) fn new(limit: &'static Limit) -> Self {
        Self {
            limit,
            started: Instant::now(),
            requests: limit.settings.requests.as_ref().map(Window::new),
            tokens: limit.settings.tokens.as_ref().map(Window::new),
            running: AtomicU32::new(0),
        }
    }

    /// Whether tokens are limited, so that a request's demand has to be known.
    pub(super) fn counts_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Admits a request that may take so many tokens, or takes nothing.
    pub(super) fn admit(&'static self, tokens: u64, now: Instant) -> Result<Grant, Refusal> {
        let now = self.since_start(now);
        let refusal = |kind, wait| Refusal {
            limit: self.limit,
            kind,
            wait,
        };
        if !self.begin_one() {
            return Err(refusal(Kind::Concurrent, Some(WAIT_FOR_ONE_TO_END)));
        }
        // From here on, dropping the grant takes it back.
        let mut grant = Grant {
            limiter: self,
            requests: None,
            tokens: None,
        };
        if let Some(window) = &self.requests {
            match window.take(1, now) {
                Ok(tick) => grant.requests = Some(tick),
                Err(full) => return Err(refusal(Kind::Requests, full.wait())),
            }
        }
        if let Some(window) = &self.tokens {
            match window.take(tokens, now) {
                Ok(tick) => grant.tokens = Some((tick, tokens)),
                Err(full) => {
                    grant.cancel();
                    return Err(refusal(Kind::Tokens(tokens), full.wait()));
                }
            }
        }
        Ok(grant)
    }

    /// What stands longest in the way of a request that may take so many tokens.
    pub(super) fn obstacle(&self, tokens: u64, now: Instant) -> Option<Refusal> {
        let now = self.since_start(now);
        let obstacle = |window: &Option<Window>, kind, amount| {
            let full = window.as_ref()?.room_for(amount, now).err()?;
            let (limit, wait) = (self.limit, full.wait());
            Some(Refusal { limit, kind, wait })
        };
        let requests = obstacle(&self.requests, Kind::Requests, 1);
        let tokens = obstacle(&self.tokens, Kind::Tokens(tokens), tokens);
        requests
            .into_iter()
            .chain(tokens)
            .max_by_key(Refusal::length)
    }

    /// How many requests are left.
    pub(super) fn requests_left(&self, now: Instant) -> Option<Left> {
        self.left(self.requests.as_ref(), now)
    }

    /// How many tokens are left.
    pub(super) fn tokens_left(&self, now: Instant) -> Option<Left> {
        self.left(self.tokens.as_ref(), now)
    }

    fn left(&self, window: Option<&Window>, now: Instant) -> Option<Left> {
        let now = self.since_start(now);
        window.map(|window| Left {
            limit: window.limit(),
            remaining: window.remaining(now),
            reset: window.reset(now),
        })
    }

    fn begin_one(&self) -> bool {
        let Some(most) = self.limit.settings.concurrent else {
            return true;
        };
        let one_more = |running: u32| (running < most).then_some(running + 1);
        self.running
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }

    fn since_start(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }
}

impl Full {
    fn wait(self) -> Option<Duration> {
        match self {
            Self::For(wait) => Some(wait),
            Self::Forever => None,
        }
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

impl Drop for Grant {
    fn drop(&mut self) {
        if self.limiter.limit.settings.concurrent.is_some() {
            self.limiter.running.fetch_sub(1, Ordering::Relaxed);
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

    fn limiter() -> &'static Limiter {
        Box::leak(Box::new(Limiter::new(&STANDARD)))
    }

    fn left(limiter: &Limiter) -> (u64, u64) {
        let now = Instant::now();
        let (requests, tokens) = (limiter.requests_left(now), limiter.tokens_left(now));
        (requests.unwrap().remaining, tokens.unwrap().remaining)
    }

    #[tokio::test(start_paused = true)]
    async fn a_grant_counts_until_it_is_dropped() {
        let limiter = limiter();
        let now = Instant::now();
        let (first, _second) = (limiter.admit(1, now).unwrap(), limiter.admit(1, now));
        let refusal = limiter.admit(1, now).unwrap_err();
        assert_eq!(refusal.kind, Kind::Concurrent);
        drop(first);
        assert!(limiter.admit(1, now).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_request_takes_nothing() {
        let limiter = limiter();
        let now = Instant::now();
        let refusal = limiter.admit(101, now).unwrap_err();
        assert_eq!((refusal.kind, refusal.wait), (Kind::Tokens(101), None));
        assert_eq!(left(limiter), (3, 100));
        for _ in 0..3 {
            limiter.admit(1, now).unwrap();
        }
        assert_eq!(limiter.admit(1, now).unwrap_err().kind, Kind::Requests);
        assert_eq!(left(limiter), (0, 97));
        assert_eq!(limiter.running.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_settled_by_what_was_used() {
        let limiter = limiter();
        let now = Instant::now();
        let mut grant = limiter.admit(50, now).unwrap();
        assert_eq!(left(limiter).1, 50);
        grant.settle(20, now);
        assert_eq!(left(limiter).1, 80);
        grant.settle(0, now);
        assert_eq!(left(limiter).1, 80, "settled once");
        limiter.admit(50, now).unwrap().settle(70, now);
        assert_eq!(left(limiter).1, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_never_settled_stays_taken() {
        let limiter = limiter();
        drop(limiter.admit(50, Instant::now()).unwrap());
        assert_eq!(left(limiter).1, 50);
    }

    #[tokio::test(start_paused = true)]
    async fn comes_true_what_a_refusal_says() {
        let limiter = limiter();
        drop(limiter.admit(90, Instant::now()).unwrap());
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

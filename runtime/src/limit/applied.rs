//! The limits that apply to one request: its caller's and its model's, with what it was granted.

#[cfg(feature = "redis")]
use std::rc::Rc;

use tokio::time::Instant;

use crate::limit::demand::Demand;
use crate::limit::headers::Headers;
use crate::limit::limiter::{Grant, Held, Limiter, Place};
use crate::limit::places::Places;
use crate::limit::quota::Quota;
use crate::limit::refusal::Refusal;
#[cfg(feature = "redis")]
use crate::limit::store::shared::{Shared, Wanted};
#[cfg(feature = "redis")]
use crate::limit::store::{Store, Unshared};
use crate::observe::metrics::Metrics;
use crate::topology::PriorityClass;

/// The limits of one request; nothing at all where there are none.
#[derive(Default)]
pub(crate) struct Applied(Option<Box<Limits>>);

#[derive(Default)]
struct Limits {
    caller: Option<Applying>,
    model: Option<Applying>,
    demand: Demand,
    /// What the store has said, where it was asked.
    #[cfg(feature = "redis")]
    shared: Option<Shared>,
}

struct Applying {
    limiter: Held,
    place: Option<Place>,
    grant: Option<Grant>,
}

/// What a request has used of its tokens, as far as anybody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    /// So many, as the upstream said.
    Tokens(u64),
    /// The prompt was read, and so many tokens were written.
    PromptAnd(u64),
    /// Nothing: no upstream took it.
    Nothing,
    /// All that it was granted, for want of a better word.
    Everything,
}

impl Applied {
    /// The limit of the caller applies.
    pub(crate) fn by_caller(&mut self, quota: Quota<'static>) -> Result<(), Refusal> {
        let limiter = match quota {
            Quota::Unlimited => return Ok(()),
            Quota::Key(limiter) => Held::Settled(limiter),
            #[cfg(feature = "jwt")]
            Quota::Subject(subjects, subject) => subjects.find(subject, Instant::now())?,
        };
        self.limits().caller = Some(Applying::new(limiter));
        Ok(())
    }

    /// The limit of the model applies.
    pub(crate) fn by_model(&mut self, limiter: Option<&'static Limiter>) {
        if let Some(limiter) = limiter {
            self.limits().model = Some(Applying::new(Held::Settled(limiter)));
        }
    }

    /// Admits the request by every limit, or takes nothing of any. Where a limit has a queue, it may have
    /// to wait.
    pub(crate) async fn admit(
        &mut self,
        priority: PriorityClass,
        metrics: &Metrics,
        demand: impl FnOnce() -> Demand,
    ) -> Result<(), Refusal> {
        let Some(limits) = &mut self.0 else {
            return Ok(());
        };
        let counts = |applying: &Applying| applying.limiter.counts_tokens();
        let demand = if limits.all().any(counts) {
            demand()
        } else {
            Demand::default()
        };
        limits.demand = demand;
        let tokens = demand.total();
        limits
            .admit(priority, metrics, tokens)
            .await
            .map_err(|refusal| {
                // What else stands in the way: who waits as long as told shall not be refused again.
                let obstacle = limits.obstacle(tokens, Instant::now());
                let both = obstacle.into_iter().chain([refusal]);
                both.max_by_key(Refusal::length).unwrap_or(refusal)
            })
    }

    /// Admits the request that was admitted here by what all replicas have admitted, or gives back what
    /// it took.
    #[cfg(feature = "redis")]
    pub(crate) async fn share(&mut self, store: &Rc<Store>) -> Result<(), Unshared> {
        let Some(limits) = &mut self.0 else {
            return Ok(());
        };
        let tokens = limits.demand.total();
        let wanted = limits
            .all()
            .flat_map(|applying| Wanted::of(&applying.limiter, tokens));
        let wanted: Vec<Wanted> = wanted.collect();
        // A limit of requests at once alone is the process's own.
        if wanted.is_empty() {
            return Ok(());
        }
        let refused = match store.take(wanted).await {
            Ok(shared) => match limits.shared.insert(shared).refusal() {
                None => return Ok(()),
                Some(refusal) => Unshared::Refused(refusal),
            },
            Err(_) if store.admits_when_away() => return Ok(()),
            Err(_) => Unshared::Unknown,
        };
        limits.cancel();
        Err(refused)
    }

    /// The request is over, `now`: what was taken becomes what was used, and it no longer runs.
    pub(crate) fn settle(&mut self, used: Used, now: Instant) {
        let Some(mut limits) = self.0.take() else {
            return;
        };
        let prompt = limits.demand.prompt;
        let tokens = match used {
            Used::Tokens(tokens) => Some(tokens),
            Used::PromptAnd(output) => Some(prompt.saturating_add(output)),
            Used::Nothing => Some(0),
            Used::Everything => None,
        };
        #[cfg(feature = "redis")]
        if let (Some(shared), Some(tokens)) = (limits.shared.take(), tokens) {
            shared.settle(tokens);
        }
        for applying in limits.all_mut() {
            if let (Some(grant), Some(tokens)) = (&mut applying.grant, tokens) {
                grant.settle(tokens, now);
            }
        }
    }

    /// What the client is told about its limits.
    pub(crate) fn headers(&self) -> Option<Headers> {
        let limits = self.0.as_ref()?;
        let now = Instant::now();
        let mut headers = Headers::default();
        for applying in limits.all() {
            applying.limiter.tell(&mut headers, now);
        }
        #[cfg(feature = "redis")]
        if let Some(shared) = &limits.shared {
            shared.tell(&mut headers);
        }
        Some(headers)
    }

    fn limits(&mut self) -> &mut Limits {
        self.0.get_or_insert_default()
    }
}

impl Limits {
    /// Takes the places first, because a window counts requests at the time when they begin.
    async fn admit(
        &mut self,
        priority: PriorityClass,
        metrics: &Metrics,
        tokens: u64,
    ) -> Result<(), Refusal> {
        // The caller's before the model's, always, so that no two requests wait for each other.
        let caller = match Applying::free_place(&self.caller) {
            Ok(place) => place,
            Err(none) => Some(self.wait(none, priority, metrics, tokens).await?),
        };
        let model = match Applying::free_place(&self.model) {
            Ok(place) => place,
            Err(none) => Some(self.wait(none, priority, metrics, tokens).await?),
        };
        self.take(tokens, Instant::now())?;
        for (applying, place) in [(&mut self.caller, caller), (&mut self.model, model)] {
            if let Some(applying) = applying {
                applying.place = place;
            }
        }
        Ok(())
    }

    /// A place among those that run at once, where none is free.
    async fn wait(
        &self,
        (limiter, places): (&Held, &Places),
        priority: PriorityClass,
        metrics: &Metrics,
        tokens: u64,
    ) -> Result<Place, Refusal> {
        // Nobody waits to be refused at the end.
        if let Some(refusal) = self.obstacle(tokens, Instant::now()) {
            return Err(refusal);
        }
        let _queued = metrics.queued(limiter.limit());
        limiter.wait(places, priority).await
    }

    /// What stands longest in the way of a request that may take so many tokens.
    fn obstacle(&self, tokens: u64, now: Instant) -> Option<Refusal> {
        self.all()
            .filter_map(|applying| applying.limiter.obstacle(tokens, now))
            .max_by_key(Refusal::length)
    }

    fn take(&mut self, tokens: u64, now: Instant) -> Result<(), Refusal> {
        if let Some(caller) = &mut self.caller {
            caller.grant = Some(caller.limiter.admit(tokens, now)?);
        }
        if let Some(model) = &mut self.model {
            match model.limiter.admit(tokens, now) {
                Ok(grant) => model.grant = Some(grant),
                Err(refusal) => {
                    self.cancel();
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    /// Gives everything back.
    fn cancel(&mut self) {
        for applying in self.all_mut() {
            applying.place = None;
            if let Some(grant) = applying.grant.take() {
                grant.cancel();
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Applying> {
        [&self.caller, &self.model].into_iter().flatten()
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Applying> {
        [&mut self.caller, &mut self.model].into_iter().flatten()
    }
}

impl Applying {
    fn new(limiter: Held) -> Self {
        Self {
            limiter,
            place: None,
            grant: None,
        }
    }

    /// A place among those that run at once, where they are limited; or where to wait, as none is free.
    fn free_place(applying: &Option<Self>) -> Result<Option<Place>, (&Held, &Places)> {
        let Some(Self { limiter, .. }) = applying else {
            return Ok(None);
        };
        let Some(places) = limiter.places() else {
            return Ok(None);
        };
        limiter.free_place().map(Some).ok_or((limiter, places))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fixture::dataplane;
    use crate::limit::owner::Owner;
    use crate::topology::{Limit, LimitSettings, Rate};

    const fn tokens(name: &'static str, amount: u64) -> Limit {
        Limit::new(LimitSettings {
            name,
            requests: Some(Rate {
                amount,
                per: Duration::from_secs(60),
            }),
            tokens: Some(Rate {
                amount,
                per: Duration::from_secs(60),
            }),
            concurrent: None,
            queue: None,
        })
    }

    static WIDE: Limit = tokens("wide", 1000);
    static NARROW: Limit = tokens("narrow", 100);

    fn limiter(limit: &'static Limit) -> &'static Limiter {
        Box::leak(Limiter::of(Some(limit), "test", Owner::Key("web")).unwrap())
    }

    fn demand(prompt: u64, output: u64) -> impl FnOnce() -> Demand {
        move || Demand { prompt, output }
    }

    fn left(limiter: &Limiter) -> (u64, u64) {
        let mut told = Headers::default();
        limiter.tell(&mut told, Instant::now());
        (
            told.requests.unwrap().remaining,
            told.tokens.unwrap().remaining,
        )
    }

    async fn admit(applied: &mut Applied, demand: impl FnOnce() -> Demand) -> Result<(), Refusal> {
        let metrics = &dataplane().metrics;
        applied.admit(PriorityClass::Normal, metrics, demand).await
    }

    #[tokio::test]
    async fn without_limits_there_is_nothing() {
        let mut applied = Applied::default();
        applied.by_caller(Quota::Unlimited).unwrap();
        assert!(admit(&mut applied, || panic!("nobody asks")).await.is_ok());
        assert!(applied.headers().is_none());
    }

    #[tokio::test]
    async fn a_request_that_the_model_refuses_costs_its_key_nothing() {
        let (key, model) = (limiter(&WIDE), limiter(&NARROW));
        let mut applied = Applied::default();
        applied.by_caller(Quota::Key(key)).unwrap();
        applied.by_model(Some(model));
        let refusal = admit(&mut applied, demand(1, 100)).await.unwrap_err();
        assert_eq!(refusal.limit.settings.name, "narrow");
        assert_eq!((left(key), left(model)), ((1000, 1000), (100, 100)));
    }

    #[tokio::test]
    async fn the_client_is_told_of_the_narrower_limit() {
        let mut applied = Applied::default();
        applied.by_caller(Quota::Key(limiter(&WIDE))).unwrap();
        applied.by_model(Some(limiter(&NARROW)));
        admit(&mut applied, demand(1, 9)).await.unwrap();
        let headers = applied.headers().unwrap();
        assert_eq!(headers.requests.map(|left| left.remaining), Some(99));
        assert_eq!(headers.tokens.map(|left| left.limit), Some(100));
    }

    #[tokio::test(start_paused = true)]
    async fn of_all_that_stands_in_the_way_the_longest_is_told() {
        let (key, model) = (limiter(&WIDE), limiter(&NARROW));
        let admit = async |amount: u64| {
            let mut applied = Applied::default();
            applied.by_caller(Quota::Key(key)).unwrap();
            applied.by_model(Some(model));
            admit(&mut applied, demand(0, amount)).await
        };
        let take = |limiter, amount| Held::Settled(limiter).admit(amount, Instant::now());
        take(key, 1000).unwrap();
        tokio::time::advance(Duration::from_secs(30)).await;
        take(model, 100).unwrap();
        let refusal = admit(1).await.unwrap_err();
        assert_eq!(refusal.limit.settings.name, "narrow");
        let wait = refusal.retry_after().unwrap();
        assert!((60..=62).contains(&wait), "{wait}");
        assert_eq!(admit(101).await.unwrap_err().wait, None);
        tokio::time::advance(Duration::from_secs(wait)).await;
        assert!(admit(1).await.is_ok());
    }

    #[tokio::test]
    async fn each_end_settles_what_was_used() {
        for (used, expected) in [
            (Used::Tokens(5), 95),
            (Used::PromptAnd(2), 88),
            (Used::Nothing, 100),
            (Used::Everything, 70),
            (Used::Tokens(1000), 0),
        ] {
            let limiter = limiter(&NARROW);
            let mut applied = Applied::default();
            applied.by_caller(Quota::Key(limiter)).unwrap();
            admit(&mut applied, demand(10, 20)).await.unwrap();
            applied.settle(used, Instant::now());
            assert_eq!(left(limiter), (99, expected), "{used:?}");
        }
    }
}

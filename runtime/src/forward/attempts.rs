//! The attempts of one request, one after the other: how many there may still be, until when, and what
//! came of each. Nothing has been sent to the client yet, so after a failure the next may try.

use std::future::Future;
use std::pin::pin;

use prometheus::IntCounter;
use tokio::time::Instant;

use crate::error::Error;
use crate::forward::deadline::{Deadline, OutOfTime};
use crate::forward::{Asked, Taken, outgoing, unasked_usage};
use crate::observe::account::Account;
use crate::observe::metrics::Hedged;
use crate::topology::{Hedge, Model};
use crate::upstream::attempt::attempt;
use crate::upstream::breaker::{Pass, Skipped, Verdict};
use crate::upstream::engaged::Engaged;
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::failure::Failure;
use crate::upstream::live::Live;
use crate::upstream::miss::Miss;
use crate::worker::Worker;

/// The attempts of one request.
pub(super) struct Attempts<'a> {
    pub(super) worker: &'a Worker,
    pub(super) deadline: Deadline,
    account: &'a mut Account,
    asked: &'a Asked<'a>,
    /// How many more there may be.
    left: usize,
    misses: Vec<Missed>,
}

/// An upstream that has not answered for a model.
struct Missed {
    model: &'static Model,
    live: &'static Live,
    miss: Miss,
}

/// What is held while an attempt is being made. Dropped before its end, it says nothing about the
/// upstream.
pub(super) struct Begun {
    model: &'static Model,
    engaged: Engaged,
    /// Its place among the attempts of the request, for spans.
    number: usize,
    /// The place among the misses of the attempt that it repeats.
    repeats: Option<usize>,
    /// The hedge that it is, if it was begun beside a slow one.
    pub(super) hedge: Option<&'static Hedge>,
}

/// What came of an attempt.
pub(super) type Ended = Result<Result<Answer, Failure>, OutOfTime>;

impl<'a> Attempts<'a> {
    /// None yet; the request's time begins.
    pub(super) fn of(worker: &'a Worker, account: &'a mut Account, asked: &'a Asked<'a>) -> Self {
        Self {
            worker,
            deadline: Deadline::of(asked),
            account,
            asked,
            left: worker.dataplane.topology.gateway.max_attempts,
            misses: Vec::new(),
        }
    }

    /// Asks `live` for `model`, if that is of any use.
    pub(super) async fn ask(
        &mut self,
        model: &'static Model,
        live: &'static Live,
    ) -> Option<Taken> {
        let begun = self.begin(model, live)?;
        let ended = self.sent(&begun).await;
        self.end(begun, ended)
    }

    /// Repeats the attempt whose miss has this place.
    pub(super) async fn ask_again(&mut self, place: usize) -> Option<Taken> {
        let &Missed { model, live, .. } = self.misses.get(place)?;
        // Where its circuit has opened meanwhile, the failure is what remains to be said.
        let mut begun = self.admit(model, live).ok()?;
        begun.repeats = Some(place);
        self.worker.dataplane.metrics.retries(live.upstream()).inc();
        let ended = self.sent(&begun).await;
        self.end(begun, ended)
    }

    /// Sends the request of an attempt, and waits for what comes of it within the request's time.
    async fn sent(&self, begun: &Begun) -> Ended {
        let (outgoing, now) = (self.outgoing(begun), Instant::now());
        let sent = pin!(self.send(begun, &outgoing, now));
        let timeouts = begun.engaged.live.timeouts();
        // Who keeps to times of its own that are over sooner needs no other alarm.
        if !self
            .deadline
            .is_over(now + timeouts.connect + timeouts.first_byte)
        {
            return Ok(sent.await);
        }
        // Boxed, as few requests have less time than their upstream: every request would carry its state.
        Box::pin(self.deadline.limit(sent)).await
    }

    /// How many upstreams have not answered.
    pub(super) fn missed(&self) -> usize {
        self.misses.len()
    }

    /// Whether there may be another attempt, at the upstream whose miss has this place, and it may
    /// answer now.
    pub(super) fn is_worth_repeating(&self, place: usize) -> bool {
        let is_of_use = |missed: &Missed| missed.miss.may_pass() && missed.live.is_ready();
        self.may_go_on() && self.misses.get(place).is_some_and(is_of_use)
    }

    /// Whether there may be another attempt.
    pub(super) fn may_go_on(&self) -> bool {
        self.left > 0
    }

    /// Begins an attempt. Without one, the misses say why.
    pub(super) fn begin(&mut self, model: &'static Model, live: &'static Live) -> Option<Begun> {
        if self.is_repetition(live) || !self.may_go_on() {
            return None;
        }
        let admitted = self.admit(model, live);
        if let Err(skipped) = admitted {
            let miss = Miss::Skipped(skipped);
            self.misses.push(Missed { model, live, miss });
        }
        admitted.ok()
    }

    /// Whether `live` was asked for another model already: two models may share an upstream that serves one
    /// model. It gets each request once.
    pub(super) fn is_repetition(&self, live: &Live) -> bool {
        let is_asked = |missed: &Missed| std::ptr::eq(missed.live, live);
        live.served_model.is_some() && self.misses.iter().any(is_asked)
    }

    /// Uses one of the attempts that are left for `live`, unless its circuit is open.
    fn admit(&mut self, model: &'static Model, live: &'static Live) -> Result<Begun, Skipped> {
        let (pass, change) = live.pass()?;
        self.left = self.left.saturating_sub(1);
        self.account.circuit_changed(live.upstream(), change);
        let number = self.account.attempt_begins(model, live);
        Ok(Begun {
            model,
            engaged: Engaged {
                live,
                entered: live.enter(),
                pass,
            },
            number,
            repeats: None,
            hedge: None,
        })
    }

    /// The request of an attempt.
    pub(super) fn outgoing(&self, begun: &Begun) -> Outgoing<'a> {
        let mut outgoing = outgoing(self.worker, self.asked, begun.model, begun.engaged.live);
        outgoing.span = self.account.span_of(begun.number);
        outgoing
    }

    /// Sends the request of an attempt, `now`. Dropping this takes the request back.
    pub(super) fn send<'b>(
        &self,
        begun: &Begun,
        outgoing: &'b Outgoing<'a>,
        now: Instant,
    ) -> impl Future<Output = Result<Answer, Failure>> + use<'a, 'b> {
        let (worker, live) = (self.worker, begun.engaged.live);
        let metrics = &worker.dataplane.metrics;
        attempt(live, worker.pool(live.upstream()), metrics, outgoing, now)
    }

    /// Notes what came of an attempt, and takes the answer if it is one.
    pub(super) fn end(&mut self, begun: Begun, ended: Ended) -> Option<Taken> {
        let mut engaged = begun.engaged;
        let upstream = engaged.live.upstream();
        let miss = match ended {
            Ok(Ok(answer)) => {
                self.account
                    .answered(begun.model, upstream, answer.status, begun.number);
                if let Some(hedge) = begun.hedge {
                    self.hedges(begun.model, hedge, Hedged::Won).inc();
                }
                if !answer.status.is_success() {
                    let change = engaged.pass.settle(Verdict::Answer);
                    self.account.circuit_changed(upstream, change);
                    engaged.pass = Pass::default();
                }
                return Some(Taken {
                    answer,
                    requested: self.asked.requested,
                    model: begun.model,
                    hides_usage: unasked_usage(self.asked, engaged.live).is_some(),
                    engaged,
                    deadline: self.deadline,
                });
            }
            Ok(Err(failure)) => {
                let miss = Miss::Failed(failure);
                let verdict = Verdict::of(failure);
                let change = verdict.and_then(|verdict| engaged.pass.settle(verdict));
                self.account.attempt_failed(begun.number, upstream, &miss);
                self.account.circuit_changed(upstream, change);
                miss
            }
            // Its own times were not over yet, so nothing is said against the upstream.
            Err(OutOfTime) => {
                self.left = 0;
                self.account
                    .attempt_failed(begun.number, upstream, &Miss::OutOfTime);
                Miss::OutOfTime
            }
        };
        match begun.repeats.and_then(|place| self.misses.get_mut(place)) {
            Some(missed) => missed.miss = miss,
            None => self.misses.push(Missed {
                model: begun.model,
                live: engaged.live,
                miss,
            }),
        }
        None
    }

    /// How often this came of the `hedge` of the route of `model`.
    pub(super) fn hedges(&self, model: &Model, hedge: &Hedge, hedged: Hedged) -> &IntCounter {
        let metrics = &self.worker.dataplane.metrics;
        metrics.hedges(model.settings.route, hedge, hedged)
    }

    /// What is said when nobody has answered.
    pub(super) fn in_vain(self) -> Error {
        let misses = self.misses.into_iter();
        let misses = misses.map(|missed| (missed.live.upstream().settings.name, missed.miss));
        Error::NoneAnswered {
            model: self.asked.requested.settings.name,
            misses: misses.collect(),
        }
    }
}

//! A second attempt beside a slow first one: whichever answers first is taken, the other is taken back.

use std::pin::pin;

use decide::walk::Walk;
use tokio::time::{Instant, timeout};

use crate::forward::attempts::{Attempts, Begun};
use crate::forward::deadline::OutOfTime;
use crate::forward::{Seen, Taken};
use crate::observe::metrics::Hedged;
use crate::topology::{Hedge, Model};
use crate::upstream::live::Live;

impl Attempts<'_> {
    /// Asks `live` for `model`. If its first byte takes too long and the budget allows it, the next of
    /// the route is asked as well.
    pub(super) async fn ask_hedged(
        &mut self,
        hedge: &'static Hedge,
        model: &'static Model,
        live: &'static Live,
        walk: &mut Walk<'static, Seen<'_>>,
    ) -> Option<Taken> {
        let first = self.begin(model, live)?;
        let outgoing = self.outgoing(&first);
        // Outlives both attempts, as it is declared before them.
        let second_outgoing;
        let mut answer = pin!(self.send(&first, &outgoing, Instant::now()));
        let ended = {
            let limited = pin!(self.deadline.limit(answer.as_mut()));
            timeout(hedge.settings.after, limited).await
        };
        if let Ok(ended) = ended {
            return self.end(first, ended);
        }
        let Some(second) = self.begin_second(hedge, model, walk) else {
            let ended = self.deadline.limit(answer).await;
            return self.end(first, ended);
        };
        second_outgoing = self.outgoing(&second);
        // Boxed, as it is rare: every request would carry its state.
        let mut second_answer = Box::pin(self.send(&second, &second_outgoing, Instant::now()));
        let ended = {
            let race = pin!(async {
                tokio::select! {
                    biased;
                    answered = &mut answer => (true, answered),
                    answered = &mut second_answer => (false, answered),
                }
            });
            self.deadline.limit(race).await
        };
        let (sooner, answered, later, awaited) = match ended {
            Ok((true, answered)) => (first, answered, second, second_answer.as_mut()),
            Ok((false, answered)) => (second, answered, first, answer),
            Err(OutOfTime) => {
                self.end(first, Err(OutOfTime));
                return self.end(second, Err(OutOfTime));
            }
        };
        // With an answer, the later request is taken back: it is dropped here.
        if let Some(taken) = self.end(sooner, Ok(answered)) {
            return Some(taken);
        }
        let ended = self.deadline.limit(awaited).await;
        self.end(later, ended)
    }

    /// Begins the second attempt, if the next upstream is well and the budget allows it. An upstream
    /// that is not asked now keeps its turn.
    fn begin_second(
        &mut self,
        hedge: &'static Hedge,
        model: &'static Model,
        walk: &mut Walk<'static, Seen<'_>>,
    ) -> Option<Begun> {
        let next = self.worker.dataplane.upstream(walk.peek()?);
        if !self.may_go_on() || self.is_repetition(next) || !next.is_ready() {
            return None;
        }
        if !self.worker.budget(hedge).spend() {
            self.hedges(model, hedge, Hedged::OverBudget).inc();
            return None;
        }
        walk.take_next();
        let mut second = self.begin(model, next)?;
        self.hedges(model, hedge, Hedged::Sent).inc();
        second.hedge = Some(hedge);
        Some(second)
    }
}

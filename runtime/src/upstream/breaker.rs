//! The circuit breaker of an upstream: its [`Circuit`] with a clock, and the pass of a request.

use std::mem;
use std::time::Duration;

use hyper::StatusCode;
use thiserror::Error;
use tokio::time::Instant;

use crate::topology;
use crate::topology::Timeouts;
use crate::upstream::circuit::{Change, Circuit, Entry, Millis, Shut, Snapshot, Ticket};
use crate::upstream::failure::Failure;

/// The circuit breaker of an upstream.
#[derive(Debug)]
pub(crate) struct Breaker {
    circuit: Circuit,
    /// The beginning of its time: a clock that nobody sets.
    epoch: Instant,
}

/// The right to send one request to an upstream. Dropped without a verdict, because the client has
/// gone, it says nothing, and leaves a trial to the next request.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    breaker: Option<&'static Breaker>,
    ticket: Ticket,
    /// Whether it is a trial that has not said anything yet.
    is_trial: bool,
}

/// What a request has shown about its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answered well, to the end.
    Success,
    /// It is there. Whether it works cannot be told from this answer, which may be the client's
    /// doing.
    Answer,
    /// It failed, or was too slow.
    Failure,
    /// It works, and wants to be left alone for this long.
    Busy(Duration),
}

/// Why an upstream is not asked. Clients get to read it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Skipped {
    #[error("failed too often, circuit open for another {retry_after} s")]
    Open { retry_after: u64 },
    #[error("busy for another {retry_after} s")]
    Busy { retry_after: u64 },
    #[error("{}, another request is trying it", reason(*.was_busy))]
    OnTrial { was_busy: bool },
    #[error("taken out of use")]
    Drained,
}

impl Breaker {
    /// A closed breaker for an upstream with these times.
    pub(crate) fn new(settings: &topology::Breaker, timeouts: &Timeouts) -> Self {
        let patience = timeouts.connect + timeouts.first_byte + timeouts.between_chunks;
        Self {
            circuit: Circuit::new(settings.failures, millis(settings.reset), millis(patience)),
            epoch: Instant::now(),
        }
    }

    /// A pass for one request, with the change of state that it begins; or why there is none.
    pub(crate) fn enter(&'static self) -> Result<(Pass, Option<Change>), Skipped> {
        let pass = |ticket, is_trial| Pass {
            breaker: Some(self),
            ticket,
            is_trial,
        };
        // The good path: one read of a word that nobody writes, and no look at the clock.
        if let Some(ticket) = self.circuit.free() {
            return Ok((pass(ticket, false), None));
        }
        match self.circuit.enter(self.now()) {
            Entry::Free(ticket) => Ok((pass(ticket, false), None)),
            Entry::Trial { ticket, is_first } => {
                let change = is_first.then_some(Change::HalfOpened);
                Ok((pass(ticket, true), change))
            }
            Entry::Shut(shut) => Err(match shut {
                Shut::Open(left) => Skipped::Open {
                    retry_after: seconds(left),
                },
                Shut::Busy(left) => Skipped::Busy {
                    retry_after: seconds(left),
                },
                Shut::OnTrial { was_busy } => Skipped::OnTrial { was_busy },
            }),
        }
    }

    /// Whether any request may pass.
    pub(crate) fn is_closed(&self) -> bool {
        self.circuit.is_closed()
    }

    /// What it is like now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.circuit.snapshot(self.now())
    }

    fn now(&self) -> Millis {
        millis(self.epoch.elapsed())
    }
}

impl Pass {
    /// Says how it went. The first word decides a trial; any later one is that of an ordinary request. Of one that
    /// passed before the circuit opened, none counts.
    pub(crate) fn settle(&mut self, verdict: Verdict) -> Option<Change> {
        let breaker = self.breaker?;
        let (circuit, ticket) = (&breaker.circuit, self.ticket);
        let was_trial = mem::take(&mut self.is_trial);
        match verdict {
            Verdict::Success => circuit.succeeded(ticket),
            Verdict::Answer if was_trial => circuit.answered(ticket),
            Verdict::Answer => None,
            Verdict::Failure => circuit.failed(ticket, breaker.now()),
            Verdict::Busy(time) => circuit.busy(ticket, breaker.now(), millis(time)),
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let (Some(breaker), true) = (self.breaker, self.is_trial) {
            breaker.circuit.release(self.ticket);
        }
    }
}

impl Verdict {
    /// What `failure` shows; `None` where the upstream has nothing to do with it.
    pub(crate) fn of(failure: Failure) -> Option<Self> {
        Some(match failure {
            Failure::NoDescriptor | Failure::Exhausted => return None,
            Failure::Status {
                status,
                retry_after: Some(seconds),
            } if status == StatusCode::TOO_MANY_REQUESTS => {
                Self::Busy(Duration::from_secs(seconds))
            }
            // A request may be the reason for any 4xx, 403 of a content filter for one, and for 501
            // where it asks for what this server does not offer. No client can be allowed to shut
            // an upstream for all.
            Failure::Status { status, .. }
                if status.is_client_error() || status == StatusCode::NOT_IMPLEMENTED =>
            {
                Self::Answer
            }
            _ => Self::Failure,
        })
    }
}

impl Skipped {
    /// Seconds until another attempt makes sense, where that is known.
    pub(crate) fn retry_after(self) -> Option<u64> {
        match self {
            Self::Open { retry_after } | Self::Busy { retry_after } => Some(retry_after),
            Self::OnTrial { .. } | Self::Drained => None,
        }
    }
}

fn reason(was_busy: bool) -> &'static str {
    if was_busy {
        "was busy"
    } else {
        "failed too often"
    }
}

fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(millis: Millis) -> u64 {
    millis.div_ceil(1_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::circuit::State;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> &'static Breaker {
        let settings = topology::Breaker {
            failures: 1,
            reset: 30 * SECOND,
        };
        let timeouts = Timeouts {
            connect: SECOND,
            first_byte: SECOND,
            between_chunks: SECOND,
        };
        Box::leak(Box::new(Breaker::new(&settings, &timeouts)))
    }

    fn state(breaker: &Breaker) -> State {
        breaker.snapshot().state
    }

    #[tokio::test(start_paused = true)]
    async fn opens_half_opens_and_closes() {
        let breaker = breaker();
        let (mut pass, _) = breaker.enter().unwrap();
        assert!(pass.settle(Verdict::Failure).is_some());
        assert_eq!(
            breaker.enter().unwrap_err(),
            Skipped::Open { retry_after: 30 }
        );
        tokio::time::advance(30 * SECOND).await;
        let (mut pass, change) = breaker.enter().unwrap();
        assert_eq!(change, Some(Change::HalfOpened));
        assert_eq!(
            breaker.enter().unwrap_err(),
            Skipped::OnTrial { was_busy: false }
        );
        assert_eq!(pass.settle(Verdict::Success), Some(Change::Closed));
        assert!(breaker.enter().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_only_busy_is_not_said_to_have_failed() {
        let breaker = breaker();
        let busy = Verdict::Busy(30 * SECOND);
        breaker.enter().unwrap().0.settle(busy);
        tokio::time::advance(30 * SECOND).await;
        let trial = breaker.enter().unwrap();
        assert_eq!(
            breaker.enter().unwrap_err().to_string(),
            "was busy, another request is trying it"
        );
        drop(trial);
        assert!(!breaker.snapshot().failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_trial_is_left_to_the_next_request() {
        let breaker = breaker();
        breaker.enter().unwrap().0.settle(Verdict::Failure);
        tokio::time::advance(30 * SECOND).await;
        drop(breaker.enter().unwrap());
        assert_eq!(state(breaker), State::HalfOpen);
        let (mut pass, _) = breaker.enter().unwrap();
        assert_eq!(pass.settle(Verdict::Answer), Some(Change::Closed));
        // What comes after the sign of life is the failure of an ordinary request.
        assert!(pass.settle(Verdict::Failure).is_some());
        assert_eq!(state(breaker), State::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_from_before_an_opening_does_not_open_it_again() {
        let breaker = breaker();
        let (mut early, _) = breaker.enter().unwrap();
        breaker.enter().unwrap().0.settle(Verdict::Failure);
        tokio::time::advance(30 * SECOND).await;
        let (mut trial, _) = breaker.enter().unwrap();
        assert_eq!(trial.settle(Verdict::Answer), Some(Change::Closed));
        assert_eq!(early.settle(Verdict::Failure), None);
        assert_eq!(state(breaker), State::Closed);
        // Nor does its success forgive what the trial has yet to make good.
        assert_eq!(early.settle(Verdict::Success), None);
        assert!(trial.settle(Verdict::Failure).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_nobody_waits_for_says_nothing() {
        let breaker = breaker();
        drop(breaker.enter().unwrap());
        assert_eq!(state(breaker), State::Closed);
    }

    #[test]
    fn what_a_client_may_be_the_reason_of_is_no_failure() {
        let verdict = |status: u16, retry_after| {
            let status = StatusCode::from_u16(status).unwrap();
            let failure = Failure::Status {
                status,
                retry_after,
            };
            Verdict::of(failure).unwrap()
        };
        for status in [401, 403, 407, 429, 501] {
            assert_eq!(verdict(status, None), Verdict::Answer, "{status}");
        }
        assert_eq!(verdict(429, Some(7)), Verdict::Busy(7 * SECOND));
        assert_eq!(verdict(503, Some(7)), Verdict::Failure);
        assert_eq!(verdict(302, None), Verdict::Failure);
        let late = Verdict::of(Failure::FirstByteTimeout);
        assert_eq!(late, Some(Verdict::Failure));
        assert_eq!(Verdict::of(Failure::NoDescriptor), None);
    }
}

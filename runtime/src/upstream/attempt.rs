//! One attempt to get a response from an upstream. It ends with an answer worth relaying or with a
//! [`Failure`]. What to try next is not decided here.

use tokio::time::Instant;

use crate::observe::metrics::Metrics;
use crate::observe::outcome::Outcome;
use crate::topology::Upstream;
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::failure::Failure;
use crate::upstream::live::{Live, Target};
#[cfg(feature = "mock")]
use crate::upstream::mock;
use crate::upstream::pool::SharedPool;

/// Sends `request` to the upstream `live`, at this time, over a connection of `pool` where it has one, and waits
/// for the first byte of the response: of its head, or of its body where that is a stream.
///
/// Dropping the future takes the request back: the connection is closed at once.
pub(crate) async fn attempt(
    live: &Live,
    pool: &SharedPool,
    metrics: &Metrics,
    request: &Outgoing<'_>,
    started: Instant,
) -> Result<Answer, Failure> {
    let upstream = live.upstream();
    let underway = Underway { metrics, upstream };
    let answered = exchange(live, pool, request, started).await;
    underway.ended();
    let outcome = match answered {
        Ok(answer) => match Failure::of_status(answer.status, &answer.headers) {
            None => Ok(answer),
            Some(failure) => {
                answer.source.discard();
                Err(failure)
            }
        },
        Err(failure) => Err(failure),
    };
    metrics
        .upstream_latency(upstream)
        .observe(started.elapsed().as_secs_f64());
    match &outcome {
        // It is counted when its body has ended, well or not.
        Ok(_) => live.health.note(true),
        Err(failure) => {
            metrics.upstream_request(upstream, failure.outcome());
            if let Some(good) = failure.shows_health() {
                live.health.note(good);
            }
        }
    }
    outcome
}

/// Sends `request` to `live`, `now`, and waits for the first byte of a response, of any status. Nothing is
/// noted about the upstream.
pub(crate) async fn exchange(
    live: &Live,
    pool: &SharedPool,
    request: &Outgoing<'_>,
    now: Instant,
) -> Result<Answer, Failure> {
    match &live.target {
        Target::Http(http, _) => http.exchange(pool, live.timeouts(), request, now).await,
        #[cfg(feature = "mock")]
        Target::Mock(mock) => Ok(mock::answer(*mock, request)),
    }
}

/// An attempt without an outcome yet. Dropped before it has one, because nobody waits for it any more,
/// it is counted as cancelled: an upstream that hangs must not look like one that nobody asks.
struct Underway<'a> {
    metrics: &'a Metrics,
    upstream: &'static Upstream,
}

impl Underway<'_> {
    /// What comes of the attempt is known.
    fn ended(self) {
        std::mem::forget(self);
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.metrics
            .upstream_request(self.upstream, Outcome::Cancelled);
    }
}

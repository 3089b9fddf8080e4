//! The time that a request has in all: for all of its attempts and for the response.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::forward::Asked;

/// When a request has to be over; most never have to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

/// The time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfTime;

impl Deadline {
    /// The deadline of `asked`, which begins now.
    pub(crate) fn of(asked: &Asked<'_>) -> Self {
        let settings = &asked.requested.settings;
        Self::after(if asked.operation.generates() && asked.scan.streams {
            settings.total_streamed
        } else {
            settings.total
        })
    }

    /// So long from now, if at all.
    pub(crate) fn after(total: Option<Duration>) -> Self {
        Self(total.map(|total| Instant::now() + total))
    }

    /// What `future` gives, if it does in time. What is ready at the deadline is in time.
    pub(crate) async fn limit<F: Future>(
        self,
        future: Pin<&mut F>,
    ) -> Result<F::Output, OutOfTime> {
        match self.0 {
            None => Ok(future.await),
            Some(due) => timeout_at(due, future).await.map_err(|_| OutOfTime),
        }
    }

    /// Whether there is time left after such a pause.
    pub(super) fn outlasts(self, pause: Duration) -> bool {
        self.0.is_none_or(|due| Instant::now() + pause < due)
    }

    /// Whether the time is over at `now`.
    pub(crate) fn is_over(self, now: Instant) -> bool {
        self.0.is_some_and(|due| due <= now)
    }

    /// The deadline, or `time` where that is sooner.
    pub(crate) fn or_sooner(self, time: Instant) -> Instant {
        self.0.map_or(time, |due| due.min(time))
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn cuts_off_what_takes_longer() {
        let began = Instant::now();
        let deadline = Deadline::after(Some(SECOND));
        assert_eq!(deadline.limit(pin!(ready(7))).await, Ok(7));
        assert_eq!(deadline.limit(pin!(pending::<()>())).await, Err(OutOfTime));
        assert!(began.elapsed() < 2 * SECOND && deadline.is_over(Instant::now()));
        // An upstream's own time that ends with it is the upstream's failure.
        assert_eq!(deadline.limit(pin!(ready(7))).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_ends_with_it_is_too_long() {
        let deadline = Deadline::after(Some(SECOND));
        assert!(deadline.outlasts(SECOND / 2) && !deadline.outlasts(SECOND));
        assert!(Deadline::after(None).outlasts(3600 * SECOND));
    }
}

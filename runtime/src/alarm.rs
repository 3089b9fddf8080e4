//! An alarm that is put off, and not set anew for each thing that is waited for.
//!
//! Nearly all that is waited for comes long before it is late. To set a timer and to take it back costs more than to
//! look at one, so what waits again and again keeps its alarm, and only looks whether it is early once it goes off.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// An alarm, which is set when it is first waited for.
#[derive(Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when it is `due`, which may be another time whenever this is asked.
    pub(crate) fn poll(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if alarm.deadline() > due {
            alarm.as_mut().reset(due);
        }
        // Not of the task's turn, which it may have used up: what never ceases to come would put it off for ever.
        while pin!(unconstrained(alarm.as_mut())).poll(cx).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(due);
        }
        Poll::Pending
    }

    /// What `future` comes to, or `None` where it is `due` before that. What is ready when it is due is in time.
    pub(crate) fn limit<F: Future>(
        &mut self,
        due: Instant,
        mut future: Pin<&mut F>,
    ) -> impl Future<Output = Option<F::Output>> {
        poll_fn(move |cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.poll(due, cx).map(|()| None),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::Waker;
    use std::time::Duration;

    use tokio::task::coop;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn goes_off_when_it_is_due_whenever_it_was_due_before() {
        let mut alarm = Alarm::default();
        for wait in [2, 5, 1, 1, 0, 3] {
            let begun = Instant::now();
            let due = begun + wait * SECOND;
            assert_eq!(alarm.limit(due, pin!(pending::<()>())).await, None);
            assert!(begun.elapsed() >= wait * SECOND);
            assert!(begun.elapsed() < wait * SECOND + SECOND / 10);
            // Set for later than the next one is due.
            let far = Instant::now() + 60 * SECOND;
            assert!(
                poll_fn(|cx| Poll::Ready(alarm.poll(far, cx)))
                    .await
                    .is_pending()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_whoever_asked_last() {
        let mut alarm = Alarm::default();
        let due = Instant::now() + SECOND;
        let mut other = Context::from_waker(Waker::noop());
        assert!(alarm.poll(due, &mut other).is_pending());
        let waits = tokio::spawn(async move { alarm.limit(due, pin!(pending::<()>())).await });
        assert_eq!(waits.await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn goes_off_however_much_comes_meanwhile() {
        let mut alarm = Alarm::default();
        let due = Instant::now() + SECOND;
        let mut other = Context::from_waker(Waker::noop());
        assert!(alarm.poll(due, &mut other).is_pending());
        tokio::time::advance(2 * SECOND).await;
        let mut endless = pin!(poll_fn(|cx| {
            while let Poll::Ready(turn) = coop::poll_proceed(cx) {
                turn.made_progress();
            }
            Poll::<()>::Pending
        }));
        let mut limited = pin!(alarm.limit(due, endless.as_mut()));
        let polled = poll_fn(|cx| Poll::Ready(limited.as_mut().poll(cx))).await;
        assert_eq!(polled, Poll::Ready(None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_is_in_time() {
        let mut alarm = Alarm::default();
        let now = Instant::now();
        assert_eq!(alarm.limit(now, pin!(ready(7))).await, Some(7));
    }
}

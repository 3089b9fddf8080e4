//! Telling a worker's connections that a stop was asked for, and its streams that the time for their end
//! is over, at no cost to those that are never told.
//!
//! A connection is polled for every piece of every body; a flag in a cell is all that it looks at
//! then.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// One worker's stop, or the end of what was in flight then.
#[derive(Default)]
pub(crate) struct Drain {
    begun: Cell<bool>,
    next: Cell<u64>,
    waiting: RefCell<HashMap<u64, Waker>>,
}

impl Drain {
    /// Tells everybody who waits.
    pub(crate) fn begin(&self) {
        self.begun.set(true);
        for (_, waker) in self.waiting.take() {
            waker.wake();
        }
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// What `future` comes to, or `None` once it has begun. Whoever polls this sees to
    /// it that they are woken then ([`Begun::poll_too`]).
    pub(crate) fn cuts<F: Future + Unpin>(
        &self,
        mut future: F,
    ) -> impl Future<Output = Option<F::Output>> {
        poll_fn(move |cx| match Pin::new(&mut future).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.begun.get() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
    }

    /// Waits for the stop. To be awaited by one task only.
    pub(crate) fn begun(self: &Rc<Self>) -> Begun {
        Begun {
            drain: Rc::clone(self),
            id: None,
        }
    }
}

/// Ready when the stop has begun.
pub(crate) struct Begun {
    drain: Rc<Drain>,
    id: Option<u64>,
}

impl Begun {
    /// Polls `future`, and sees to it that this is done once more when it has begun.
    pub(crate) fn poll_too<F: Future + ?Sized>(
        &mut self,
        future: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let polled = future.poll(cx);
        if polled.is_pending() {
            // Only to be woken.
            let _ = Pin::new(self).poll(cx);
        }
        polled
    }
}

impl Future for Begun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.drain.begun.get() {
            return Poll::Ready(());
        }
        // The waker of a task stays the same, so it is left once.
        if self.id.is_none() {
            let id = self.drain.next.get();
            self.drain.next.set(id + 1);
            self.drain
                .waiting
                .borrow_mut()
                .insert(id, cx.waker().clone());
            self.id = Some(id);
        }
        Poll::Pending
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.drain.waiting.borrow_mut().remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn wakes_everybody_who_waits() {
        let drain = Rc::new(Drain::default());
        let begin = async { drain.begin() };
        tokio::join!(drain.begun(), drain.begun(), begin);
        drain.begun().await;
    }

    #[tokio::test]
    async fn cuts_what_is_not_ready_when_it_begins() {
        let drain = Rc::new(Drain::default());
        assert_eq!(drain.cuts(ready(7)).await, Some(7));
        let mut begun = drain.begun();
        let mut cut = pin!(drain.cuts(std::future::pending::<()>()));
        let cut = poll_fn(|cx| begun.poll_too(cut.as_mut(), cx));
        let begin = async { drain.begin() };
        assert_eq!(tokio::join!(cut, begin).0, None);
    }

    #[tokio::test]
    async fn forgets_who_no_longer_waits() {
        let drain = Rc::new(Drain::default());
        let mut begun = drain.begun();
        poll_fn(|cx| {
            assert!(Pin::new(&mut begun).poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(drain.waiting.borrow().len(), 1);
        drop(begun);
        assert_eq!(drain.waiting.borrow().len(), 0);
    }
}

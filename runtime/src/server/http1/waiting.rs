//! Waiting for the head of a request: for as long as it may take, and no longer than the gateway serves.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::error;
use crate::server::client::Client;
use crate::server::drain::Begun;
use crate::server::http1::request::Head;
use crate::server::http1::wire::Wire;

/// The patience of one connection.
pub(super) struct Waiting {
    read_timeout: Duration,
    /// Goes off when the head may be late; it is put off then, and not set anew for each.
    alarm: Pin<Box<Sleep>>,
    /// Whether it knows whom to wake: the waker of a task stays the same, so it is left once.
    is_set: bool,
    drain: Begun,
    /// How long a connection is kept then that sends no request.
    quiet: Duration,
}

impl Waiting {
    pub(super) fn new(client: &Client) -> Self {
        let read_timeout = client.gateway().read_timeout;
        Self {
            read_timeout,
            alarm: Box::pin(sleep(read_timeout)),
            is_set: false,
            drain: client.drain.begun(),
            quiet: client.quiet(),
        }
    }

    /// Waits for the head of a request: what is wrong with it, or `None` where no more requests are to be served.
    pub(super) async fn next(&mut self, wire: &RefCell<Wire>) -> Result<Option<Head>, error::Head> {
        let mut due = Instant::now() + self.read_timeout;
        let mut is_last = false;
        let next = poll_fn(|cx| {
            let mut wire = wire.borrow_mut();
            if let Poll::Ready(next) = wire.poll_head(cx) {
                return Poll::Ready(next);
            }
            if !is_last && Pin::new(&mut self.drain).poll(cx).is_ready() {
                // It may send one more request, with whose response it hears that it ends.
                is_last = true;
                due = due.min(Instant::now() + self.quiet);
            }
            if self.alarm.deadline() > due {
                self.alarm.as_mut().reset(due);
            }
            let is_set = std::mem::replace(&mut self.is_set, true);
            if is_set && !self.alarm.is_elapsed() {
                return Poll::Pending;
            }
            while self.alarm.as_mut().poll(cx).is_ready() {
                if Instant::now() >= due {
                    // A kept connection that is not used ends without a word.
                    let is_late = wire.has_begun();
                    return Poll::Ready(match is_late {
                        true => Err(error::Head::Late),
                        false => Ok(None),
                    });
                }
                self.alarm.as_mut().reset(due);
            }
            Poll::Pending
        });
        next.await
    }
}

//! Waiting for the head of a request: for as long as a connection may be idle and then as a head may take, and no
//! longer than the gateway serves.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::error;
use crate::server::client::Client;
use crate::server::drain::Begun;
use crate::server::http1::request::Head;
use crate::server::http1::wire::Wire;

/// The patience of one connection.
pub(super) struct Waiting {
    read_timeout: Duration,
    /// Goes off when a head is late.
    alarm: Alarm,
    drain: Begun,
    /// How long a connection is kept then that sends no request.
    quiet: Duration,
}

impl Waiting {
    pub(super) fn new(client: &Client) -> Self {
        let read_timeout = client.gateway().read_timeout;
        Self {
            read_timeout,
            alarm: Alarm::default(),
            drain: client.drain.begun(),
            quiet: client.quiet(),
        }
    }

    /// Waits for the head of a request: what is wrong with it, or `None` where no more requests are to be served.
    pub(super) async fn next(&mut self, wire: &RefCell<Wire>) -> Result<Option<Head>, error::Head> {
        let mut due = Instant::now() + self.read_timeout;
        let mut has_begun = false;
        let mut is_last = false;
        let next = poll_fn(|cx| {
            let mut wire = wire.borrow_mut();
            if let Poll::Ready(next) = wire.poll_head(cx) {
                return Poll::Ready(next);
            }
            if !has_begun && wire.has_begun() {
                has_begun = true;
                // Its time begins with its first byte, however long the connection was not used. At the end there is
                // no more of it.
                if !is_last {
                    due = Instant::now() + self.read_timeout;
                }
            }
            if !is_last && Pin::new(&mut self.drain).poll(cx).is_ready() {
                // It may send one more request, with whose response it hears that it ends.
                is_last = true;
                due = due.min(Instant::now() + self.quiet);
            }
            // A kept connection that is not used ends without a word.
            self.alarm.poll(due, cx).map(|()| match wire.has_begun() {
                true => Err(error::Head::Late),
                false => Ok(None),
            })
        });
        next.await
    }
}

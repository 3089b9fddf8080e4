//! The body of a request as whoever reads it has it.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;

use bytes::Bytes;

use crate::api::body::Unread;
use crate::server::http1::wire::Wire;

/// A request's body, still on its connection. What is not read of it the connection passes over.
pub(crate) struct Incoming(Rc<RefCell<Wire>>);

impl Incoming {
    /// The body of the request whose head was taken from `wire` last.
    pub(super) fn new(wire: &Rc<RefCell<Wire>>) -> Self {
        Self(Rc::clone(wire))
    }

    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        poll_fn(|cx| self.0.borrow_mut().poll_piece(cx))
            .await
            .transpose()
    }

    /// How many bytes are yet to come, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.0.borrow().left()
    }

    /// Whether all of it was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.borrow().is_at_end()
    }
}

//! The signals that ask for a stop: SIGTERM, and SIGINT from a terminal.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for signals, from its making on.
pub(crate) struct Signals {
    terminate: RefCell<Signal>,
    interrupt: RefCell<Signal>,
}

impl Signals {
    /// Takes the signals over from their default, which is to end the process.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: RefCell::new(signal(SignalKind::terminate())?),
            interrupt: RefCell::new(signal(SignalKind::interrupt())?),
        })
    }

    /// Waits for the next signal that asks for a stop.
    pub(crate) async fn stop_asked(&self) {
        poll_fn(|cx| {
            let terminate = self.terminate.borrow_mut().poll_recv(cx);
            let interrupt = self.interrupt.borrow_mut().poll_recv(cx);
            if terminate.is_ready() || interrupt.is_ready() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

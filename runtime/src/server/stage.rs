//! What the supervisor and the workers tell each other.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, watch};

use crate::dataplane::Dataplane;
use crate::observe::log::Sink;
use crate::observe::reports::Sinks;
use crate::server::listener::Holder;

/// How far the process is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Serving.
    Serving,
    /// A stop was asked for: nothing new, what is in flight may end.
    Draining,
    /// The time for that is over: streams are told so.
    Cutting,
    /// Nobody is waited for any more.
    Ended,
}

/// Held by a worker as long as it takes permits for connections. Nothing is sent: that the last one is dropped says all.
/// The supervisor asks for the permits only then, as whoever waits for permits keeps others from taking any.
pub(crate) type Taking = mpsc::Sender<Infallible>;

/// What all workers share.
#[derive(Clone)]
pub(crate) struct Shared {
    /// The topology in use.
    pub(crate) dataplane: &'static Dataplane,
    /// One permit for each connection that may be open, and one for each worker that accepts any.
    pub(crate) permits: Arc<Semaphore>,
    /// How many requests of HTTP/2 each worker may have at once: the streams of all connections together are as
    /// many as there may be connections, however many streams each has.
    #[cfg(feature = "http2")]
    pub(crate) places: usize,
    /// Who holds the listening sockets.
    pub(crate) holder: Holder,
    /// The stage, as it changes.
    pub(crate) stage: watch::Receiver<Stage>,
    /// Where lines go.
    pub(crate) sink: Sink,
    /// Where requests are reported to beside lines.
    pub(crate) sinks: Sinks,
}

//! Who is at the other end of a connection, and who serves them.

use std::net::IpAddr;
use std::rc::Rc;
#[cfg(feature = "http2")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "http2")]
use tokio::sync::Semaphore;

use crate::server::drain::Drain;
use crate::server::http1::scratch::Scratch;
use crate::topology::Gateway;
use crate::worker::Worker;

/// The longest that a connection without a request is kept after a stop was asked for. HTTP/1.1 has no way to end
/// it that cannot cross with a request; so it may send one more, and hears with the answer that it ends. Idle
/// connections of OpenAI's SDKs are not used again after 4 s (Node) and 5 s (Python).
const QUIET: Duration = Duration::from_secs(5);

/// Who serves a client's connection, and who the client is.
pub(crate) struct Client {
    pub(crate) worker: Rc<Worker>,
    pub(crate) drain: Rc<Drain>,
    /// The worker's memory for what goes out over HTTP/1.1.
    pub(crate) scratch: Rc<Scratch>,
    /// How many requests of HTTP/2 the worker may have at once; more wait.
    #[cfg(feature = "http2")]
    pub(crate) places: Arc<Semaphore>,
    pub(crate) ip: IpAddr,
}

impl Client {
    /// The front door.
    pub(super) fn gateway(&self) -> &'static Gateway {
        &self.worker.dataplane.topology.gateway
    }

    /// How long a connection without a request is kept after a stop was asked for.
    pub(super) fn quiet(&self) -> Duration {
        // A stop must not go beyond its time for connections that nobody uses.
        QUIET.min(self.gateway().shutdown_grace / 2)
    }

    /// What comes of `opening`, a connection's time before its first request: it is bounded, and ends soon when a
    /// stop is asked for.
    #[cfg(any(feature = "certificates", feature = "http2"))]
    pub(super) async fn open<T>(&self, opening: impl Future<Output = Option<T>>) -> Option<T> {
        let stop = async {
            self.drain.begun().await;
            tokio::time::sleep(self.quiet()).await;
        };
        tokio::select! {
            opened = opening => opened,
            () = tokio::time::sleep(self.gateway().read_timeout) => None,
            () = stop => None,
        }
    }
}

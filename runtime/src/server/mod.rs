//! The process around the request path: listening sockets, workers, connections, and the way to
//! stop.
//!
//! One thread for each worker, with its own listening socket on the shared port, its own event
//! loop, its own connections in both directions. The kernel spreads new connections over them, and
//! a connection stays with its worker; so nothing on the request path is shared under a lock.

pub(crate) mod client;
mod connection;
mod descriptors;
pub(crate) mod drain;
pub(crate) mod http1;
#[cfg(feature = "http2")]
mod http2;
mod listener;
mod manager;
#[cfg(feature = "http2")]
mod opening;
mod refusal;
#[cfg(feature = "certificates")]
mod secure;
mod signals;
mod stage;
pub(crate) mod supervisor;
mod thread;

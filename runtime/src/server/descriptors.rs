//! File descriptors: enough of them for the connections that the topology allows.
//!
//! Without, an upstream that is well would be blamed for a connection that this process could not open.

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Sink;

/// For the log, the listeners, the event queues and short-lived files.
const OTHERS: u64 = 64;

/// Raises this process's own limit to what the system lets it have, and warns if that is too few for
/// `connections` of clients, each with one to an upstream; with `http2`, for as many streams besides.
pub(super) fn provide(connections: usize, http2: bool, sink: &Sink) {
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_mul(if http2 { 3 } else { 2 })
        .saturating_add(OTHERS);
    let message = match rlimit::increase_nofile_limit(wanted) {
        Ok(available) if available >= wanted => return,
        Ok(available) => format!(
            "{available} file descriptors are too few for the connections allowed: raise the limit of open \
             files to {wanted}, or lower `max_connections`"
        ),
        Err(error) => format!("cannot see how many file descriptors there may be: {error}"),
    };
    sink.line(&Line::new(Level::Warn, "nexus.server", &message));
}

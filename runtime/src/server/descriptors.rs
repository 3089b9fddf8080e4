//! File descriptors: enough of them for the connections that the topology allows.
//!
//! Without, an upstream that is well would be blamed for a connection that this process could not open.

use decide::descriptors::{OTHERS, needed};

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Sink;

/// Raises this process's own limit to what the system lets it have: enough for `connections` of clients, each
/// with one to an upstream; with `http2`, for as many streams besides. Returns how many connections there may be:
/// where they would leave none for upstreams, fewer, and a warning says so. Who comes then waits in the kernel's
/// queue, and who is connected is served.
pub(super) fn provide(connections: usize, http2: bool, sink: &Sink) -> usize {
    let wanted = needed(u64::try_from(connections).unwrap_or(u64::MAX), http2);
    let (possible, message) = match rlimit::increase_nofile_limit(wanted) {
        Ok(available) if available >= wanted => return connections,
        Ok(available) => {
            let possible = connections.min(fitting(available));
            let least = if possible < connections {
                format!("are enough for {possible} connections and no more")
            } else {
                "are too few for all streams that connections of HTTP/2 may have".to_owned()
            };
            let message = format!(
                "{available} file descriptors {least}: raise the limit of open files to {wanted}, or lower \
                 `max_connections`"
            );
            (possible, message)
        }
        Err(error) => (
            connections,
            format!("cannot see how many file descriptors there may be: {error}"),
        ),
    };
    sink.line(&Line::new(Level::Warn, "nexus.server", &message));
    possible
}

/// How many connections so many descriptors are enough for, each with one to an upstream.
fn fitting(descriptors: u64) -> usize {
    let pairs = descriptors.saturating_sub(OTHERS) / 2;
    usize::try_from(pairs).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_one_to_an_upstream() {
        assert_eq!(fitting(1024), 480);
        assert_eq!([0, OTHERS, OTHERS + 1].map(fitting), [1; 3]);
    }
}

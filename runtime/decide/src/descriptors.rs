//! How many files a process opens at once: what it asks of the system, and what it is deployed with.

/// For the log, the listeners, the event queues and short-lived files.
pub const OTHERS: u64 = 64;

/// Enough for so many `connections` of clients, each with one to an upstream; with `http2`, for as many streams
/// besides.
pub fn needed(connections: u64, http2: bool) -> u64 {
    connections
        .saturating_mul(if http2 { 3 } else { 2 })
        .saturating_add(OTHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_of_http2_has_an_upstream_of_its_own() {
        assert_eq!(needed(100, false), 264);
        assert_eq!(needed(100, true), 364);
        assert_eq!(needed(u64::MAX, true), u64::MAX);
    }
}

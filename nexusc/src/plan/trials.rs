//! How often an upstream is tried while it fails, and so how far alerts about that have to look back: where its circuit
//! is open, failures come at the pace of its trials, and not at that of requests.

use std::time::Duration;

use crate::ir::Topology;

const MINUTE: Duration = Duration::from_secs(60);

/// What alerts look at where nothing is that slow.
const USUAL: Duration = Duration::from_secs(5 * 60);

/// So many trials are waited for. Who wants to hear of more failures than that has many replicas, and all of them try.
pub const MOST: u64 = 100;

/// The longest from one trial of an upstream that fails to the next, where there are breakers: the circuit is open for
/// `reset`, and then a request has to come that finds out. That may take as long again, or as long as an attempt.
pub fn pace(topology: &Topology) -> Option<Duration> {
    let upstreams = topology.upstreams.iter().filter_map(|upstream| {
        let reset = upstream.breaker.as_ref()?.reset;
        let attempt = upstream.timeouts.connect + upstream.timeouts.first_byte;
        Some(reset + reset.max(attempt))
    });
    upstreams.max()
}

/// A time in which an upstream that fails, and is asked, has failed.
pub fn lately(topology: &Topology) -> Duration {
    pace(topology).map_or(USUAL, |pace| whole(pace + MINUTE))
}

/// A time in which it has failed more often than that.
pub fn time_of(failures: u64, topology: &Topology) -> Duration {
    let trials = u32::try_from(failures.min(MOST) + 2).unwrap_or(u32::MAX);
    let times = pace(topology).map(|pace| whole(pace.saturating_mul(trials)));
    times.unwrap_or(USUAL).max(lately(topology))
}

/// The same in whole minutes, and not less than is usual.
fn whole(time: Duration) -> Duration {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let minutes = seconds.div_ceil(60).saturating_mul(60);
    Duration::from_secs(minutes).max(USUAL)
}

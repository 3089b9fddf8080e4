//! How long anything is waited for.

use std::time::Duration;

use tokio::time::timeout;

/// How often something that must be quick is tried at most.
const ATTEMPTS: usize = 30;

/// The longest that anything is waited for: far longer than anything takes that works, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that must come.
///
/// # Panics
/// When it has not come after [`PATIENCE`].
pub async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// Tries something that must be quick again and again, until it has taken less than `limit` once: a machine that
/// stalls can make any one attempt slow, and not all of them.
///
/// # Panics
/// When every attempt took longer.
pub async fn once_within(limit: Duration, mut attempt: impl AsyncFnMut() -> Duration) {
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        best = best.min(attempt().await);
        if best < limit {
            return;
        }
    }
    panic!("the quickest of {ATTEMPTS} attempts took {best:?}, not less than {limit:?}");
}

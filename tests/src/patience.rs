//! How long anything is waited for.

use std::time::Duration;

use tokio::time::timeout;

/// The longest that anything is waited for: far longer than anything takes that works, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

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

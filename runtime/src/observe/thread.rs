//! The end of a thread that writes or sends for others.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Waits until `thread` has ended, but not longer than `limit`: what does not take what it is given must
/// not keep the process alive. Whether it has.
pub(super) fn ends_within(thread: JoinHandle<()>, limit: Duration) -> bool {
    let (done, finished) = sync_channel::<()>(1);
    // The channel closes, and the wait ends, when the waiting thread does.
    std::thread::spawn(move || {
        let _ = thread.join();
        drop(done);
    });
    finished.recv_timeout(limit) == Err(RecvTimeoutError::Disconnected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_hangs_is_not_waited_for() {
        let thread = std::thread::spawn(|| {});
        assert!(ends_within(thread, Duration::from_secs(60)));
        let (_open, never) = sync_channel::<()>(1);
        let thread = std::thread::spawn(move || {
            let _ = never.recv();
        });
        assert!(!ends_within(thread, Duration::from_millis(1)));
    }
}

//! A panic while one request is served must not cost the other requests anything.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// What `future` gives, or `None` where it panicked. It stays where it is pinned: the future of a
/// request is too large to be moved around.
pub(crate) fn caught<F: Future>(
    mut future: Pin<&mut F>,
) -> impl Future<Output = Option<F::Output>> + Unpin {
    poll_fn(move |cx| {
        // What a request leaves in an odd state is dropped with it.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn passes_on_what_comes() {
        assert_eq!(caught(pin!(async { 7 })).await, Some(7));
    }

    #[tokio::test]
    async fn survives_a_panic() {
        let panicking = async {
            tokio::task::yield_now().await;
            assert_eq!(1, 2, "on purpose");
        };
        assert_eq!(caught(pin!(panicking)).await, None);
    }
}

//! Reads before writes.
//!
//! What is written to another process wakes it, and to wake a core that sleeps is the dearest thing that a request does.
//! Where each message is written as soon as it is made, the other side has dealt with the last one and sleeps again;
//! where many are written one right after the other, the first of them wakes it for all. So a worker reads all that it
//! knows to have come over any of its connections, and works on it, before it writes. Nothing is waited for, and nobody
//! is asked whether there is more: a connection that is alone writes at once.

use std::future::poll_fn;
use std::task::Poll;

/// Ready when what has come over other connections was read.
pub(crate) async fn after_reads() {
    let mut is_first = true;
    poll_fn(|cx| {
        if !std::mem::take(&mut is_first) {
            return Poll::Ready(());
        }
        // To the end of the queue of those that can run. Tokio's `yield_now` looks at what has come meanwhile as well:
        // for a system call and more, each time, it finds little.
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What happens first: what others can do, which is to read what has come for them, or that `write` writes to `far`.
#[cfg(test)]
pub(crate) async fn order(
    write: impl Future,
    mut far: tokio::io::DuplexStream,
) -> [Option<&'static str>; 2] {
    use tokio::io::AsyncReadExt;
    use tokio::sync::mpsc::unbounded_channel;

    let (note, mut noted) = unbounded_channel();
    let other = note.clone();
    tokio::spawn(async move { other.send("read") });
    tokio::select! {
        biased;
        // Whoever has written may wait for an answer, or be at the end.
        () = async { write.await; std::future::pending().await } => {}
        _ = far.read_u8() => note.send("written").unwrap(),
    }
    [noted.recv().await, noted.recv().await]
}

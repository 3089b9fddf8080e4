//! Reads before writes.
//!
//! What is written to another process wakes it, and to wake a core that sleeps is the dearest thing that a request does.
//! Where each message is written as soon as it is made, the other side has dealt with the last one and sleeps again;
//! where many are written one right after the other, the first of them wakes it for all. So a worker reads whatever has
//! come over any of its connections, and works on it, before it writes. Nothing is waited for: a connection that is alone
//! writes at once.

use std::cell::Cell;

thread_local! {
    /// Whether somebody has yielded since [`begin`].
    static YIELDED: Cell<bool> = const { Cell::new(false) };
}

/// Begins the turn of a task.
pub(crate) fn begin() {
    YIELDED.set(false);
}

/// Whether the task whose turn it is comes again at once, whatever else it waits for.
pub(crate) fn comes_again() -> bool {
    YIELDED.get()
}

/// Ready when what has come over other connections was read.
pub(crate) async fn after_reads() {
    YIELDED.set(true);
    // The runtime goes on with whoever yields after all others that can run, and after a look at what has come.
    tokio::task::yield_now().await;
}

/// What happens first: that what has come over another connection is read, or that `write` writes to `far`.
#[cfg(test)]
pub(crate) async fn order(
    write: impl Future,
    mut far: tokio::io::DuplexStream,
) -> [Option<&'static str>; 2] {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (mut other, _) = listener.accept().await.unwrap();
    other.write_all(b"1").await.unwrap();
    let order = Cell::new([None; 2]);
    let note = |what| {
        let [first, _] = order.get();
        order.set([first.or(Some(what)), first.and(Some(what))]);
    };
    let both = async {
        let read = async {
            near.read_u8().await.unwrap();
            note("read");
        };
        let written = async {
            far.read_u8().await.unwrap();
            note("written");
        };
        tokio::join!(biased; read, written)
    };
    tokio::select! {
        biased;
        // Whoever has written may wait for an answer, or be at the end.
        () = async { write.await; std::future::pending().await } => {}
        _ = both => {}
    }
    order.get()
}

//! Where the connections of a thread read to, in turns: what comes lands here, and what is needed of it is copied to
//! memory of its own size. So a connection that waits holds no buffer, and one read is enough for most of what comes.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::task::coop;

use crate::h1::stream::Stream;

/// The most that is read at once, in bytes.
pub(crate) const SIZE: usize = 64 * 1024;

/// How many bytes count as much as a read of few, when a task has had its turn. Tokio counts reads, 128 of them: of
/// [`SIZE`] bytes each that would be 8 MiB to work through, for tens of milliseconds, while all others wait.
const SHARE: usize = 2 * 1024;

thread_local! {
    static LANDING: RefCell<Box<[u8]>> = RefCell::new(vec![0; SIZE].into());
}

/// What `read` makes of the memory, which is [`SIZE`] bytes.
pub(crate) fn with<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    LANDING.with_borrow_mut(|landing| read(landing))
}

/// Reads at most `most` bytes of what has come, to the end of `received`; 0 where nothing will come any more.
pub(crate) fn poll_read(
    stream: &mut Stream,
    received: &mut BytesMut,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    poll_land(stream, most, cx, |landed| {
        if received.capacity() == 0 {
            *received = BytesMut::from(landed);
        } else {
            received.extend_from_slice(landed);
        }
    })
}

/// Reads what has come, and keeps nothing of it; 0 where nothing will come any more.
pub(crate) fn poll_skip(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    poll_land(stream, SIZE, cx, |_| ())
}

fn poll_land(
    stream: &mut Stream,
    most: usize,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    with(|landing| {
        let mut landed = ReadBuf::new(landing.get_mut(..most).unwrap_or_default());
        ready!(Pin::new(stream).poll_read(cx, &mut landed))?;
        take(landed.filled());
        let read = landed.filled().len();
        count(read, SHARE, cx);
        Poll::Ready(Ok(read))
    })
}

/// Reads what has come of a body of which so many bytes are `left`, if that is known: to where it stays, if it is
/// long.
pub(crate) fn poll_read_body(
    stream: &mut Stream,
    received: &mut BytesMut,
    left: Option<u64>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    if left.is_none_or(|left| left < SIZE as u64) {
        return poll_read(stream, received, SIZE, cx);
    }
    received.reserve(SIZE);
    let read = pin!(stream.read_buf(received));
    let read = ready!(read.poll(cx))?;
    count(read, SHARE, cx);
    Poll::Ready(Ok(read))
}

/// Counts so many bytes that were read, each `share` of them as a read, so that a task that has many to read lets others
/// have their turn.
pub(crate) fn count(read: usize, share: usize, cx: &mut Context<'_>) {
    for _ in 0..read / share {
        match coop::poll_proceed(cx) {
            Poll::Ready(turn) => turn.made_progress(),
            Poll::Pending => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncWriteExt, duplex};
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn one_fast_connection_leaves_others_their_turn() {
        const COME: usize = 32 * SIZE;
        for length in [None, Some(u64::MAX)] {
            let (near, mut far) = duplex(COME);
            far.write_all(&vec![b'x'; COME]).await.unwrap();
            let mut stream = Stream::Memory(near);
            let mut left = COME;
            while left > 0 {
                yield_now().await;
                let of_a_turn = poll_fn(|cx| {
                    let mut read = 0;
                    while let Poll::Ready(more) =
                        poll_read_body(&mut stream, &mut BytesMut::new(), length, cx)
                    {
                        read += more.unwrap();
                    }
                    Poll::Ready(read)
                });
                let of_a_turn = of_a_turn.await;
                assert!(of_a_turn <= 8 * SIZE, "{of_a_turn} bytes in a turn");
                left -= of_a_turn;
            }
        }
    }
}

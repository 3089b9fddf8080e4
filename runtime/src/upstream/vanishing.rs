//! How the kernel finds out that the machine of an upstream is gone: a cable, a node or a partition closes no
//! connection. Of one that is there the kernel answers, however long the model works; so silence of some seconds is an
//! error of the connection, and costs a request nothing.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// For how long a machine may not acknowledge what it is sent.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a connection may be silent before the kernel asks whether the other end is there. Together with the probes
/// this is [`SILENCE`], so that a lost packet or two change nothing.
const QUIET: Duration = Duration::from_secs(2);

/// Between two probes.
const INTERVAL: Duration = Duration::from_secs(1);

/// So many probes go unanswered.
const PROBES: u32 = 3;

/// The longest request that a server need not read for its machine to take it, in bytes. To the kernel, a server that does
/// not read what fills its window is a machine that is gone (tcp(7)); the smallest windows that are in use have 64 KiB, of
/// which small packets waste some.
const TAKEN_UNREAD: usize = 16 * 1024;

/// Has the kernel look after a new connection, for a request that is not long.
pub(super) fn watch(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    // Counts while something was sent that is not acknowledged.
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    // Counts while there is nothing of that kind: the model is at work, or the connection waits for a request.
    let probes = TcpKeepalive::new()
        .with_time(QUIET)
        .with_interval(INTERVAL)
        .with_retries(PROBES);
    socket.set_tcp_keepalive(&probes)
}

/// Whether a request of this length may meet a full window, and a server that takes its time to read it.
pub(super) fn is_long(length: usize) -> bool {
    length > TAKEN_UNREAD
}

/// Lets a server take its time to read a long request, or ends that for one that is not. Probes are asked as ever, so
/// that it is known of a long request too, once it has arrived.
pub(super) fn allow_pauses(stream: &TcpStream, allowed: bool) {
    let limit = (!allowed).then_some(SILENCE);
    // A socket that takes no options is closed already, which its next use will tell.
    let _ = SockRef::from(stream).set_tcp_user_timeout(limit);
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_kernel_is_to_find_out_which_upstream_has_vanished() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap());
        let stream = stream.await.unwrap();
        watch(&stream).unwrap();
        let socket = SockRef::from(&stream);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(SILENCE));
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), QUIET);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), INTERVAL);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
        // With a user timeout, the first unanswered probe after it is the last.
        assert_eq!(QUIET + PROBES * INTERVAL, SILENCE);
    }
}

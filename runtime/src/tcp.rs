//! Connections of TCP as the gateway wants them, to whom it asks and from its clients.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::upstream::failure::Failure;

/// How long a connection may be silent before the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Connects to `host`: tries every address of the name, each with its part of the time that is left.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    deadline: Instant,
) -> Result<TcpStream, Failure> {
    let addresses = lookup_host((host, port))
        .await
        .map_err(|error| own(&error).unwrap_or(Failure::NameNotFound))?;
    connect_to_one_of(addresses.collect(), deadline).await
}

async fn connect_to_one_of(
    addresses: Vec<SocketAddr>,
    deadline: Instant,
) -> Result<TcpStream, Failure> {
    let mut failure = None;
    let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let now = Instant::now();
        let part = deadline.saturating_duration_since(now) / untried;
        untried -= 1;
        let of_address = match timeout_at(now + part, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Failure::Refused,
            Ok(Err(error)) => own(&error).unwrap_or(Failure::ConnectFailed),
            Err(_) => Failure::ConnectTimeout,
        };
        // A name may have addresses of a family that this machine has none of: that excuses no other.
        if failure.is_none() || !of_address.is_own() {
            failure = Some(of_address);
        }
    }
    Err(failure.unwrap_or(Failure::NameNotFound))
}

/// The failure that `error` is if this process, or the machine, has not what it takes to connect.
fn own(error: &io::Error) -> Option<Failure> {
    match error.raw_os_error()? {
        libc::EMFILE | libc::ENFILE => Some(Failure::NoDescriptor),
        libc::EADDRNOTAVAIL | libc::ENOBUFS | libc::ENOMEM => Some(Failure::Exhausted),
        _ => None,
    }
}

/// Has the kernel write without delay, and close the connection where the other side has vanished, or takes nothing for
/// as long as `write_timeout`: both at no cost to a request.
pub(crate) fn prepare(socket: &TcpStream, write_timeout: Duration) -> io::Result<()> {
    // Pieces of a stream are written when they come and must not wait for acknowledgements.
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    // Counts while data is on its way, and while the other side's window is full.
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    // Counts while there is nothing to send: the upstream may be at work for a client that is gone. And what forwards
    // connections, such as a load balancer, forgets those that are silent for minutes.
    let probes = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE);
    socket.set_tcp_keepalive(&probes)
}

/// Sees to it that `socket` was prepared with this time.
#[cfg(test)]
pub(crate) fn assert_prepared(socket: &TcpStream, write_timeout: Duration) {
    assert!(socket.nodelay().unwrap());
    let socket = SockRef::from(socket);
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(write_timeout));
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE);
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::task::JoinSet;

    use super::*;

    #[test]
    fn what_the_gateway_lacks_is_not_the_upstreams_fault() {
        let own = |number| own(&io::Error::from_raw_os_error(number));
        for number in [
            libc::EMFILE,
            libc::ENFILE,
            libc::EADDRNOTAVAIL,
            libc::ENOBUFS,
            libc::ENOMEM,
        ] {
            let failure = own(number).unwrap_or_else(|| panic!("{number}"));
            assert_eq!(failure.shows_health(), None, "{number}");
        }
        for number in [libc::ECONNREFUSED, libc::EHOSTUNREACH, libc::ENETUNREACH] {
            assert_eq!(own(number), None, "{number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_says_nothing_leaves_time_for_the_next() {
        // Its queue is full, and nobody accepts.
        let silent = TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = silent.listen(0).unwrap();
        let mut waiting: JoinSet<_> = (0..8)
            .map(|_| TcpStream::connect(silent.local_addr().unwrap()))
            .collect();
        let _held = waiting.join_next().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = [&silent, &listener].map(|listener| listener.local_addr().unwrap());
        let deadline = Instant::now() + Duration::from_secs(20);
        let connected = connect_to_one_of(addresses.into(), deadline).await.unwrap();
        assert_eq!(connected.peer_addr().unwrap(), addresses[1]);
    }

    #[tokio::test]
    async fn the_kernel_is_to_find_out_who_has_vanished() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap());
        let socket = socket.await.unwrap();
        prepare(&socket, Duration::from_secs(7)).unwrap();
        assert_prepared(&socket, Duration::from_secs(7));
    }
}

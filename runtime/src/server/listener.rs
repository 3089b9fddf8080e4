//! Listening sockets: one for each worker, all on the same port (`SO_REUSEPORT`).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

/// Why there is no listening socket.
#[derive(Debug, Error)]
pub(crate) enum BindError {
    #[error("cannot listen on {address}: another process listens there")]
    Taken { address: SocketAddr },
    #[error("cannot listen on {address}: {error}")]
    Other {
        address: SocketAddr,
        error: io::Error,
    },
}

/// How many connections the kernel keeps for a worker that has yet to accept them.
const BACKLOG: i32 = 4096;

/// Binds `count` sockets to `address`. Port 0 gives all of them the same free port.
pub(crate) fn bind(
    address: SocketAddr,
    count: NonZeroUsize,
) -> Result<Vec<TcpListener>, BindError> {
    let explained = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::Taken { address },
        _ => BindError::Other { address, error },
    };
    if address.port() != 0 {
        // With `SO_REUSEPORT` alone, a second gateway of the same user would silently take half of
        // the first one's connections.
        unshared(address).map_err(explained)?;
    }
    let first = shared(address).map_err(explained)?;
    let chosen = first.local_addr().map_err(explained)?;
    let mut listeners = vec![first];
    for _ in 1..count.get() {
        listeners.push(shared(chosen).map_err(explained)?);
    }
    Ok(listeners)
}

/// The address that all of `listeners` have.
pub(crate) fn address(listeners: &[TcpListener]) -> io::Result<SocketAddr> {
    let first = listeners.first().ok_or(io::ErrorKind::NotConnected)?;
    first.local_addr()
}

/// Binds a socket as if it were to be the only one, and closes it.
fn unshared(address: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Connections that linger from an earlier run do not count.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

fn shared(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

    fn free() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn all_workers_share_one_free_port() {
        let listeners = bind(free(), TWO).unwrap();
        let ports: Vec<_> = listeners
            .iter()
            .map(|one| one.local_addr().unwrap().port())
            .collect();
        assert_eq!(ports[0], ports[1]);
        assert_ne!(ports[0], 0);
    }

    #[test]
    fn a_port_that_is_taken_is_refused_even_if_its_owner_shares() {
        let listeners = bind(free(), TWO).unwrap();
        let taken = address(&listeners).unwrap();
        assert!(matches!(bind(taken, TWO), Err(BindError::Taken { .. })));
        drop(listeners);
        assert!(bind(taken, TWO).is_ok());
    }
}

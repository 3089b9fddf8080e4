//! Listening sockets, one for each worker: bound here, all on the same port (`SO_REUSEPORT`), or handed over by
//! systemd or another parent (`LISTEN_FDS`), which goes on to hold them.
//!
//! What waits in the queue of a socket that was handed over waits for whoever serves it next, so a new binary
//! takes the place of an old one without a connection being lost. The queue of a socket of one's own ends with it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use listenfd::ListenFd;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
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
    #[error("LISTEN_FDS: descriptor {descriptor} is not a TCP socket that listens: {error}")]
    NoListener { descriptor: usize, error: io::Error },
    #[error(
        "LISTEN_FDS: {sockets} sockets are too many for {workers} workers: set NEXUS_WORKERS to {sockets} or more"
    )]
    TooMany { sockets: usize, workers: usize },
}

/// How many connections the kernel keeps for a worker that has yet to accept them.
const BACKLOG: i32 = 4096;

/// The first descriptor that a parent hands over (`sd_listen_fds(3)`).
const FIRST_DESCRIPTOR: usize = 3;

/// The listening sockets of a process.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// One for each worker.
    pub(crate) sockets: Vec<TcpListener>,
    /// Who holds them.
    pub(crate) holder: Holder,
}

/// Who holds the listening sockets, and so what waits in their queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// This process: what waits when it closes them is lost.
    Process,
    /// Its parent as well: what waits is served by the next process.
    Parent,
}

/// The sockets for `workers`: those that were handed over, or else new ones bound to `address`.
///
/// To be called while the process has one thread, because it takes `LISTEN_FDS` and `LISTEN_PID` out of the
/// environment.
pub(crate) fn open(address: SocketAddr, workers: NonZeroUsize) -> Result<Listeners, BindError> {
    let handed = handed_over()?;
    if handed.is_empty() {
        let sockets = bind(address, workers)?;
        let holder = Holder::Process;
        return Ok(Listeners { sockets, holder });
    }
    Ok(Listeners {
        sockets: share(&handed, workers)?,
        holder: Holder::Parent,
    })
}

fn handed_over() -> Result<Vec<TcpListener>, BindError> {
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for index in 0..handed.len() {
        let taken = handed.take_tcp_listener(index).and_then(|socket| {
            let socket = socket.ok_or(io::ErrorKind::NotFound)?;
            if !SockRef::from(&socket).is_listener()? {
                return Err(io::Error::other("it does not listen"));
            }
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        sockets.push(taken.map_err(|error| BindError::NoListener {
            descriptor: FIRST_DESCRIPTOR + index,
            error,
        })?);
    }
    Ok(sockets)
}

/// A handle of one of `sockets` for each of `workers`, so that no socket is without a worker.
fn share(sockets: &[TcpListener], workers: NonZeroUsize) -> Result<Vec<TcpListener>, BindError> {
    let workers = workers.get();
    if sockets.len() > workers {
        return Err(BindError::TooMany {
            sockets: sockets.len(),
            workers,
        });
    }
    let turns = sockets.iter().enumerate().cycle().take(workers);
    let handles = turns.map(|(index, socket)| {
        socket.try_clone().map_err(|error| BindError::NoListener {
            descriptor: FIRST_DESCRIPTOR + index,
            error,
        })
    });
    handles.collect()
}

/// Binds `count` sockets to `address`. Port 0 gives all of them the same free port.
fn bind(address: SocketAddr, count: NonZeroUsize) -> Result<Vec<TcpListener>, BindError> {
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

    #[test]
    fn no_socket_that_was_handed_over_is_without_a_worker() {
        let sockets: Vec<_> = (0..3).map(|_| shared(free()).unwrap()).collect();
        let ports = |sockets: &[TcpListener]| -> Vec<u16> {
            let ports = sockets
                .iter()
                .map(|socket| socket.local_addr().unwrap().port());
            ports.collect()
        };
        assert_eq!(
            ports(&share(&sockets[..2], TWO).unwrap()),
            ports(&sockets[..2])
        );
        assert_eq!(
            ports(&share(&sockets[..1], TWO).unwrap()),
            ports(&sockets[..1]).repeat(2)
        );
        let refused = share(&sockets, TWO).unwrap_err().to_string();
        assert!(
            refused.ends_with("set NEXUS_WORKERS to 3 or more"),
            "{refused}"
        );
    }
}

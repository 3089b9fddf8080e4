//! Servers that are worse than a fake model.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

/// A port that answers nothing at all: its queue of connections is full, so that the kernel drops every
/// attempt to connect, as for a machine that is gone.
#[derive(Debug)]
pub struct SilentServer {
    address: SocketAddr,
    _listener: Socket,
    _queue: Vec<Socket>,
}

impl SilentServer {
    /// Starts on a free port.
    ///
    /// # Panics
    /// When there is none, or the queue cannot be filled.
    pub fn start() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).expect("a free port");
        listener.listen(0).expect("a bound socket can listen");
        let address = listener
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket());
        let address = address.expect("a bound socket has an address");
        Self {
            address,
            _queue: fill(&address.into()),
            _listener: listener,
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Connects until a connection is not made at once.
fn fill(address: &SockAddr) -> Vec<Socket> {
    let mut queue = Vec::new();
    for _ in 0..16 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        match socket.connect_timeout(address, Duration::from_millis(50)) {
            Ok(()) => queue.push(socket),
            Err(error) if error.kind() == ErrorKind::TimedOut => return queue,
            Err(error) => panic!("cannot connect: {error}"),
        }
    }
    panic!("the queue of connections does not fill up");
}

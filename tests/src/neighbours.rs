//! Servers that are worse than a fake model.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::crowd::deafen;
use crate::patience::patiently;

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

/// A server whose machine vanishes: no connection is closed, and none is acknowledged any more.
#[derive(Debug)]
pub struct VanishingServer {
    listener: TcpListener,
    connections: Vec<TcpStream>,
}

impl VanishingServer {
    /// Starts on a free port.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        Self {
            listener: listener.expect("a free port"),
            connections: Vec::new(),
        }
    }

    /// Its base URL.
    ///
    /// # Panics
    /// When the system does not say where it listens.
    pub fn url(&self) -> String {
        let address = self.listener.local_addr();
        format!("http://{}", address.expect("it listens"))
    }

    /// Waits for a new connection, and for a request that ends like this.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn hear(&mut self, end: &str) {
        let accepted = patiently("a connection", self.listener.accept()).await;
        let (mut connection, _) = accepted.expect("it listens");
        let mut request = Vec::new();
        while !request.ends_with(end.as_bytes()) {
            let read = patiently("a request", connection.read_buf(&mut request)).await;
            let request = String::from_utf8_lossy(&request);
            assert!(matches!(read, Ok(1..)), "no `{end}` in {request}");
        }
        self.connections.push(connection);
    }

    /// Answers what it heard last.
    ///
    /// # Panics
    /// When that cannot be told.
    pub async fn answer(&mut self, response: &str) {
        let connection = self.connections.last_mut().expect("somebody has asked");
        let written = connection.write_all(response.as_bytes()).await;
        written.expect("somebody waits");
    }

    /// Its machine is gone.
    pub fn vanish(&self) {
        deafen(SockRef::from(&self.listener));
        for connection in &self.connections {
            deafen(SockRef::from(connection));
        }
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

//! A port for a server that has to be told where to listen.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A port of this machine that nobody is given by chance for as long as this is there. Who names it can listen on it, as
/// servers do (`SO_REUSEADDR`); as long as nobody does, connections are refused.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// Bound, and never listening.
    _held: Socket,
}

impl Port {
    /// One that was free.
    ///
    /// # Panics
    /// When none is.
    pub(crate) fn reserve() -> Self {
        let reserve = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
            let address = socket.local_addr()?.as_socket();
            std::io::Result::Ok((address, socket))
        };
        let (address, held) = reserve().expect("there is a free port");
        Self {
            address: address.expect("a port is one of IP"),
            _held: held,
        }
    }

    /// Where to listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

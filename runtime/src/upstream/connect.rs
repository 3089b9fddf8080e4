//! Opening a connection to an upstream: name, TCP, TLS, all within one time limit.

use std::time::Duration;

#[cfg(feature = "certificates")]
use rustls::ClientConfig;
use tokio::time::{Instant, timeout};

use crate::address::Address;
use crate::h1::stream::Stream;
use crate::tcp;
#[cfg(feature = "certificates")]
use crate::tls::credential::Credential;
use crate::upstream::connection::Connection;
use crate::upstream::failure::Failure;
#[cfg(feature = "tls")]
use crate::upstream::tls::Tls;
use crate::upstream::vanishing;

/// Where connections lead.
pub(crate) struct Destination {
    /// Host and port.
    pub(crate) address: Address,
    /// The encryption; `None` for plain connections.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Destination {
    /// The destination at `address`, or why there can be none.
    pub(crate) fn new(address: Address) -> Result<Self, &'static str> {
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: if address.tls() {
                Some(Tls::of_the_web(address.host())?)
            } else {
                None
            },
            address,
        })
    }

    /// The destination at `address`, encrypted by `credential`; its certificate must have the name
    /// `server_name`, or else that of the address.
    #[cfg(feature = "certificates")]
    pub(crate) fn encrypted(
        address: Address,
        credential: Credential<ClientConfig>,
        server_name: Option<&str>,
    ) -> Result<Self, &'static str> {
        let name = server_name.unwrap_or_else(|| address.host());
        Ok(Self {
            tls: Some(Tls::own(name, credential)?),
            address,
        })
    }
}

/// Connects to `destination` within `limit`.
pub(crate) async fn connect(
    destination: &Destination,
    limit: Duration,
) -> Result<Connection, Failure> {
    timeout(limit, open(destination, limit))
        .await
        .unwrap_or(Err(Failure::ConnectTimeout))
}

async fn open(destination: &Destination, limit: Duration) -> Result<Connection, Failure> {
    let deadline = Instant::now() + limit;
    let address = &destination.address;
    let stream = tcp::connect(address.host(), address.port(), deadline).await?;
    // A request is written in one piece and must not wait for an acknowledgement.
    stream
        .set_nodelay(true)
        .and_then(|()| vanishing::watch(&stream))
        .map_err(|_| Failure::ConnectFailed)?;
    #[cfg(feature = "tls")]
    if let Some(tls) = &destination.tls {
        let stream = Stream::Tls(Box::new(tls.connect(stream).await?.into()));
        return Ok(Connection::new(stream));
    }
    Ok(Connection::new(Stream::Plain(stream)))
}

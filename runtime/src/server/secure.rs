//! TLS with a client: the handshake, before a byte of HTTP.

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::server::client::Client;

/// Shakes hands with the client on `stream`, by the certificate of this moment. `None` where that fails, which is
/// counted, and logged for those who look for it: on an open port it is an everyday thing.
pub(super) async fn accept(client: &Client, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    let dataplane = client.worker.dataplane;
    let configuration = dataplane.tls.as_ref()?.current();
    match TlsAcceptor::from(configuration).accept(stream).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            dataplane.metrics.tls.handshake_failed();
            if client.worker.log.wants(Level::Debug) {
                let message = format!("no TLS with this client: {error}");
                let mut line = Line::new(Level::Debug, "nexus.tls", &message);
                line.client_ip = Some(client.ip);
                client.worker.log.line(&line);
            }
            None
        }
    }
}

/// Whether the client and the gateway agreed on HTTP/2, by ALPN.
#[cfg(feature = "http2")]
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

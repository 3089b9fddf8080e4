//! An open connection to an upstream, and the task that drives it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use crate::upstream::failure::Failure;

/// A connection to an upstream.
pub(crate) struct Connection {
    /// Takes requests, one at a time.
    pub(crate) sender: http1::SendRequest<Full<Bytes>>,
    /// The task that drives the connection; it ends by itself when `sender` is dropped while idle.
    pub(crate) task: AbortHandle,
}

/// Speaks HTTP/1.1 over `stream`.
pub(crate) async fn handshake<S>(stream: S) -> Result<Connection, Failure>
where
    TokioIo<S>: Read + Write + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|_| Failure::ConnectFailed)?;
    let task = tokio::task::spawn_local(async move {
        // Its error, if any, is also the answer to the request that it was serving.
        let _ = connection.await;
    });
    Ok(Connection {
        sender,
        task: task.abort_handle(),
    })
}

//! A request whose head cannot be understood: answered like any other that is refused, with an error object, ids,
//! a log line and a count. And the end of a connection whose client may still be sending.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use hyper::{HeaderMap, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::error::{Error, Head};
use crate::h1::stream::Stream;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::trace::Trace;
use crate::server::client::Client;

/// How much of what a client goes on sending is still read, so that it gets to see its answer.
const LINGER_BYTES: usize = 1024 * 1024;

/// How long that, and the answer, may take.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);

/// Answers a request that has `fault` for a head, over what is left of its connection.
pub(super) async fn refuse(client: &Client, mut stream: Stream, fault: Head) {
    let error = Error::Head(fault);
    let trace = Trace::identify(&HeaderMap::new(), None);
    account(client, &error, &trace);
    let mut response = error.into_response();
    trace.mark_response(response.headers_mut());
    let written = written(&response);
    let told = timeout(LINGER_TIME, stream.write_all(&written));
    // A client that does not want its answer has gone.
    if let Ok(Ok(())) = told.await {
        take_leave(stream, true).await;
    }
}

/// Closes `stream` after a last response. The client `may_send` more: closed then, the connection would be reset,
/// and the response lost on its way.
pub(super) async fn take_leave(mut stream: Stream, may_send: bool) {
    let left = async {
        stream.shutdown().await?;
        if may_send {
            let mut rest = stream.take(LINGER_BYTES as u64);
            let mut buffer = vec![0; 8192];
            while rest.read(&mut buffer).await? != 0 {}
        }
        io::Result::Ok(())
    };
    // It has gone, or had its time.
    let _ = timeout(LINGER_TIME, left).await;
}

fn account(client: &Client, error: &Error, trace: &Trace) {
    let status = error.status();
    let worker = &client.worker;
    worker.dataplane.metrics.refused_head(status);
    if worker.log.wants(Level::Info) {
        let message = error.to_string();
        let mut line = Line::new(Level::Info, "nexus.access", &message);
        line.request_id = Some(trace.request_id());
        line.trace_id = Some(trace.trace_id());
        line.status = Some(status.as_u16());
        line.client_ip = Some(client.ip);
        worker.log.line(&line);
    }
}

/// `response` as HTTP/1.1, the last one of its connection.
fn written(response: &Response<Bytes>) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let length = response.body().len();
    let mut bytes = format!(
        "HTTP/1.1 {} {reason}\r\nconnection: close\r\ncontent-length: {length}\r\n",
        status.as_str()
    )
    .into_bytes();
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(response.body());
    bytes
}

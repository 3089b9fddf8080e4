//! A request whose head cannot be understood: answered like any other that is refused, with an error object, ids,
//! a log line and a count. And the end of a connection whose client may still be sending.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use decide::log::ACCESS;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::error::{Error, Head};
use crate::h1::landing;
use crate::h1::stream::Stream;
use crate::message::Response;
use crate::message::headers::Headers;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::trace::Trace;
use crate::server::client::Client;

/// How much of what a client goes on sending is still read, in bytes, so that it gets to see its answer.
pub(super) const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// How long that, and the answer, may take.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);

/// The answer to a request that has `fault` for a head, which is logged and counted.
pub(super) fn answer(client: &Client, fault: Head) -> Response {
    let error = Error::Head(fault);
    let trace = Trace::identify(&Headers::default(), None);
    account(client, &error, &trace);
    let mut response = error.into_response();
    trace.mark_response(&mut response.headers);
    response
}

/// Closes `stream` after a last response. The client `may_send` more: closed then, the connection would be reset,
/// and the response lost on its way.
pub(super) async fn take_leave(mut stream: Stream, may_send: bool) {
    let left = async {
        stream.shutdown().await?;
        let mut left = if may_send { LINGER_BYTES } else { 0 };
        while left > 0 {
            match poll_fn(|cx| landing::poll_skip(&mut stream, cx)).await? {
                0 => break,
                more => left = left.saturating_sub(more),
            }
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
        let mut line = Line::new(Level::Info, ACCESS, &message);
        line.trace = Some(trace);
        line.status = Some(status.as_u16());
        line.client_ip = Some(client.ip);
        worker.log.line(&line);
    }
}

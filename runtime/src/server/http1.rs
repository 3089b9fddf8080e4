//! HTTP/1.1 and 1.0: requests one after the other, until either side has enough.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;

use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::pipeline;
use crate::server::client::{Client, FIRST_REQUEST};
use crate::server::refusal::{self, Last, Overheard, Progress};

/// Serves a connection to its end.
pub(super) async fn serve<S>(client: &Client, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let asked = Cell::new(false);
    let progress = Rc::new(Progress::default());
    let service = service_fn(|request: Request<Incoming>| {
        asked.set(true);
        let answering = progress.begin();
        // Whatever a proxy before the gateway took the end of such a request for, nothing follows it (RFC 9112,
        // 6.1).
        let is_chunked = request.body().size_hint().exact().is_none();
        let (worker, ip) = (Rc::clone(&client.worker), client.ip);
        // Called inside, so that the future of a request is held once and not moved.
        async move {
            let mut response = pipeline::serve(worker, ip, request).await;
            if is_chunked {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response.map(|body| Last::new(body, answering)))
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(client.gateway().read_timeout)
        .serve_connection(TokioIo::new(Overheard::new(stream, &progress)), service);
    let mut ended = tokio::select! {
        biased;
        ended = &mut connection => Some(ended),
        () = client.drain.begun() => {
            Pin::new(&mut connection).graceful_shutdown();
            None
        }
    };
    if ended.is_none() {
        // A request in flight is finished. A connection that was opened ahead of need is not waited for.
        ended = timeout(FIRST_REQUEST, &mut connection).await.ok();
    }
    if ended.is_none() && asked.get() {
        ended = Some((&mut connection).await);
    }
    // The client's errors have become responses; what is left is that it has gone, or sent what is no request.
    let Some(Err(error)) = ended else {
        return;
    };
    let parts = connection.into_parts();
    let (stream, kept_back) = parts.io.into_inner().into_parts();
    if let Some(fault) = refusal::fault(&error, kept_back, !parts.read_buf.is_empty()) {
        // Boxed, as it is rare: every connection would carry its state.
        Box::pin(refusal::refuse(client, stream, fault)).await;
    }
}

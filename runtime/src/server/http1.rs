//! HTTP/1.1 and 1.0: requests one after the other, until either side has enough.

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
use crate::server::client::Client;
use crate::server::refusal::{self, Last, Overheard, Progress};

/// The largest head, and the most of a response that waits for a client, in bytes, but for the piece that comes
/// on top. Hyper's own bound is 400 KiB, which a crowd that reads nothing would make the gateway hold.
const MOST_BUFFERED: usize = 128 * 1024;

/// Serves a connection to its end.
pub(super) async fn serve<S>(client: &Client, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let progress = Rc::new(Progress::default());
    let service = service_fn(|request: Request<Incoming>| {
        let answering = progress.begin();
        // Whatever a proxy before the gateway took the end of such a request for, nothing follows it (RFC 9112,
        // 6.1).
        let is_chunked = request.body().size_hint().exact().is_none();
        let (worker, ip) = (Rc::clone(&client.worker), client.ip);
        // Called inside, so that the future of a request is held once and not moved.
        async move {
            let mut response = pipeline::serve(worker, ip, request).await;
            if is_chunked || client.drain.has_begun() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response.map(|body| Last::new(body, answering)))
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(client.gateway().read_timeout)
        .max_buf_size(MOST_BUFFERED)
        .serve_connection(TokioIo::new(Overheard::new(stream, &progress)), service);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = client.drain.begun() => {
            // Boxed, as it is rare: every connection would carry its state.
            let end = Box::pin(async {
                // The next response is the last, and says so. A connection that is not used until then is not
                // waited for; all that time nothing was answered on it, as that would have ended it.
                loop {
                    let was_quiet = progress.is_quiet();
                    if let Ok(ended) = timeout(client.quiet(), &mut connection).await {
                        return ended;
                    }
                    if was_quiet && progress.is_quiet() {
                        Pin::new(&mut connection).graceful_shutdown();
                        return (&mut connection).await;
                    }
                }
            });
            end.await
        }
    };
    // The client's errors have become responses; what is left is that it has gone, or sent what is no request.
    let Err(error) = ended else {
        return;
    };
    let parts = connection.into_parts();
    let (stream, kept_back) = parts.io.into_inner().into_parts();
    if let Some(fault) = refusal::fault(&error, kept_back, !parts.read_buf.is_empty()) {
        // Boxed, as it is rare: every connection would carry its state.
        Box::pin(refusal::refuse(client, stream, fault)).await;
    }
}

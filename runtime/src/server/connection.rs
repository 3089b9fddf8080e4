//! One client connection: requests one after the other, until either side has enough.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::pipeline;
use crate::server::drain::Drain;
use crate::worker::Worker;

/// How long, after a stop was asked for, a connection may take to send a first request.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// How long a connection may be silent before the kernel asks whether the client is there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Serves the connection `socket` to its end.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    drain: Rc<Drain>,
    socket: TcpStream,
    peer: SocketAddr,
) {
    let gateway = &worker.dataplane.topology.gateway;
    // A socket that does not even take its options is closed already.
    if prepare(&socket, gateway.write_timeout).is_err() {
        return;
    }
    let read_timeout = gateway.read_timeout;
    let client_ip = peer.ip().to_canonical();
    let asked = Cell::new(false);
    let service = service_fn(|request| {
        asked.set(true);
        let worker = Rc::clone(&worker);
        // Called inside, so that the future of a request is held once and not moved.
        async move { Ok::<_, Infallible>(pipeline::serve(worker, client_ip, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_timeout)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection);
    // The client's errors have become responses; what is left is that it has gone.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = drain.begun() => connection.as_mut().graceful_shutdown(),
    }
    // A request in flight is finished. A connection that was opened ahead of need is not waited
    // for.
    if timeout(FIRST_REQUEST, connection.as_mut()).await.is_err() && asked.get() {
        let _ = connection.await;
    }
}

/// Has the kernel write without delay, and close the connection of a client that has vanished or takes
/// nothing: both at no cost to a request.
fn prepare(socket: &TcpStream, write_timeout: Duration) -> io::Result<()> {
    // Pieces of a stream are written when they come and must not wait for acknowledgements.
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    // Counts while data is on its way, and while the client's window is full.
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    // Counts while there is nothing to send: the upstream may be at work for a client that is gone.
    let probes = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE);
    socket.set_tcp_keepalive(&probes)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::{LocalSet, spawn_local};

    use super::*;
    use crate::fixture::{dataplane_towards, worker};

    const REQUEST: &str = "{\"model\":\"small\",\"messages\":[]}";

    /// A client connection to a gateway whose upstreams are all at one listener.
    struct Scene {
        worker: Rc<Worker>,
        client: TcpStream,
        upstream: TcpListener,
    }

    impl Scene {
        async fn new() -> Self {
            let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", upstream.local_addr().unwrap());
            let worker = worker(dataplane_towards(&url));
            let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(front.local_addr().unwrap())
                .await
                .unwrap();
            let (socket, peer) = front.accept().await.unwrap();
            spawn_local(serve(
                Rc::clone(&worker),
                Rc::new(Drain::default()),
                socket,
                peer,
            ));
            Self {
                worker,
                client,
                upstream,
            }
        }

        async fn ask(&mut self) {
            let head = format!(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n\
                 x-api-key: web-secret\r\ncontent-length: {}\r\n\r\n",
                REQUEST.len()
            );
            self.client
                .write_all((head + REQUEST).as_bytes())
                .await
                .unwrap();
        }

        /// The upstream's end of a new connection, after a request was read from it.
        async fn asked(&self) -> TcpStream {
            let (mut connection, _) = self.upstream.accept().await.unwrap();
            read_until(&mut connection, REQUEST).await;
            connection
        }

        fn metrics(&self) -> String {
            String::from_utf8(self.worker.dataplane.metrics.text()).unwrap()
        }
    }

    async fn read_until(stream: &mut TcpStream, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let read = timeout(Duration::from_secs(10), stream.read_buf(&mut text)).await;
            let text = String::from_utf8_lossy(&text);
            assert_ne!(read.unwrap().unwrap(), 0, "no `{end}` in {text}");
        }
        String::from_utf8(text).unwrap()
    }

    async fn is_closed(stream: &mut TcpStream) -> bool {
        let read = timeout(Duration::from_secs(10), stream.read(&mut [0]))
            .await
            .unwrap();
        matches!(read, Ok(0) | Err(_))
    }

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        transfer-encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n";

    #[tokio::test]
    async fn a_client_that_goes_before_the_answer_takes_its_request_back() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                scene.ask().await;
                let mut connection = scene.asked().await;
                scene.client.shutdown().await.unwrap();
                assert!(is_closed(&mut connection).await);
                assert!(scene.metrics().contains("gateway_requests_aborted_total 1"));
            })
            .await;
    }

    #[tokio::test]
    async fn an_upstream_that_hangs_is_counted_although_its_client_gave_up() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                scene.ask().await;
                let mut connection = scene.asked().await;
                scene.client.shutdown().await.unwrap();
                assert!(is_closed(&mut connection).await);
                let cancelled = r#"{status="cancelled",upstream="vllm-small"} 1"#;
                assert!(scene.metrics().contains(cancelled), "{}", scene.metrics());
            })
            .await;
    }

    #[tokio::test]
    async fn a_client_that_goes_in_mid_stream_takes_its_request_back() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                scene.ask().await;
                let mut connection = scene.asked().await;
                connection.write_all(STREAM).await.unwrap();
                read_until(&mut scene.client, "data: one\n\n\r\n").await;
                scene.client.shutdown().await.unwrap();
                assert!(is_closed(&mut connection).await);
                assert!(scene.metrics().contains(r#"status="499"} 1"#));
            })
            .await;
    }

    #[tokio::test]
    async fn a_kept_connection_that_turns_out_closed_is_replaced_once() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                scene.ask().await;
                let mut first = scene.asked().await;
                first.write_all(ANSWER).await.unwrap();
                read_until(&mut scene.client, "{}").await;
                scene.ask().await;
                read_until(&mut first, REQUEST).await;
                drop(first);
                let mut second = scene.asked().await;
                second.write_all(ANSWER).await.unwrap();
                assert!(
                    read_until(&mut scene.client, "{}")
                        .await
                        .starts_with("HTTP/1.1 200")
                );
            })
            .await;
    }

    #[tokio::test]
    async fn a_new_connection_that_is_closed_is_a_failure() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                scene.ask().await;
                drop(scene.asked().await);
                let answer = read_until(&mut scene.client, "}}").await;
                assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
                assert!(answer.contains("`vllm-small`: connection closed before a response"));
            })
            .await;
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_ends_with_an_error_event() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                scene.ask().await;
                let mut connection = scene.asked().await;
                connection.write_all(STREAM).await.unwrap();
                connection.write_all(b"a\r\ndata: tw").await.unwrap();
                drop(connection);
                let answer = read_until(&mut scene.client, "\r\n0\r\n\r\n").await;
                assert!(answer.contains("data: tw"), "{answer}");
                assert!(answer.contains("\n\ndata: {\"error\":"), "{answer}");
                assert!(!answer.contains("[DONE]"));
            })
            .await;
    }

    #[tokio::test]
    async fn a_client_that_sends_too_much_gets_to_read_so() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                let length = 8 * scene.worker.dataplane.topology.gateway.max_body;
                let head = format!(
                    "POST /v1/embeddings HTTP/1.1\r\nhost: gateway\r\n\
                     x-api-key: web-secret\r\ncontent-length: {length}\r\n\r\n"
                );
                scene.client.write_all(head.as_bytes()).await.unwrap();
                scene.client.write_all(&vec![b' '; length]).await.unwrap();
                assert!(
                    read_until(&mut scene.client, "}}")
                        .await
                        .starts_with("HTTP/1.1 413")
                );
            })
            .await;
    }

    #[tokio::test]
    async fn a_client_that_is_refused_before_its_body_is_read_gets_to_read_so() {
        for (request, status) in [
            ("POST /v1/embeddings", "401"),
            ("PUT /v1/embeddings", "405"),
            ("POST /v1/images", "404"),
        ] {
            LocalSet::new()
                .run_until(async {
                    let mut scene = Scene::new().await;
                    let length = 8 * scene.worker.dataplane.topology.gateway.max_body;
                    let head = format!(
                        "{request} HTTP/1.1\r\nhost: gateway\r\n\
                         content-length: {length}\r\n\r\n"
                    );
                    scene.client.write_all(head.as_bytes()).await.unwrap();
                    scene.client.write_all(&vec![b' '; length]).await.unwrap();
                    let answer = read_until(&mut scene.client, "}}").await;
                    assert!(
                        answer.starts_with(&format!("HTTP/1.1 {status}")),
                        "{answer}"
                    );
                })
                .await;
        }
    }
}

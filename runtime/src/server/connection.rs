//! One client connection: what the client speaks is found out, then it is served to its end.

use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;
use tokio::net::TcpStream;

use crate::h1::stream::Stream;
use crate::server::client::Client;
use crate::server::http1;
#[cfg(feature = "certificates")]
use crate::server::secure;
#[cfg(feature = "http2")]
use crate::server::{http2, opening};
use crate::tcp;

/// The address of the client at `peer`, as logs and limits know it.
pub(crate) fn ip(peer: SocketAddr) -> IpAddr {
    peer.ip().to_canonical()
}

/// Serves the connection `socket` to its end.
pub(crate) async fn serve(client: Client, socket: TcpStream) {
    // A socket that does not even take its options is closed already.
    if tcp::prepare(&socket, client.gateway().write_timeout).is_err() {
        return;
    }
    #[cfg(feature = "certificates")]
    if client.worker.dataplane.tls.is_some() {
        // Boxed, as a handshake is large and soon over: every connection would carry its state.
        let accepted = Box::pin(client.open(secure::accept(&client, socket)));
        let Some(stream) = accepted.await else {
            return;
        };
        #[cfg(feature = "http2")]
        if secure::is_http2(&stream) {
            return Box::pin(http2::serve(&client, stream)).await;
        }
        let stream = Stream::Tls(Box::new(stream.into()));
        return http1::serve(&client, stream, BytesMut::new()).await;
    }
    #[cfg(feature = "http2")]
    if client.gateway().http2 {
        // Boxed, as it is large and soon over.
        let looked = Box::pin(client.open(async { opening::look(socket).await.ok() }));
        let Some(opened) = looked.await else {
            return;
        };
        if opened.is_http2() {
            // Boxed, so that connections of HTTP/1.1 do not carry the state of one.
            return Box::pin(http2::serve(&client, opened)).await;
        }
        let (socket, received) = opened.into_parts();
        return http1::serve(&client, Stream::Plain(socket), received).await;
    }
    http1::serve(&client, Stream::Plain(socket), BytesMut::new()).await;
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::rc::Rc;
    #[cfg(feature = "http2")]
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    #[cfg(feature = "http2")]
    use tokio::sync::Semaphore;
    use tokio::task::{LocalSet, spawn_local};
    use tokio::time::timeout;

    use super::*;
    use crate::fixture::{dataplane_towards, worker};
    use crate::server::drain::Drain;
    use crate::worker::Worker;

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
            let serving = Client {
                worker: Rc::clone(&worker),
                drain: Rc::new(Drain::default()),
                scratch: Rc::default(),
                #[cfg(feature = "http2")]
                places: Arc::new(Semaphore::new(8)),
                ip: ip(peer),
            };
            spawn_local(serve(serving, socket));
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

    const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n";

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
    async fn a_document_that_breaks_off_never_looks_whole_to_a_client_of_http_1_0() {
        LocalSet::new()
            .run_until(async {
                let mut scene = Scene::new().await;
                let head = format!(
                    "POST /v1/chat/completions HTTP/1.0\r\nx-api-key: web-secret\r\ncontent-length: {}\r\n\r\n",
                    REQUEST.len()
                );
                let request = head + REQUEST;
                scene.client.write_all(request.as_bytes()).await.unwrap();
                let mut connection = scene.asked().await;
                connection.write_all(CUT).await.unwrap();
                read_until(&mut scene.client, "{\"a\":").await;
                drop(connection);
                let end = timeout(Duration::from_secs(10), scene.client.read(&mut [0])).await;
                let reset = end.unwrap().unwrap_err();
                assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
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
    async fn a_client_whose_connection_ends_then_gets_to_read_so_as_well() {
        for (request, lines) in [
            ("HTTP/1.1", "host: gateway\r\nconnection: close\r\n"),
            (
                "HTTP/1.1",
                "host: gateway\r\ntransfer-encoding: chunked\r\n",
            ),
            ("HTTP/1.0", ""),
            ("HTTP/1.1", "no colon\r\n"),
        ] {
            LocalSet::new()
                .run_until(async {
                    let mut scene = Scene::new().await;
                    let head = format!("POST /v1/embeddings {request}\r\n{lines}");
                    let length = 32 << 20;
                    let head = match lines.contains("chunked") {
                        true => format!("{head}\r\n{length:x}\r\n"),
                        false => format!("{head}content-length: {length}\r\n\r\n"),
                    };
                    scene.client.write_all(head.as_bytes()).await.unwrap();
                    scene.client.write_all(&vec![b' '; length]).await.unwrap();
                    let answer = read_until(&mut scene.client, "}}").await;
                    assert!(answer.contains("connection: close\r\n"), "{answer}");
                })
                .await;
        }
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

//! Connections over a pipe: what a client may send, and what it gets.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::{Instant, sleep};

use super::*;
use crate::fixture::{dataplane, worker};
use crate::server::drain::Drain;
use crate::worker::Worker;

const READY: &str = "GET /ready HTTP/1.1\r\nhost: a\r\n\r\n";

/// A client of the gateway, and what the gateway's worker has.
struct Scene {
    client: DuplexStream,
    worker: Rc<Worker>,
    drain: Rc<Drain>,
}

/// A connection that takes so many bytes before somebody reads.
fn connected(worker: &Rc<Worker>, bytes: usize) -> Scene {
    let (near, far) = duplex(bytes);
    let drain = Rc::new(Drain::default());
    let client = Client {
        worker: Rc::clone(worker),
        drain: Rc::clone(&drain),
        scratch: Rc::default(),
        #[cfg(feature = "http2")]
        places: std::sync::Arc::new(tokio::sync::Semaphore::new(1)),
        ip: std::net::Ipv4Addr::LOCALHOST.into(),
    };
    spawn_local(async move { serve(&client, Stream::Memory(far), BytesMut::new()).await });
    Scene {
        client: near,
        worker: Rc::clone(worker),
        drain,
    }
}

impl Scene {
    /// Sends `text` in pieces, and reads until the gateway ends the connection.
    async fn exchange(self, pieces: &[&[u8]]) -> String {
        let (mut from, mut to) = split(self.client);
        let send = async {
            for piece in pieces {
                // A gateway that has ended the connection takes no more.
                let _ = to.write_all(piece).await;
                yield_now().await;
            }
        };
        let mut text = Vec::new();
        let (read, ()) = tokio::join!(from.read_to_end(&mut text), send);
        read.unwrap();
        String::from_utf8(text).unwrap()
    }

    /// Sends `text`, and reads what comes until `end`.
    async fn ask(&mut self, text: &str, end: &str) -> String {
        self.client.write_all(text.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            assert_ne!(self.client.read_buf(&mut read).await.unwrap(), 0);
        }
        String::from_utf8(read).unwrap()
    }

    /// What still comes, until the gateway ends the connection.
    async fn rest(&mut self) -> String {
        let mut text = String::new();
        self.client.read_to_string(&mut text).await.unwrap();
        text
    }
}

/// The statuses of all responses in `text`.
fn statuses(text: &str) -> Vec<u16> {
    let heads = text.split("HTTP/1.").skip(1);
    heads
        .filter_map(|head| head.get(2..5)?.parse().ok())
        .collect()
}

/// The whole of what a gateway says to `text`.
async fn answered(text: &str) -> String {
    let exchange = async {
        let scene = connected(&worker(dataplane()), 64 * 1024);
        scene.exchange(&[text.as_bytes()]).await
    };
    LocalSet::new().run_until(exchange).await
}

/// Requests of every kind, the last of which ends the connection; what follows it is none.
const CONVERSATION: &str = "GET /ready HTTP/1.1\r\nHost: a\r\n\r\n\
    \r\nPOST /v1/nothing HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello\
    HEAD /ready HTTP/1.1\r\nhost: a\r\n\r\n\
    POST /v1/embeddings HTTP/1.1\r\nhost: a\r\nx-api-key: web-secret\r\ncontent-length: 2\r\n\r\n{}\
    GET /v1/models HTTP/1.0\r\nconnection: keep-alive\r\n\r\n\
    POST /v1/embeddings HTTP/1.1\r\nhost: a\r\nx-api-key: web-secret\r\ntransfer-encoding: chunked\r\n\r\n\
    1\r\n{\r\n1;x=y\r\n}\r\n0\r\nx: y\r\n\r\n\
    GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

/// A connection is more work than a function, so there are fewer cases.
fn config() -> Config {
    Config {
        failure_persistence: None,
        ..Config::with_cases(64)
    }
}

#[test]
fn splits_leave_no_trace() {
    let worker = worker(dataplane());
    let strategy = (
        prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        prop::sample::select(vec![16, 700, 64 * 1024]),
    );
    let ran = TestRunner::new(config()).run(&strategy, |(splits, taken)| {
        let bytes = CONVERSATION.as_bytes();
        let mut at: Vec<usize> = splits
            .iter()
            .map(|split| split.index(bytes.len()))
            .collect();
        at.extend([0, bytes.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let exchange = async { connected(&worker, taken).exchange(&pieces).await };
        let text = LocalSet::new().block_on(&runtime, exchange);
        prop_assert_eq!(statuses(&text), [200, 404, 200, 400, 401, 400], "{}", text);
        Ok(())
    });
    ran.unwrap();
}

#[tokio::test]
async fn what_no_request_is_gets_an_error_object_behind_a_good_one_too() {
    for (bad, status) in [
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}", 400),
    ] {
        let text = answered(&[READY, bad].concat()).await;
        assert_eq!(statuses(&text), [200, status], "{text}");
        assert!(text.contains("connection: close\r\n"), "{text}");
        assert_eq!(text.matches("\r\ndate: ").count(), 2, "{text}");
        assert!(text.ends_with("\"code\":\"invalid_request\"}}"), "{text}");
    }
}

#[tokio::test]
async fn chunks_that_are_none_get_an_error_object_and_the_end() {
    let text = answered(
        "POST /v1/embeddings HTTP/1.1\r\nhost: a\r\nx-api-key: web-secret\r\n\
         transfer-encoding: chunked\r\n\r\n1\r\n{\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
    );
    let text = text.await;
    assert_eq!(statuses(&text), [400], "{text}");
    assert!(text.contains("connection: close\r\n"), "{text}");
    assert!(text.contains("not valid HTTP"), "{text}");
}

#[tokio::test]
async fn a_head_alone_is_what_head_asks_for() {
    let text = answered("HEAD /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(
        text.ends_with("\r\n\r\n") && !text.contains("content-length: 0"),
        "{text}"
    );
}

#[tokio::test]
async fn a_client_that_has_closed_its_side_reads_what_is_ready() {
    let reading = async {
        let mut scene = connected(&worker(dataplane()), 16);
        let ask = b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n";
        scene.client.write_all(ask).await.unwrap();
        scene.client.shutdown().await.unwrap();
        let text = scene.rest().await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}\r\n", body.len());
        assert!(head.contains(&length), "{head}");
    };
    LocalSet::new().run_until(reading).await;
}

#[tokio::test]
async fn a_client_of_http_1_0_keeps_its_connection_if_it_says_so() {
    let text = answered("GET /ready HTTP/1.0\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.0 200 OK\r\n"), "{text}");
    let keeps = "GET /ready HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    let text = answered(&[keeps, "GET /ready HTTP/1.0\r\n\r\n"].concat()).await;
    assert_eq!(statuses(&text), [200, 200], "{text}");
    assert!(text.contains("connection: keep-alive\r\n"), "{text}");
}

#[tokio::test]
async fn a_body_that_was_not_asked_for_ends_the_connection() {
    let text = answered(
        "POST /v1/embeddings HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
    );
    let text = text.await;
    assert_eq!(statuses(&text), [401], "{text}");
    assert!(text.contains("connection: close\r\n"), "{text}");
}

#[tokio::test]
async fn a_body_too_long_to_be_passed_over_ends_the_connection() {
    for (length, keeps) in [("67108864", true), ("67108865", false)] {
        let head = "POST /v1/embeddings HTTP/1.1\r\nhost: a\r\n";
        let text = answered(&format!("{head}content-length: {length}\r\n\r\n")).await;
        assert_eq!(statuses(&text), [401], "{text}");
        assert_eq!(!text.contains("connection: close\r\n"), keeps, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_stays_away_is_late_and_a_kept_connection_just_ends() {
    let timeouts = async {
        let worker = worker(dataplane());
        let limit = worker.dataplane.topology.gateway.read_timeout;
        for (sent, answer) in [("", vec![]), (READY, vec![200]), ("GET / HT", vec![408])] {
            let since = Instant::now();
            let mut scene = connected(&worker, 64 * 1024);
            scene.client.write_all(sent.as_bytes()).await.unwrap();
            assert_eq!(statuses(&scene.rest().await), answer, "{sent:?}");
            assert!(
                since.elapsed() >= limit && since.elapsed() < 2 * limit,
                "{sent:?}"
            );
        }
    };
    LocalSet::new().run_until(timeouts).await;
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_late_all_the_same() {
    let dripping = async {
        let mut scene = connected(&worker(dataplane()), 64 * 1024);
        let since = Instant::now();
        scene
            .client
            .write_all(b"GET / HTTP/1.1\r\nx: ")
            .await
            .unwrap();
        let mut answer = [0; 12];
        let pause = Duration::from_millis(90);
        while timeout(pause, scene.client.read_exact(&mut answer))
            .await
            .is_err()
        {
            scene.client.write_all(b"y").await.unwrap();
        }
        assert_eq!(&answer, b"HTTP/1.1 408");
        let limit = scene.worker.dataplane.topology.gateway.read_timeout;
        assert!(since.elapsed() < 2 * limit);
    };
    LocalSet::new().run_until(dripping).await;
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_head_begins_with_its_first_byte() {
    let timeouts = async {
        let worker = worker(dataplane());
        let limit = worker.dataplane.topology.gateway.read_timeout;
        let moment = limit / 10;
        let mut scene = connected(&worker, 64 * 1024);
        // Not used for nearly as long as it may, and then slow: a line end too many is no head.
        for _ in 0..2 {
            scene.client.write_all(b"\r\n").await.unwrap();
            sleep(limit - moment).await;
            let (start, rest) = READY.split_at(9);
            scene.client.write_all(start.as_bytes()).await.unwrap();
            sleep(limit - moment).await;
            assert_eq!(statuses(&scene.ask(rest, "}").await), [200]);
        }
        // One that never ends has as much time, and no more.
        sleep(limit - moment).await;
        let since = Instant::now();
        scene.client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(statuses(&scene.rest().await), [408]);
        assert!(since.elapsed() >= limit && since.elapsed() < limit + moment);
    };
    LocalSet::new().run_until(timeouts).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_each_connection_one_request_and_not_much_time_for_it() {
    let stopping = async {
        let worker = worker(dataplane());
        let mut kept = connected(&worker, 64 * 1024);
        kept.ask(READY, "}").await;
        let mut unused = connected(&worker, 64 * 1024);
        let mut begun = connected(&worker, 64 * 1024);
        yield_now().await;
        let since = Instant::now();
        for scene in [&kept, &unused, &begun] {
            scene.drain.begin();
        }
        for scene in [&mut kept, &mut begun] {
            scene.client.write_all(READY.as_bytes()).await.unwrap();
            let last = scene.rest().await;
            assert_eq!(statuses(&last), [200]);
            assert!(last.contains("connection: close\r\n"), "{last}");
        }
        assert_eq!(unused.rest().await, "");
        assert!(since.elapsed() < worker.dataplane.topology.gateway.shutdown_grace);
    };
    LocalSet::new().run_until(stopping).await;
}

#[test]
fn no_bytes_make_it_panic() {
    let worker = worker(dataplane());
    let piece = prop::collection::vec(any::<u8>(), 0..60);
    let ran = TestRunner::new(config()).run(&piece, |bytes| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let start =
            b"POST /v1/nothing HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n";
        let exchange = async {
            let mut scene = connected(&worker, 64 * 1024);
            scene
                .client
                .write_all(&[start.as_slice(), &bytes].concat())
                .await
                .unwrap();
            scene.client.shutdown().await.unwrap();
            scene.rest().await
        };
        let text = LocalSet::new().block_on(&runtime, exchange);
        prop_assert!(statuses(&text).len() <= 1, "{}", text);
        Ok(())
    });
    ran.unwrap();
}

//! Exchanges over a pipe: what a server may do, and what becomes of its connection.

use std::task::Waker;

use proptest::prelude::*;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::Instant;
use tokio::{join, try_join};

use super::*;
use crate::upstream::http_body::HttpBody;
use crate::upstream::pool::{Lease, SharedPool};

const HEAD: &str = "POST /v1 HTTP/1.1\r\ncontent-length: 2\r\n\r\n";
const BODY: &[u8] = b"{}";

/// A connection, its pool, and the server at its other end, which takes so many bytes before it reads.
fn piped(bytes: usize) -> (SharedPool, Lease, DuplexStream) {
    let (client, server) = duplex(bytes);
    let pool = SharedPool::default();
    let lease = Lease::new(&pool, Box::new(Connection::new(Stream::Memory(client))));
    (pool, lease, server)
}

async fn ask(mut lease: Lease, body: &'static [u8]) -> Result<(Head, HttpBody), Unanswered> {
    let asked = lease.connection.ask(HEAD.into(), body);
    let head = asked.await?;
    let body = HttpBody::new(&head, lease);
    Ok((head, body))
}

async fn piece(body: &mut HttpBody) -> Option<Result<Bytes, Broken>> {
    let frame = poll_fn(|cx| body.poll_frame(cx)).await;
    frame.map(|frame| frame.map(|frame| frame.into_data().unwrap()))
}

async fn read(mut body: HttpBody) -> Result<Vec<u8>, Broken> {
    let mut read = Vec::new();
    while let Some(piece) = piece(&mut body).await {
        read.extend_from_slice(&piece?);
    }
    Ok(read)
}

/// What a server that says `answer`, and then nothing more if it `ends`, is understood to say; and whether
/// its connection is kept.
async fn answered(answer: &str, ends: bool) -> (Result<Vec<u8>, Broken>, bool) {
    let (pool, lease, mut server) = piped(64 * 1024);
    server.write_all(answer.as_bytes()).await.unwrap();
    if ends {
        server.shutdown().await.unwrap();
    }
    let (_, body) = ask(lease, BODY).await.unwrap();
    let read = read(body).await;
    (read, pool.take(Instant::now()).is_some())
}

#[tokio::test]
async fn a_connection_is_kept_after_a_whole_response_and_only_then() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    const CHUNKED: &str = "transfer-encoding: chunked\r\n";
    for (rest, is_whole, is_kept) in [
        ("content-length: 2\r\n\r\nhi", true, true),
        (
            "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            true,
            true,
        ),
        ("content-length: 2\r\n\r\nhi, and more", true, false),
        (
            "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
            true,
            false,
        ),
        (
            "content-length: 2\r\nconnection: close\r\n\r\nhi",
            true,
            false,
        ),
        (
            "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            true,
            false,
        ),
        ("transfer-encoding: chunked\r\n\r\n2\r\nhi\nx", false, false),
    ] {
        let (read, kept) = answered(&format!("{OK}{rest}"), false).await;
        assert_eq!((read.is_ok(), kept), (is_whole, is_kept), "{rest:?}");
        assert!(
            read.is_err() || read.is_ok_and(|read| read == b"hi"),
            "{rest:?}"
        );
    }
    let (read, kept) = answered(&format!("{OK}\r\nhi"), true).await;
    assert_eq!((read.unwrap(), kept), (b"hi".to_vec(), false));
    let (read, kept) = answered(&format!("{OK}content-length: 0\r\n\r\n"), false).await;
    assert_eq!((read.unwrap(), kept), (Vec::new(), true));
    let (_, kept) = answered(&format!("{OK}{CHUNKED}\r\n0\r\n\r\n"), true).await;
    assert!(!kept, "the server has closed it");
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_broken() {
    for body in [
        "content-length: 3\r\n\r\nhi",
        "transfer-encoding: chunked\r\n\r\n3\r\nhi",
        "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n",
        "transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n",
    ] {
        let (read, kept) = answered(&format!("HTTP/1.1 200 OK\r\n{body}"), true).await;
        assert!(read.is_err() && !kept, "{body:?}");
    }
}

#[tokio::test]
async fn a_break_is_told_a_turn_after_what_came_before_it() {
    let (_, lease, mut server) = piped(1024);
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi";
    server.write_all(cut).await.unwrap();
    server.shutdown().await.unwrap();
    let (_, mut body) = ask(lease, BODY).await.unwrap();
    assert_eq!(piece(&mut body).await.unwrap().unwrap(), "hi");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(body.poll_frame(&mut cx).is_pending());
    let told = body.poll_frame(&mut cx);
    assert!(matches!(told, Poll::Ready(Some(Err(Broken)))));
}

#[tokio::test]
async fn announcements_are_passed_over() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n\
                  HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    let (read, kept) = answered(answer, false).await;
    assert_eq!((read.unwrap(), kept), (b"hi".to_vec(), true));
}

#[tokio::test]
async fn a_connection_that_ends_before_an_answer_says_how_far_it_came() {
    let (_, lease, server) = piped(1024);
    drop(server);
    assert!(matches!(ask(lease, BODY).await, Err(Unanswered::Unsent)));

    let (_, lease, mut server) = piped(1024);
    server.shutdown().await.unwrap();
    assert!(matches!(ask(lease, BODY).await, Err(Unanswered::Closed)));

    for (begun, failure) in [
        ("HTTP/1.1 200 OK\r\n", Failure::Closed),
        ("HTTP/1.1 100 Continue\r\n\r\n", Failure::Closed),
        ("SSH-2.0-OpenSSH_9.2\r\n", Failure::Malformed),
    ] {
        let (_, lease, mut server) = piped(1024);
        server.write_all(begun.as_bytes()).await.unwrap();
        server.shutdown().await.unwrap();
        let Err(Unanswered::Failed(failed)) = ask(lease, BODY).await else {
            panic!("{begun:?}");
        };
        assert_eq!(failed, failure, "{begun:?}");
    }
}

#[tokio::test]
async fn an_answer_before_the_request_is_out_stops_it() {
    const LARGE: &[u8] = &[b'x'; 64 * 1024];
    let (pool, lease, mut server) = piped(1024);
    let serve = async {
        server.read_exact(&mut [0; 100]).await.unwrap();
        let answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}";
        server.write_all(answer).await.unwrap();
    };
    let (answered, ()) = join!(ask(lease, LARGE), serve);
    let (head, body) = answered.unwrap();
    assert_eq!(head.status, 413);
    assert_eq!(read(body).await.unwrap(), b"{}");
    let mut rest = Vec::new();
    server.read_to_end(&mut rest).await.unwrap();
    assert!(rest.len() < LARGE.len() && pool.take(Instant::now()).is_none());
}

#[tokio::test]
async fn a_request_arrives_whole_however_long_it_is() {
    static LONG: [u8; 3 * MOST_COPIED] = [b'x'; 3 * MOST_COPIED];
    for length in [0, MOST_COPIED, MOST_COPIED + 1, LONG.len()] {
        let (_, lease, mut server) = piped(1000);
        let body = &LONG[..length];
        let serve = async {
            let mut request = vec![0; HEAD.len() + length];
            server.read_exact(&mut request).await.unwrap();
            server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            request
        };
        let (answered, request) = join!(ask(lease, body), serve);
        assert!(answered.is_ok() && request == [HEAD.as_bytes(), body].concat());
    }
}

#[tokio::test]
async fn what_has_come_is_given_at_once_and_in_one_piece() {
    let (_, lease, mut server) = piped(64 * 1024);
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    server.write_all(head.as_bytes()).await.unwrap();
    let (_, mut body) = ask(lease, BODY).await.unwrap();
    for (sent, given) in [
        ("3\r\none\r\n", "one"),
        ("4\r\n two\r\n6\r\n three\r\n", " two three"),
        ("5\r\n fo", " fo"),
        ("ur\r\n0\r\n\r\n", "ur"),
    ] {
        server.write_all(sent.as_bytes()).await.unwrap();
        assert_eq!(piece(&mut body).await.unwrap().unwrap(), given);
    }
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn an_idle_connection_is_taken_only_while_the_server_is_quiet() {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    for is_quiet in [true, false] {
        for closes in [true, false] {
            let (pool, lease, mut server) = piped(1024);
            server.write_all(ANSWER).await.unwrap();
            read(ask(lease, BODY).await.unwrap().1).await.unwrap();
            match (is_quiet, closes) {
                (true, _) => {}
                (false, true) => server.shutdown().await.unwrap(),
                (false, false) => server.write_all(b"HTTP/1.1 408").await.unwrap(),
            }
            assert_eq!(pool.take(Instant::now()).is_some(), is_quiet);
        }
    }
}

#[tokio::test]
async fn a_server_is_quiet_until_it_speaks_or_closes() {
    for speaks in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await;
        let mut connection = Connection::new(Stream::Plain(client.unwrap()));
        let (mut server, _) = listener.accept().await.unwrap();
        yield_now().await;
        assert!(connection.is_quiet());
        if speaks {
            server.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        } else {
            drop(server);
        }
        while connection.is_quiet() {
            yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_server_may_take_its_time_to_read_a_long_request_and_no_other() {
    static LONG: [u8; 64 * 1024] = [b'x'; 64 * 1024];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await;
    let (mut server, _) = listener.accept().await.unwrap();
    let client = client.unwrap();
    vanishing::watch(&client).unwrap();
    let mut connection = Connection::new(Stream::Plain(client));
    for (length, may_pause) in [(2, false), (LONG.len(), true), (2, false)] {
        let body = &LONG[..length];
        let serve = async {
            let mut request = vec![0; HEAD.len() + length];
            server.read_exact(&mut request).await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            server.write_all(answer).await.unwrap();
        };
        let (answered, ()) = join!(connection.ask(HEAD.into(), body), serve);
        assert!(answered.is_ok());
        let socket = SockRef::from(connection.stream.socket().unwrap());
        let limit = socket.tcp_user_timeout().unwrap();
        assert_eq!(limit.is_none(), may_pause, "{length}: {limit:?}");
    }
}

#[tokio::test]
async fn what_the_server_has_closed_is_not_held_open() {
    let (pool, lease, mut server) = piped(1024);
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    server.write_all(answer).await.unwrap();
    ask(lease, BODY).await.unwrap();
    server.shutdown().await.unwrap();
    pool.sweep();
    let mut request = Vec::new();
    server.read_to_end(&mut request).await.unwrap();
    assert_eq!(request, [HEAD.as_bytes(), BODY].concat());
}

#[tokio::test]
async fn an_idle_connection_holds_no_memory() {
    let (pool, lease, mut server) = piped(256 * 1024);
    let length = 200 * 1024;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    server.write_all(head.as_bytes()).await.unwrap();
    server.write_all(&vec![b'x'; length]).await.unwrap();
    let (_, mut body) = ask(lease, BODY).await.unwrap();
    let mut largest = 0;
    while let Some(piece) = piece(&mut body).await {
        largest = largest.max(piece.unwrap().len());
    }
    assert!(
        (landing::SIZE..2 * landing::SIZE).contains(&largest),
        "{largest}"
    );
    let kept = pool.take(Instant::now()).unwrap();
    assert_eq!(kept.received.capacity(), 0);
}

/// A response as it goes over the wire, and its body.
fn response() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let chunks = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8);
    (chunks, any::<bool>(), any::<bool>()).prop_map(|(chunks, is_chunked, is_announced)| {
        let body = chunks.concat();
        let mut wire = Vec::new();
        if is_announced {
            wire.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        wire.extend_from_slice(b"HTTP/1.1 200 OK\r\nserver: a\r\n");
        if is_chunked {
            wire.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\ntrailer: a\r\n\r\n");
        } else {
            wire.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
            wire.extend_from_slice(&body);
        }
        (wire, body)
    })
}

proptest! {
    /// However bytes are split on their way, byte by byte too, each request gets its own answer over one
    /// connection, and the server each request.
    #[test]
    fn splits_leave_no_trace_in_an_exchange(
        responses in prop::collection::vec(response(), 1..4),
        pipe in 1..200_usize,
        splits in prop::collection::vec(1..50_usize, 1..8),
    ) {
        let (pool, lease, mut server) = piped(pipe);
        let serve = async {
            let mut splits = splits.iter().copied().cycle();
            for (wire, _) in &responses {
                let mut request = vec![0; HEAD.len() + BODY.len()];
                server.read_exact(&mut request).await.map_err(|_| "a request is missing")?;
                if request != [HEAD.as_bytes(), BODY].concat() {
                    return Err("not the request");
                }
                let mut left = wire.as_slice();
                while let Some(length) = splits.next().filter(|_| !left.is_empty()) {
                    let (next, rest) = left.split_at(length.min(left.len()));
                    server.write_all(next).await.map_err(|_| "nobody reads")?;
                    yield_now().await;
                    left = rest;
                }
            }
            Ok(())
        };
        let client = async {
            let mut lease = lease;
            for (_, expected) in &responses {
                let (_, body) = ask(lease, BODY).await.map_err(|_| "no answer")?;
                if read(body).await.map_err(|_| "broken")? != *expected {
                    return Err("not the body");
                }
                lease = Lease::new(&pool, pool.take(Instant::now()).ok_or("not kept")?);
            }
            Ok(())
        };
        let runtime = Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(async { try_join!(serve, client) });
        prop_assert!(outcome.is_ok(), "{:?}", outcome);
    }

    /// No bytes make it panic or hang.
    #[test]
    fn whatever_a_server_says_an_exchange_ends(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        is_http in any::<bool>(),
    ) {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_, lease, mut server) = piped(1024);
            if is_http {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                server.write_all(head).await.unwrap();
            }
            server.write_all(&bytes).await.unwrap();
            server.shutdown().await.unwrap();
            if let Ok((_, body)) = ask(lease, BODY).await {
                let _ = read(body).await;
            }
        });
    }
}

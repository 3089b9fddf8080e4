//! A new binary in the place of an old one: both are handed the same listening socket, as systemd does it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use end_to_end::{
    Connection, Dataplane, FIRST, Request, faults, patiently, routing, target_directory,
};
use fake_model::server::{Action, FakeModel, Rule, Stream};
use serde_json::Value;
use tokio::net::UnixDatagram;
use tokio::time::{Instant, sleep};

const REPLACEMENTS: usize = 5;

/// Clients of each kind.
const CLIENTS: usize = 6;

/// For how long a connection that nobody uses is used again: OpenAI's SDK for Node does so for 4 s, and a gateway that
/// stops keeps it for 5 s.
const KEPT: Duration = Duration::from_secs(4);

/// Events of a stream, 10 ms apart, so that a stop finds streams in all their parts.
const EVENTS: u32 = 40;

fn socket() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

async fn start(socket: &TcpListener, model: &FakeModel) -> Dataplane {
    routing()
        .upstream("left", model)
        .socket(socket)
        .start()
        .await
}

/// What clients do, and whether they are to go on.
struct Load {
    address: SocketAddr,
    goes_on: AtomicBool,
    requests: AtomicU64,
    connections: AtomicU64,
}

impl Load {
    async fn connect(&self) -> Connection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection::open(self.address).await
    }

    /// Sends one request after the other, `pause` apart, over a connection for as long as that is kept; with
    /// `is_new` over a new one each. Panics at the first that is not answered in full.
    async fn send(&self, request: Request, pause: Duration, is_new: bool) {
        let mut kept = None;
        while self.goes_on.load(Ordering::Relaxed) {
            let mut connection = match kept.take() {
                Some((connection, since)) if !is_new && Instant::elapsed(&since) < KEPT => {
                    connection
                }
                _ => self.connect().await,
            };
            let response = connection.send(&request).await;
            assert_eq!(response.status, 200, "{}", response.text());
            if response.header("content-type") == Some("text/event-stream") {
                assert_eq!(
                    response.text().matches("chat.completion.chunk").count(),
                    EVENTS as usize + 1
                );
                assert!(response.text().ends_with("data: [DONE]\n\n"));
            }
            if response.header("connection") != Some("close") {
                kept = Some((connection, Instant::now()));
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            sleep(pause).await;
        }
    }
}

#[tokio::test]
async fn no_request_fails_while_a_binary_takes_the_place_of_another() {
    let socket = socket();
    let model = FakeModel::start().await.unwrap();
    model.script([Rule {
        path: Some("/v1/completions".to_owned()),
        ..Rule::new(Action::Stream(Stream {
            count: EVENTS,
            pace_ms: 10,
            ..Stream::default()
        }))
    }]);
    let mut dataplane = start(&socket, &model).await;
    let load = Arc::new(Load {
        address: dataplane.address(),
        goes_on: AtomicBool::new(true),
        requests: AtomicU64::new(0),
        connections: AtomicU64::new(0),
    });
    let plain = Request::chat("ordered").key(FIRST);
    let streamed = r#"{"model":"ordered","prompt":"Hello","stream":true}"#;
    let streamed = Request::post("/v1/completions", streamed).key(FIRST);
    let kinds = [
        (plain.clone(), Duration::ZERO, false),
        (plain.clone(), Duration::ZERO, true),
        // Idle most of the time, so that a stop finds such connections.
        (plain, Duration::from_millis(50), false),
        (streamed, Duration::ZERO, false),
    ];
    let mut clients = Vec::new();
    for (request, pause, is_new) in kinds {
        for _ in 0..CLIENTS {
            let (load, request) = (Arc::clone(&load), request.clone());
            clients.push(tokio::spawn(async move {
                load.send(request, pause, is_new).await
            }));
        }
    }
    let mut longest = Duration::ZERO;
    for _ in 0..REPLACEMENTS {
        let next = start(&socket, &model).await;
        let answered = |line: &Value| line["logger"] == "nexus.access";
        next.log().wait_for(answered).await;
        let since = Instant::now();
        dataplane.terminate().await;
        assert_eq!(dataplane.wait_for_exit().await.code(), Some(0));
        longest = longest.max(since.elapsed());
        let stopped = |line: &Value| line["message"] == "stopped";
        dataplane.log().wait_for(stopped).await;
        dataplane = next;
    }
    load.goes_on.store(false, Ordering::Relaxed);
    for client in clients {
        patiently("a client", client)
            .await
            .expect("no request fails");
    }
    println!(
        "{} requests over {} connections through {REPLACEMENTS} replacements, 0 failed; the longest stop took {longest:?}",
        load.requests.load(Ordering::Relaxed),
        load.connections.load(Ordering::Relaxed),
    );
}

#[tokio::test]
async fn who_waits_when_a_process_ends_is_served_by_the_next() {
    let socket = socket();
    let model = FakeModel::start().await.unwrap();
    let mut first = start(&socket, &model).await;
    first.terminate().await;
    first.wait_for_exit().await;
    let mut waiting = Connection::open(socket.local_addr().unwrap()).await;
    let request = Request::chat("ordered").key(FIRST);
    waiting
        .write(&[&request.head(), request.body()].concat())
        .await;
    let _second = start(&socket, &model).await;
    assert_eq!(waiting.read_response().await.status, 200);
}

#[tokio::test]
async fn what_does_not_listen_cannot_be_handed_over() {
    for (sockets, problem) in [
        (
            "1",
            "LISTEN_FDS: descriptor 3 is not a TCP socket that listens",
        ),
        ("one", "LISTEN_FDS: is not a number of sockets"),
    ] {
        let output = faults().env("LISTEN_FDS", sockets).run(&[]).await;
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(problem), "{told}");
    }
}

#[tokio::test]
async fn the_manager_hears_when_it_serves_and_when_it_stops() {
    let folder = target_directory().join("tests");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("notify");
    let _ = std::fs::remove_file(&path);
    let manager = UnixDatagram::bind(&path).unwrap();
    let heard = async |what: &str| {
        let mut buffer = [0; 64];
        let length = patiently(what, manager.recv(&mut buffer)).await.unwrap();
        assert_eq!(str::from_utf8(&buffer[..length]).unwrap().trim_end(), what);
    };
    let dataplane = faults()
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .start()
        .await;
    heard("READY=1").await;
    dataplane.terminate().await;
    heard("STOPPING=1").await;
}

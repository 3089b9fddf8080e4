//! The load: connections that each ask again as soon as they are answered, or at a set rate.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::interval_at;

/// What is asked for, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Requests a second over all connections; `None`: as fast as they are answered.
    pub(crate) rate: Option<u32>,
    /// How long.
    pub(crate) time: Duration,
    /// Whether the answers are streams.
    pub(crate) streamed: bool,
}

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// The secret of an API key.
    pub(crate) key: &'a str,
    /// The model's name.
    pub(crate) model: &'a str,
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Requests that were answered in full.
    pub(crate) requests: u64,
    /// From a request to the first byte of its body, sorted.
    pub(crate) first: Vec<Duration>,
    /// From a request to the last byte of its answer, sorted.
    pub(crate) last: Vec<Duration>,
}

/// Puts a load on a subject; the callers ask in turns.
pub(crate) async fn run(
    address: SocketAddr,
    callers: &[Caller<'_>],
    load: Load,
) -> io::Result<Outcome> {
    let requests = callers.iter().map(|caller| request(*caller, load.streamed));
    let requests: Rc<[Vec<u8>]> = requests.collect();
    let mut clients = JoinSet::new();
    let end = Instant::now() + load.time;
    for index in 0..load.connections {
        let requests = Rc::clone(&requests);
        clients.spawn_local(client(address, requests, load, index, end));
    }
    let mut outcome = Outcome::default();
    while let Some(client) = clients.join_next().await {
        let client = client.expect("a client does not panic")?;
        outcome.requests += client.requests;
        outcome.first.extend(client.first);
        outcome.last.extend(client.last);
    }
    outcome.first.sort_unstable();
    outcome.last.sort_unstable();
    Ok(outcome)
}

/// Opens so many streams, and calls `then` when each has had its first event.
pub(crate) async fn hold<T>(
    address: SocketAddr,
    caller: Caller<'_>,
    streams: usize,
    then: impl FnOnce() -> T,
) -> io::Result<T> {
    let request = request(caller, true);
    let mut open = Vec::with_capacity(streams);
    for _ in 0..streams {
        let mut socket = connect(address).await?;
        socket.write_all(&request).await?;
        open.push(socket);
    }
    let mut buffer = vec![0; 16 * 1024];
    for socket in &mut open {
        let mut read = 0;
        while !buffer[..read].windows(5).any(|window| window == b"data:") {
            match socket.read(&mut buffer[read..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => read += more,
            }
        }
    }
    Ok(then())
}

async fn client(
    address: SocketAddr,
    requests: Rc<[Vec<u8>]>,
    load: Load,
    index: usize,
    end: Instant,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut socket = connect(address).await?;
    let mut buffer = vec![0; 64 * 1024];
    let mut pace = load.rate.map(|rate| {
        let each = Duration::from_secs(1) / rate;
        let connections = u32::try_from(load.connections).unwrap_or(1);
        // In turns, evenly: no two ask at once.
        let turn = each * u32::try_from(index).unwrap_or(0);
        interval_at((Instant::now() + turn).into(), each * connections)
    });
    let mut turn = index;
    let mut answered = Instant::now();
    while answered < end {
        let mut start = answered;
        if let Some(pace) = &mut pace {
            let due = pace.tick().await.into_std();
            // An answer that comes after the next request was due makes that one late, which counts.
            start = if due < answered { due } else { Instant::now() };
        }
        socket.write_all(&requests[turn % requests.len()]).await?;
        turn += load.connections;
        let first = answer(&mut socket, &mut buffer, load.streamed).await?;
        outcome.requests += 1;
        outcome.first.push(first - start);
        answered = Instant::now();
        outcome.last.push(answered - start);
    }
    Ok(outcome)
}

/// Reads one answer; returns when the first byte of its body came.
async fn answer(socket: &mut TcpStream, buffer: &mut [u8], streamed: bool) -> io::Result<Instant> {
    let mut filled = 0;
    let mut first = None;
    let mut head = None;
    loop {
        if filled == buffer.len() {
            // Only the end of a long stream is looked at.
            let keep = filled / 2;
            buffer.copy_within(keep..filled, 0);
            filled -= keep;
        }
        match socket.read(&mut buffer[filled..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
        let bytes = &buffer[..filled];
        if head.is_none() {
            head = parse_head(bytes)?;
        }
        let Some((length, body)) = head else { continue };
        if first.is_none() && filled > length {
            first = Some(Instant::now());
        }
        let whole = if streamed {
            bytes.ends_with(b"\r\n0\r\n\r\n")
        } else {
            filled >= length + body
        };
        if let (true, Some(first)) = (whole, first) {
            return Ok(first);
        }
    }
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let status = response.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = status else {
        return Ok(None);
    };
    if response.code != Some(200) {
        return Err(io::Error::other(String::from_utf8_lossy(bytes)));
    }
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    Ok(Some((head, body.unwrap_or(0))))
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// A request of 1 KiB.
fn request(Caller { key, model }: Caller<'_>, streamed: bool) -> Vec<u8> {
    let fill = "The quick brown fox jumps over the lazy dog. ";
    let body = |text: &str| {
        format!(
            r#"{{"model":"{model}","stream":{streamed},"messages":[{{"role":"system","content":"You are terse."}},{{"role":"user","content":"{text}"}}]}}"#
        )
    };
    let room = 1024 - body("").len();
    let text: String = fill.chars().cycle().take(room).collect();
    let body = body(&text);
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

//! One connection: request after request, each answered as the script says, watching for the client to leave.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;

use crate::server::http::{self, Request};
use crate::server::perform::{After, perform};
use crate::server::record::Received;
use crate::server::state::State;
use crate::server::{control, script::Rule};

/// The most that is read ahead of the request being answered.
const MAX_READ_AHEAD: usize = 64 * 1024;

/// Serves the connection until either side ends it.
pub(super) async fn serve(mut stream: TcpStream, number: u64, state: Arc<State>) {
    // Without it a reset would still be a reset, only later; there is nobody to tell.
    let _ = stream.set_nodelay(true);
    // An error of the socket or of the request's HTTP ends the connection, like a close does.
    if let Ok(After::Reset) = exchange(&mut stream, number, &state).await {
        // A close with a linger time of zero is a reset.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}

async fn exchange(stream: &mut TcpStream, number: u64, state: &State) -> io::Result<After> {
    let (mut reader, mut writer) = stream.split();
    let mut buffer = Vec::new();
    loop {
        let Some(request) = http::read_request(&mut reader, &mut writer, &mut buffer).await? else {
            return Ok(After::Close);
        };
        let closes = request.closes();
        if control::is_for(&request) {
            control::answer(&request, state, &mut writer).await?;
        } else {
            let body = request.body.clone();
            let received = received(request, number);
            let path = received.bare_path().to_owned();
            let (in_flight, rule): (_, Rule) = state.begin(received);
            let after = tokio::select! {
                // A client that leaves just when the answer is complete has still left before.
                biased;
                () = client_left(&mut reader, &mut buffer) => return Ok(After::Close),
                after = perform(&rule, &path, &body, state, &mut writer) => after?,
            };
            in_flight.answered();
            if !matches!(after, After::KeepAlive) {
                return Ok(after);
            }
        }
        if closes {
            return Ok(After::Close);
        }
    }
}

fn received(request: Request, connection: u64) -> Received {
    let Request {
        method,
        path,
        headers,
        body,
    } = request;
    Received {
        connection,
        method,
        path,
        headers,
        body: body.into(),
        outcome: None,
    }
}

/// Resolves when the client has closed or reset its side. What it sends meanwhile is its next request.
async fn client_left(reader: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) {
    while buffer.len() < MAX_READ_AHEAD {
        match reader.read_buf(buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    std::future::pending().await
}

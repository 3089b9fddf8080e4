//! One request of the gateway's own, over a connection of its own, with the whole of its answer.

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use thiserror::Error;
use tokio::time::timeout;

use crate::h1::body::Decoder;
use crate::upstream::connect::{Destination, connect};
use crate::upstream::connection::{self, Connection};
use crate::upstream::failure::Failure;
use crate::upstream::h1::request::Writer;
use crate::upstream::http_body::Broken;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Why there is no answer to go by.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unanswered {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("no answer in time")]
    Late,
    #[error("the answer is longer than 1 MiB")]
    TooLong,
    #[error("the answer broke off")]
    Broken,
}

/// The body of what `destination` answers to `request` within `limit`, from the connection to the last
/// byte. Anything but 200 is a failure, a redirection too.
pub(crate) async fn ask(
    destination: &Destination,
    request: Request<Bytes>,
    limit: Duration,
) -> Result<Bytes, Unanswered> {
    timeout(limit, answer(destination, request, limit))
        .await
        .unwrap_or(Err(Unanswered::Late))
}

async fn answer(
    destination: &Destination,
    mut request: Request<Bytes>,
    limit: Duration,
) -> Result<Bytes, Unanswered> {
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    let response = send(destination, request, limit).await?;
    if response.status != StatusCode::OK {
        return Err(Unanswered::Failed(Failure::Status {
            status: response.status,
            retry_after: None,
        }));
    }
    response.read(MAX_ANSWER).await
}

/// The response to a request, whose body is to be read. Dropped, its connection is closed.
pub(crate) struct Response {
    /// Its status.
    pub(crate) status: StatusCode,
    connection: Connection,
    decoder: Decoder,
}

/// Sends `request` to `destination`, to which a connection must be made within `limit`, and waits for the head
/// of the response.
pub(crate) async fn send(
    destination: &Destination,
    request: Request<Bytes>,
    limit: Duration,
) -> Result<Response, Failure> {
    let (asked, body) = request.into_parts();
    let mut head = Writer::new(&asked.method, asked.uri.path(), asked.uri.query());
    head.header(&HOST, destination.address.authority().as_bytes());
    head.header(&CONNECTION, b"close");
    for (name, value) in &asked.headers {
        head.header(name, value.as_bytes());
    }
    let head = match asked.method {
        Method::GET => head.end(),
        _ => head.end_with(body.len()),
    };
    let mut connection = connect(destination, limit).await?;
    let answered = connection.ask(head, &body).await;
    let head = answered.map_err(connection::Unanswered::failure)?;
    Ok(Response {
        status: head.status,
        connection,
        decoder: Decoder::new(head.framing),
    })
}

impl Response {
    /// The whole body, of at most `limit` bytes.
    pub(crate) async fn read(mut self, limit: usize) -> Result<Bytes, Unanswered> {
        let mut body = BytesMut::new();
        let (connection, decoder) = (&mut self.connection, &mut self.decoder);
        while let Some(piece) = poll_fn(|cx| connection.poll_piece(decoder, cx)).await {
            let piece = piece.map_err(|Broken| Unanswered::Broken)?;
            if piece.len() > limit - body.len() {
                return Err(Unanswered::TooLong);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }
}

//! One request of the gateway's own, over a connection of its own, with the whole of its answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use thiserror::Error;
use tokio::time::timeout;

use crate::upstream::connect::{Destination, connect};
use crate::upstream::failure::Failure;

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
    request: Request<Full<Bytes>>,
    limit: Duration,
) -> Result<Bytes, Unanswered> {
    timeout(limit, answer(destination, request, limit))
        .await
        .unwrap_or(Err(Unanswered::Late))
}

async fn answer(
    destination: &Destination,
    mut request: Request<Full<Bytes>>,
    limit: Duration,
) -> Result<Bytes, Unanswered> {
    let headers = request.headers_mut();
    headers.insert(HOST, destination.address.authority().clone());
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut connection = connect(destination, limit).await?;
    // Closes the connection also where the answer is given up.
    let _end = End(connection.task.clone());
    let sent = connection.sender.send_request(request).await;
    let response = sent.map_err(|error| match error.is_parse() {
        true => Failure::Malformed,
        false => Failure::Closed,
    })?;
    if response.status() != StatusCode::OK {
        return Err(Unanswered::Failed(Failure::Status {
            status: response.status(),
            retry_after: None,
        }));
    }
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => Unanswered::TooLong,
        false => Unanswered::Broken,
    })?;
    Ok(body.to_bytes())
}

/// Ends the task of a connection when dropped.
struct End(tokio::task::AbortHandle);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abort();
    }
}

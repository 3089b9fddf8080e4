//! An upstream that speaks HTTP/1.1: sends a request over a kept or a new connection.

use std::pin::pin;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use tokio::time::{Instant, timeout_at};

use crate::endpoint::Operation;
use crate::topology::Timeouts;
use crate::upstream::connect::{Destination, connect};
use crate::upstream::connection::Connection;
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::failure::Failure;
use crate::upstream::headers;
use crate::upstream::http_body::HttpBody;
use crate::upstream::pool::{Lease, SharedPool};
use crate::upstream::source::Source;

/// How an HTTP upstream is reached.
pub(crate) struct Http {
    destination: Destination,
    authorization: Option<HeaderValue>,
    chat: Uri,
    completions: Uri,
    embeddings: Uri,
}

/// Why a request that was sent has no response.
enum Unanswered {
    /// The attempt is over.
    Failed(Failure),
    /// Nothing of it went out: the connection was closed already.
    Unsent,
    /// The connection was closed before a byte of a response.
    Closed,
}

impl Unanswered {
    /// What it is where no other connection is tried.
    fn failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Unsent | Self::Closed => Failure::Closed,
        }
    }
}

impl Http {
    /// An upstream at `destination` that is shown `authorization`, or why there can be none.
    pub(crate) fn new(
        destination: Destination,
        authorization: Option<HeaderValue>,
    ) -> Result<Self, &'static str> {
        let path = |operation: Operation| {
            let path = format!("{}{}", destination.address.prefix(), operation.path());
            Uri::try_from(path).map_err(|_| "its path cannot be asked for")
        };
        Ok(Self {
            chat: path(Operation::Chat)?,
            completions: path(Operation::Completions)?,
            embeddings: path(Operation::Embeddings)?,
            destination,
            authorization,
        })
    }

    /// Sends `outgoing` and waits for the head of the response; where that is a stream, for its
    /// first piece too.
    ///
    /// A server may close an idle connection at the very moment of its next use. Then the request is
    /// sent once more, over a new connection. What tells such a server from one that broke down at its
    /// work is the time: the close was under way when the request went out, so it is here before a
    /// connection to the server could be made. One that comes later is a failure: the server has seen the
    /// request, and the same one could be too much for it again. The second try has what is left of the
    /// time, so that no exchange takes longer than to connect and to the first byte.
    pub(crate) async fn exchange(
        &self,
        pool: &SharedPool,
        timeouts: &Timeouts,
        outgoing: Outgoing<'_>,
    ) -> Result<Answer, Failure> {
        let deliver = async |connection, outgoing, due| {
            let lease = Lease::new(pool, connection);
            let sent = pin!(self.send(lease, outgoing));
            timeout_at(due, sent)
                .await
                .unwrap_or(Err(Unanswered::Failed(Failure::FirstByteTimeout)))
        };
        let mut time = timeouts.first_byte;
        if let Some(kept) = pool.take() {
            let sent = Instant::now();
            match deliver(kept, outgoing.clone(), sent + time).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Unsent) => {}
                Err(Unanswered::Closed) if sent.elapsed() < timeouts.connect => {}
                Err(unanswered) => return Err(unanswered.failure()),
            }
            time = time.saturating_sub(sent.elapsed());
        }
        // Boxed, as it is rare and large: every request would carry its state.
        let fresh = Box::pin(connect(&self.destination, timeouts.connect)).await?;
        deliver(fresh, outgoing, Instant::now() + time)
            .await
            .map_err(Unanswered::failure)
    }

    /// Where its connections lead.
    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// What the gateway shows it.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    async fn send(&self, mut lease: Lease, outgoing: Outgoing<'_>) -> Result<Answer, Unanswered> {
        let request = self.request(outgoing);
        let sent = match lease.connection() {
            Some(Connection { sender, .. }) => sender.try_send_request(request),
            None => return Err(Unanswered::Unsent),
        };
        match sent.await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let mut body = HttpBody::new(body, lease);
                // A model server sends the head of a stream before it begins to work on it.
                if head.status.is_success() && headers::is_event_stream(&head.headers) {
                    body.begun().await.map_err(Unanswered::Failed)?;
                }
                Ok(Answer {
                    status: head.status,
                    headers: head.headers,
                    source: Source::Http(body),
                })
            }
            Err(error) if error.error().is_parse() => Err(Unanswered::Failed(Failure::Malformed)),
            Err(mut error) => Err(match error.take_message() {
                Some(_) => Unanswered::Unsent,
                None => Unanswered::Closed,
            }),
        }
    }

    fn request(&self, outgoing: Outgoing<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(outgoing.body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path(outgoing.operation, outgoing.query);
        let mut headers = outgoing.headers;
        headers.insert(HOST, self.destination.address.authority().clone());
        if let Some(authorization) = &self.authorization {
            for name in &headers::BESIDE_A_KEY {
                headers.remove(name);
            }
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        *request.headers_mut() = headers;
        request
    }

    /// The path to ask for, with the client's query if it sent one.
    fn path(&self, operation: Operation, query: Option<&str>) -> Uri {
        let settled = match operation {
            Operation::Chat => &self.chat,
            Operation::Completions => &self.completions,
            Operation::Embeddings => &self.embeddings,
        };
        match query {
            None => settled.clone(),
            Some(query) => Uri::try_from(format!("{}?{query}", settled.path()))
                .unwrap_or_else(|_| settled.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    #[test]
    fn asks_below_the_prefix_and_with_the_clients_query() {
        let address = Address::parse("http://127.0.0.1:1/openai/").unwrap();
        let http = Http::new(Destination::new(address).unwrap(), None).unwrap();
        assert_eq!(
            http.path(Operation::Chat, None),
            "/openai/v1/chat/completions"
        );
        assert_eq!(
            http.path(Operation::Embeddings, Some("api-version=1")),
            "/openai/v1/embeddings?api-version=1"
        );
    }
}

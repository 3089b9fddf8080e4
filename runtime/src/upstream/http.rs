//! An upstream that speaks HTTP/1.1: sends a request over a kept or a new connection.

use std::pin::pin;

use bytes::BytesMut;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Method, Uri};
use tokio::time::{Instant, timeout_at};

use crate::endpoint::Operation;
use crate::topology::Timeouts;
use crate::upstream::connect::{Destination, connect};
use crate::upstream::connection::Unanswered;
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::failure::Failure;
use crate::upstream::h1::request::Writer;
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
        let deliver = async |connection, due| {
            let lease = Lease::new(pool, connection);
            let sent = pin!(self.send(lease, &outgoing));
            timeout_at(due, sent)
                .await
                .unwrap_or(Err(Unanswered::Failed(Failure::FirstByteTimeout)))
        };
        let mut time = timeouts.first_byte;
        if let Some(kept) = pool.take() {
            let sent = Instant::now();
            match deliver(kept, sent + time).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Unsent) => {}
                Err(Unanswered::Closed) if sent.elapsed() < timeouts.connect => {}
                Err(unanswered) => return Err(unanswered.failure()),
            }
            time = time.saturating_sub(sent.elapsed());
        }
        // Boxed, as it is rare and large: every request would carry its state.
        let fresh = Box::pin(connect(&self.destination, timeouts.connect)).await?;
        deliver(Box::new(fresh), Instant::now() + time)
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

    async fn send(&self, mut lease: Lease, outgoing: &Outgoing<'_>) -> Result<Answer, Unanswered> {
        let asked = lease
            .connection
            .ask(self.head(outgoing), outgoing.body.clone());
        let head = asked.await?;
        let mut body = HttpBody::new(&head, lease);
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

    /// The head of the request: the client's headers, but for what this upstream alone is told.
    fn head(&self, outgoing: &Outgoing<'_>) -> BytesMut {
        let mut head = Writer::new(&Method::POST, self.path(outgoing.operation), outgoing.query);
        head.header(&HOST, self.destination.address.authority());
        if let Some(authorization) = &self.authorization {
            head.header(&AUTHORIZATION, authorization);
        }
        let is_keyed = self.authorization.is_some();
        for (name, value) in outgoing.headers.iter() {
            if !(is_keyed && headers::BESIDE_A_KEY.contains(name)) {
                head.header(name, value);
            }
        }
        head.end_with(outgoing.body.len())
    }

    /// The path to ask for.
    fn path(&self, operation: Operation) -> &str {
        match operation {
            Operation::Chat => self.chat.path(),
            Operation::Completions => self.completions.path(),
            Operation::Embeddings => self.embeddings.path(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use bytes::Bytes;
    use hyper::HeaderMap;

    use super::*;
    use crate::address::Address;

    fn head(authorization: Option<&'static str>, query: Option<&str>) -> String {
        let address = Address::parse("http://127.0.0.1:1/openai/").unwrap();
        let authorization = authorization.map(HeaderValue::from_static);
        let http = Http::new(Destination::new(address).unwrap(), authorization).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("openai-project", HeaderValue::from_static("p"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        let outgoing = Outgoing {
            operation: Operation::Embeddings,
            query,
            headers: Cow::Owned(headers),
            body: Bytes::from_static(b"{}"),
        };
        String::from_utf8(http.head(&outgoing).to_vec()).unwrap()
    }

    #[test]
    fn asks_below_the_prefix_and_with_the_clients_query() {
        assert_eq!(
            head(None, Some("api-version=1")),
            "POST /openai/v1/embeddings?api-version=1 HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\
             openai-project: p\r\naccept: */*\r\ncontent-length: 2\r\n\r\n"
        );
    }

    #[test]
    fn who_is_billed_is_for_the_owner_of_the_key_to_say() {
        assert_eq!(
            head(Some("Bearer k"), None),
            "POST /openai/v1/embeddings HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\
             authorization: Bearer k\r\naccept: */*\r\ncontent-length: 2\r\n\r\n"
        );
    }
}

//! An upstream that speaks HTTP/1.1: sends a request over a kept or a new connection.

use std::pin::pin;

use hyper::header::HeaderValue;
use hyper::{Method, Uri};
use tokio::time::Instant;

use crate::endpoint::Operation;
use crate::message::name::{AUTHORIZATION, HOST};
use crate::topology::Timeouts;
use crate::turn;
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

    /// Sends `outgoing`, `now`, and waits for the head of the response; where that is a stream, for its
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
        outgoing: &Outgoing<'_>,
        now: Instant,
    ) -> Result<Answer, Failure> {
        let deliver = async |connection, due| {
            let lease = Lease::new(pool, connection);
            let sent = pin!(self.send(lease, outgoing));
            let mut alarm = pool.alarm();
            let answered = alarm.limit(due, sent).await;
            pool.keep(alarm);
            answered.unwrap_or(Err(Unanswered::Failed(Failure::FirstByteTimeout)))
        };
        turn::after_reads().await;
        let mut time = timeouts.first_byte;
        if let Some(kept) = pool.take(now) {
            match deliver(kept, now + time).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Unsent) => {}
                Err(Unanswered::Closed) if now.elapsed() < timeouts.connect => {}
                Err(unanswered) => return Err(unanswered.failure()),
            }
            time = time.saturating_sub(now.elapsed());
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
        let asked = lease.connection.ask(self.head(outgoing), &outgoing.body);
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
    fn head(&self, outgoing: &Outgoing<'_>) -> Vec<u8> {
        let mut head = Writer::new(&Method::POST, self.path(outgoing.operation), outgoing.query);
        head.header(HOST, self.destination.address.authority().as_bytes());
        if let Some(authorization) = &self.authorization {
            head.header(AUTHORIZATION, authorization.as_bytes());
        }
        let (trace, span) = (outgoing.trace, outgoing.span);
        let filter = headers::Request::of(outgoing.headers, self.authorization.is_some());
        head.headers(outgoing.headers, |name| {
            filter.passes(name) && !trace.replaces(name, span)
        });
        trace.tell(span, |name, value| head.header(name, value));
        if outgoing.is_copy {
            head.header(headers::SHADOW, b"1");
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
    use tokio::io::duplex;

    use super::*;
    use crate::address::Address;
    use crate::fixture::{dataplane, outgoing, worker};
    use crate::h1::stream::Stream;
    use crate::message::headers::Headers;
    use crate::observe::trace::Trace;
    use crate::upstream::connection::Connection;

    /// What follows the request line, of a request that has these headers.
    fn head(authorization: Option<&'static str>, lines: &str, is_copy: bool) -> Vec<String> {
        let address = Address::parse("http://127.0.0.1:1/openai/").unwrap();
        let authorization = authorization.map(HeaderValue::from_static);
        let http = Http::new(Destination::new(address).unwrap(), authorization).unwrap();
        let lines = lines.lines().map(|line| line.split_once(": ").unwrap());
        let headers: Headers = lines.collect();
        let trace = Trace::identify(&headers, None);
        let outgoing = Outgoing {
            operation: Operation::Embeddings,
            query: Some("api-version=1"),
            is_copy,
            ..outgoing(&headers, &trace)
        };
        let head = String::from_utf8(http.head(&outgoing)).unwrap();
        let lines = head.strip_suffix("\r\n\r\n").unwrap().split("\r\n");
        lines.map(str::to_owned).collect()
    }

    const IDS: &str = "x-request-id: r\nx-trace-id: t\n\
        traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn asks_below_the_prefix_and_with_the_clients_query() {
        let sent = head(None, &format!("accept: */*\nhost: a\n{IDS}"), true);
        let expected = [
            "POST /openai/v1/embeddings?api-version=1 HTTP/1.1",
            "host: 127.0.0.1:1",
            "accept: */*",
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "x-request-id: r",
            "x-trace-id: t",
            "x-nexus-shadow: 1",
            "content-length: 2",
        ];
        assert_eq!(sent, expected);
    }

    #[test]
    fn who_is_billed_is_for_the_owner_of_the_key_to_say() {
        let lines = "openai-project: p\nauthorization: Bearer client";
        for (authorization, told) in [(None, true), (Some("Bearer k"), false)] {
            let sent = head(authorization, lines, false);
            assert_eq!(sent.contains(&"openai-project: p".to_owned()), told);
            let bearer = sent.iter().find(|line| line.starts_with("authorization"));
            let expected = authorization.map(|value| format!("authorization: {value}"));
            assert_eq!(bearer, expected.as_ref());
        }
    }

    #[tokio::test]
    async fn a_request_goes_out_after_what_has_come_was_read() {
        let (near, far) = duplex(1024);
        let pool = SharedPool::default();
        let kept = Box::new(Connection::new(Stream::Memory(near)));
        Lease::new(&pool, kept).give_back();
        let address = Address::parse("http://127.0.0.1:1").unwrap();
        let http = Http::new(Destination::new(address).unwrap(), None).unwrap();
        let headers = Headers::default();
        let trace = Trace::identify(&headers, None);
        let outgoing = outgoing(&headers, &trace);
        let timeouts = worker(dataplane()).dataplane.upstreams[0].timeouts();
        let exchange = http.exchange(&pool, timeouts, &outgoing, Instant::now());
        let order = turn::order(exchange, far).await;
        assert_eq!(order, [Some("read"), Some("written")]);
    }
}

//! A response on its way to the client: its head, and its body as it comes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Version;
use hyper::body::Body as _;

use crate::message::Response;
use crate::server::http1::output::Output;
use crate::server::http1::response::{self, Manner};
use crate::server::http1::wire::{Gone, Wire};
use crate::stream::body::Body;
use crate::turn;

/// How the response is to go out.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) version: Version,
    /// The client asked for the head and nothing else.
    pub(super) wants_no_body: bool,
    /// Whether the connection serves another request after it, as far as that depends on others.
    pub(super) keeps_alive: bool,
}

/// Sends `response`. Returns whether the connection may serve another request, or that there is nobody left to
/// serve: what was begun can then only be cut. Of a request's body that nobody has read `unread` bytes are passed
/// over meanwhile, and taken off it.
#[expect(clippy::manual_async_fn, reason = "it would hold the response twice")]
pub(super) fn send(
    wire: &RefCell<Wire>,
    response: Response,
    terms: Terms,
    unread: &mut usize,
) -> impl Future<Output = Result<bool, Gone>> {
    async move {
        turn::after_reads().await;
        let begun = Sending::begin(&mut wire.borrow_mut(), response, terms, *unread);
        let (mut sending, keeps_alive) = begun;
        while let Progress::Come = poll_fn(|cx| sending.poll(wire, unread, cx)).await? {
            turn::after_reads().await;
        }
        Ok(keeps_alive)
    }
}

/// How far a response has come.
enum Progress {
    /// A piece that was waited for is there, and not sent.
    Come,
    /// All of it was sent.
    Sent,
}

struct Sending {
    /// The body, as long as there is more of it to come.
    body: Option<Body>,
    manner: Manner,
    /// The body broke off: the client is to see that.
    is_broken: bool,
    /// The next piece is waited for.
    waits: bool,
    /// The piece that was waited for, and whether it is the last.
    come: Option<(Bytes, bool)>,
    output: Output,
}

impl Sending {
    fn begin(wire: &mut Wire, response: Response, terms: Terms, unread: usize) -> (Self, bool) {
        let Response {
            status,
            headers,
            body,
        } = response;
        let manner = Manner::of(status, body.size_hint().exact(), terms.version);
        // A client that does not know where a response ends waits for the end of the connection.
        let keeps_alive = terms.keeps_alive && wire.ends_within(unread) && manner != Manner::Close;
        let unfinished = wire.unfinished();
        let mut output = Output::new();
        let text = output.text(wire.scratch());
        text.extend_from_slice(unfinished);
        let date = wire.scratch().date();
        response::write(
            text,
            status,
            &headers,
            manner,
            terms.version,
            keeps_alive,
            &date,
        );
        let has_none = terms.wants_no_body || matches!(manner, Manner::None | Manner::Length(0));
        let sending = Self {
            body: (!has_none).then_some(body),
            manner,
            is_broken: false,
            waits: false,
            come: None,
            output,
        };
        (sending, keeps_alive)
    }

    fn poll(
        &mut self,
        wire: &RefCell<Wire>,
        unread: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Progress, Gone>> {
        if let Some((piece, is_last)) = self.come.take() {
            self.put(&wire.borrow(), piece, is_last);
        }
        loop {
            // What is ready together goes out together.
            while let Some(body) = &mut self.body
                && self.output.has_room()
            {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Pending => {
                        self.waits = true;
                        break;
                    }
                    Poll::Ready(Some(Ok(frame))) => {
                        let is_last = body.is_end_stream();
                        // Trailers belong to one connection.
                        let piece = frame.into_data().unwrap_or_default();
                        if std::mem::take(&mut self.waits) {
                            self.come = Some((piece, is_last));
                            return Poll::Ready(Ok(Progress::Come));
                        }
                        self.put(&wire.borrow(), piece, is_last);
                    }
                    Poll::Ready(None) => self.end(&wire.borrow()),
                    Poll::Ready(Some(Err(_))) => {
                        self.body = None;
                        self.is_broken = true;
                    }
                }
            }
            let mut wire = wire.borrow_mut();
            match wire.poll_write(&mut self.output, cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Gone)),
                Poll::Ready(Ok(())) if self.is_broken => {
                    if self.manner == Manner::Close {
                        wire.reset();
                    }
                    return Poll::Ready(Err(Gone));
                }
                Poll::Ready(Ok(())) if self.body.is_none() => {
                    return Poll::Ready(Ok(Progress::Sent));
                }
                Poll::Ready(Ok(())) if !self.waits => continue,
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            return match wire.poll_pass_over(unread, cx) {
                Poll::Ready(Err(Gone)) => Poll::Ready(Err(Gone)),
                // Nobody works for it any more, and who has closed its side may still read.
                Poll::Ready(Ok(())) if self.body.is_none() => Poll::Pending,
                Poll::Ready(Ok(())) => wire.poll_gone(cx).map(|()| Err(Gone)),
                Poll::Pending => Poll::Pending,
            };
        }
    }

    /// Puts a piece of the body among what is written, and its end if it is the last.
    fn put(&mut self, wire: &Wire, mut piece: Bytes, is_last: bool) {
        let scratch = wire.scratch();
        match &mut self.manner {
            Manner::Length(left) => {
                piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= piece.len() as u64;
                self.output.push(piece, scratch);
                if *left == 0 {
                    self.body = None;
                }
            }
            // A chunk of no bytes would be the last.
            Manner::Chunked if piece.is_empty() => {}
            Manner::Chunked => {
                self.output.push_chunk(piece, is_last, scratch);
                if is_last {
                    self.body = None;
                }
            }
            Manner::None | Manner::Close => {
                self.output.push(piece, scratch);
                if is_last {
                    self.body = None;
                }
            }
        }
    }

    /// The body has ended, as it was promised or before.
    fn end(&mut self, wire: &Wire) {
        self.body = None;
        match self.manner {
            Manner::Length(left) => self.is_broken = left > 0,
            Manner::Chunked => {
                let text = self.output.text(wire.scratch());
                text.extend_from_slice(b"0\r\n\r\n");
            }
            Manner::None | Manner::Close => {}
        }
    }
}

#[cfg(test)]
#[cfg(feature = "mock")]
mod tests {
    use std::rc::Rc;
    use std::time::Duration;

    use bytes::BytesMut;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;
    use crate::fixture::{account, dataplane, worker};
    use crate::forward::deadline::Deadline;
    use crate::h1::stream::Stream;
    use crate::stream::observer::Observer;
    use crate::stream::relay::Relay;
    use crate::upstream::engaged::Engaged;
    use crate::upstream::mock_body::MockBody;
    use crate::upstream::source::Source;

    #[tokio::test]
    async fn a_body_that_broke_off_never_looks_whole_however_slowly_it_is_read() {
        let worker = worker(dataplane());
        for taken in [1, 7, 64 * 1024] {
            // Its time is over with its first piece, of a length that nobody has told.
            let pieces = vec![Bytes::from("{\"a\":"), Bytes::from("1}")];
            let body = Body::Relayed(Box::new(Relay::new(
                Source::Mock(MockBody::paced(pieces, Duration::ZERO)),
                Engaged::without_pass(&worker.dataplane.upstreams[0]),
                Observer::of_document(),
                account(&worker),
                None,
                Deadline::after(Some(Duration::ZERO)),
            )));
            let (near, mut far) = duplex(taken);
            let wire = Wire::new(Stream::Memory(near), BytesMut::new(), &Rc::default());
            let wire = RefCell::new(wire);
            let terms = Terms {
                version: Version::HTTP_11,
                wants_no_body: false,
                keeps_alive: true,
            };
            let send = async {
                let sent = send(&wire, Response::new(body), terms, &mut 0).await;
                drop(wire);
                sent
            };
            let mut read = String::new();
            let (sent, _) = tokio::join!(send, far.read_to_string(&mut read));
            assert!(sent.is_err());
            assert!(
                read.contains("chunked") && read.ends_with("\r\n\r\n"),
                "{read}"
            );
            assert!(!read.ends_with("0\r\n\r\n"), "{read}");
        }
    }

    #[tokio::test]
    async fn a_response_begins_after_what_has_come_was_read() {
        let (near, far) = duplex(1024);
        let wire = Wire::new(Stream::Memory(near), BytesMut::new(), &Rc::default());
        let wire = RefCell::new(wire);
        let response = Response::new(Body::whole(Bytes::from("{}")));
        let terms = Terms {
            version: Version::HTTP_11,
            wants_no_body: false,
            keeps_alive: true,
        };
        let mut unread = 0;
        let send = send(&wire, response, terms, &mut unread);
        let order = turn::order(send, far).await;
        assert_eq!(order, [Some("read"), Some("written")]);
    }
}

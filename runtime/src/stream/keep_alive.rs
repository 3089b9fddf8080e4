//! Comments for a client that waits: through a long prefill, and between two events. Clients pass over
//! them; what they keep from happening is that the client, or a proxy before it, takes silence for death.
//!
//! The first comment begins the response, before anybody knows who will answer. The request goes on all the
//! same, inside of the response's body: as no content has been sent, fallback works as it does without.

use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::error::{self, Interruption};
use crate::message::Response;
use crate::message::headers::Headers;
use crate::message::name::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use crate::server::drain::Begun;
use crate::stream::body::Body;
use crate::stream::relay::Relay;
use crate::upstream::http_body::Broken;

const COMMENT: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// A request on its way to its response. Boxed, as it is large: it is held for as long as there is no response, and
/// not while one streams.
type Passing = Pin<Box<dyn Future<Output = Response>>>;

/// Where a request that streams leaves the headers that its response has in any case, once nothing but its
/// limits can refuse it: from then on the response may begin.
#[derive(Default)]
pub(crate) struct Beginning(RefCell<Option<Headers>>);

impl Beginning {
    /// The response may begin, with these headers.
    pub(crate) fn may_have(&self, headers: Headers) {
        *self.0.borrow_mut() = Some(headers);
    }

    fn is_allowed(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// A request on its way to its response, which has a comment, if it streams, wherever there was nothing else for
/// long enough. One that has begun is told at the cut that nobody will answer any more.
pub(crate) struct Underway {
    /// `None` once there is a response.
    passing: Option<Passing>,
    /// `None` where no comments are wanted.
    keeping: Option<Keeping>,
}

/// What it takes to keep a response alive.
pub(crate) struct Keeping {
    every: Duration,
    beginning: Rc<Beginning>,
    cut: Begun,
    /// When the response is to begin without an answer; `None` before it may.
    due: Option<Instant>,
    alarm: Alarm,
}

impl Underway {
    /// The request that `passing` takes to its response, which is kept alive if it has what that takes.
    pub(crate) fn new(
        passing: impl Future<Output = Response> + 'static,
        keeping: Option<Keeping>,
    ) -> Self {
        Self {
            passing: Some(Box::pin(passing)),
            keeping,
        }
    }
}

impl Future for Underway {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let Self { passing, keeping } = &mut *self;
        let polled = match passing {
            Some(passing) => passing.as_mut().poll(cx),
            None => Poll::Pending,
        };
        let Some(keeping) = keeping else {
            return polled;
        };
        if let Poll::Ready(mut response) = polled {
            response.body = match response.body {
                Body::Relayed(relay) if relay.is_stream() => {
                    let alarm = mem::take(&mut keeping.alarm);
                    let state = State::Relaying(relay);
                    Body::KeptAlive(KeptAlive::new(keeping.every, alarm, state))
                }
                other => other,
            };
            return Poll::Ready(response);
        }
        if !keeping.beginning.is_allowed() {
            return Poll::Pending;
        }
        ready!(keeping.poll_alarm(cx));
        match (passing.take(), self.keeping.take()) {
            (Some(passing), Some(keeping)) => Poll::Ready(keeping.begin(passing)),
            _ => Poll::Pending,
        }
    }
}

impl Keeping {
    /// A comment this often; the time of all responses is over at the `cut`.
    pub(crate) fn new(every: Duration, cut: Begun) -> Self {
        Self {
            every,
            beginning: Rc::default(),
            cut,
            due: None,
            alarm: Alarm::default(),
        }
    }

    /// Where the request leaves the headers of a response that may begin.
    pub(crate) fn beginning(&self) -> Rc<Beginning> {
        Rc::clone(&self.beginning)
    }

    /// Ready when the response is to begin, whoever will answer.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let every = self.every;
        let due = *self.due.get_or_insert_with(|| Instant::now() + every);
        self.alarm.poll(due, cx)
    }

    /// The response to the request `passing`, which goes on inside of it.
    fn begin(self, passing: Passing) -> Response {
        let state = State::Awaiting(passing, self.cut);
        let body = KeptAlive::new(self.every, self.alarm, state);
        let mut response = Response::new(Body::KeptAlive(body));
        response.headers = self.beginning.0.take().unwrap_or_default();
        response.headers.insert(CONTENT_TYPE, "text/event-stream");
        response.headers.insert(CACHE_CONTROL, "no-cache");
        response
    }
}

/// The body of a response that is kept alive.
pub(crate) struct KeptAlive {
    state: State,
    every: Duration,
    /// When the client is to have a comment, if it gets nothing else; `None` where that is now.
    due: Option<Instant>,
    alarm: Alarm,
}

enum State {
    /// Nobody has answered yet.
    Awaiting(Passing, Begun),
    /// A stream is relayed.
    Relaying(Box<Relay>),
    /// Something else has come for a client that was promised a stream.
    Wrapping(Wrapped),
}

impl KeptAlive {
    fn new(every: Duration, alarm: Alarm, state: State) -> Box<Self> {
        let due = match state {
            State::Awaiting(..) => None,
            _ => Some(Instant::now() + every),
        };
        Box::new(Self {
            state,
            every,
            due,
            alarm,
        })
    }

    /// The next piece, or a comment.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            let Some(due) = self.due else {
                self.due = Some(Instant::now() + self.every);
                return Poll::Ready(Some(Ok(Frame::data(COMMENT))));
            };
            let polled = match &mut self.state {
                State::Awaiting(request, cut) => {
                    if let Poll::Ready(response) = request.as_mut().poll(cx) {
                        self.state = State::of(response);
                        continue;
                    }
                    if Pin::new(cut).poll(cx).is_ready() {
                        // Dropped, the request accounts for itself.
                        let event = error::event(Interruption::Stopped, true);
                        self.state = State::Wrapping(Wrapped::Rest(Some(event)));
                        continue;
                    }
                    Poll::Pending
                }
                State::Relaying(relay) => relay.poll_frame(cx),
                State::Wrapping(wrapped) => wrapped.poll_frame(cx),
            };
            if polled.is_ready() {
                self.due = Some(Instant::now() + self.every);
                return polled;
            }
            ready!(self.alarm.poll(due, cx));
            // In the midst of an event, the client waits for another turn.
            let is_midst = !self.state.may_be_interrupted();
            self.due = is_midst.then(|| Instant::now() + self.every);
        }
    }

    /// Whether all of it is out.
    pub(crate) fn is_end_stream(&self) -> bool {
        matches!(&self.state, State::Relaying(relay) if self.due.is_some() && relay.is_end_stream())
    }

    /// What is known about the length: nothing.
    pub(crate) fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl State {
    fn of(response: Response) -> Self {
        match response.body {
            Body::Relayed(relay) if relay.is_stream() => Self::Relaying(relay),
            Body::Relayed(mut relay) if response.headers.has(CONTENT_ENCODING) => {
                // Nobody asked for that, and the head that would say so is out.
                let _broken = relay.break_off(Interruption::Broken);
                let event = error::event(Interruption::Broken, true);
                Self::Wrapping(Wrapped::Rest(Some(event)))
            }
            other => Self::Wrapping(Wrapped::Opening(other)),
        }
    }

    fn may_be_interrupted(&self) -> bool {
        match self {
            Self::Awaiting(..) => true,
            Self::Relaying(relay) => relay.may_be_interrupted(),
            Self::Wrapping(_) => false,
        }
    }
}

/// A document, most likely an error, as the one event of a stream.
enum Wrapped {
    Opening(Body),
    Content(Body),
    Rest(Option<Bytes>),
}

impl Wrapped {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            match self {
                Self::Opening(body) => {
                    *self = Self::Content(mem::replace(body, Body::Whole(None)));
                    let start = Bytes::from_static(b"data: ");
                    return Poll::Ready(Some(Ok(Frame::data(start))));
                }
                Self::Content(body) => match ready!(Pin::new(body).poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        if let Ok(piece) = frame.into_data() {
                            return Poll::Ready(Some(Ok(Frame::data(in_one_line(&piece)))));
                        }
                    }
                    Some(Err(Broken)) => {
                        let event = error::event(Interruption::Broken, false);
                        *self = Self::Rest(Some(event));
                    }
                    None => *self = Self::Rest(Some(Bytes::from_static(b"\n\n"))),
                },
                Self::Rest(rest) => {
                    return Poll::Ready(rest.take().map(|rest| Ok(Frame::data(rest))));
                }
            }
        }
    }
}

/// JSON means the same with spaces for its line ends.
fn in_one_line(piece: &[u8]) -> Bytes {
    let mut line = BytesMut::from(piece);
    for byte in line.iter_mut() {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    line.freeze()
}

#[cfg(test)]
#[cfg(feature = "mock")]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::sleep;

    use super::*;
    use crate::fixture::{account, dataplane, worker};
    use crate::forward::deadline::Deadline;
    use crate::server::drain::Drain;
    use crate::stream::observer::{Manner, Observer};
    use crate::upstream::engaged::Engaged;
    use crate::upstream::mock_body::MockBody;
    use crate::upstream::source::Source;

    const EVERY: Duration = Duration::from_millis(400);

    /// The relay of a stream of these pieces, that far apart.
    fn stream(pieces: &[&'static str], pace: Duration) -> Body {
        let worker = worker(dataplane());
        let pieces = pieces.iter().copied().map(Bytes::from).collect();
        Body::Relayed(Box::new(Relay::new(
            Source::Mock(MockBody::paced(pieces, pace)),
            Engaged::without_pass(&worker.dataplane.upstreams[0]),
            Observer::of_events(Manner::default()),
            account(&worker),
            None,
            Deadline::after(None),
        )))
    }

    /// What a client gets where a request takes `delay` to be answered with `body`.
    async fn received(delay: Duration, allowed: bool, body: Body) -> (Headers, String) {
        received_until(&Rc::default(), delay, allowed, body).await
    }

    async fn received_until(
        drain: &Rc<Drain>,
        delay: Duration,
        allowed: bool,
        body: Body,
    ) -> (Headers, String) {
        let keeping = Keeping::new(EVERY, drain.begun());
        if allowed {
            keeping.beginning().may_have(Headers::default());
        }
        let request = async move {
            sleep(delay).await;
            Response::new(body)
        };
        let Response {
            headers, mut body, ..
        } = Underway::new(request, Some(keeping)).await;
        let mut text = String::new();
        while let Some(frame) = body.frame().await {
            text += std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap();
        }
        (headers, text)
    }

    const C: &str = ": keep-alive\n\n";

    #[tokio::test(start_paused = true)]
    async fn a_client_hears_something_while_nobody_answers() {
        let body = stream(
            &["data: 1\n\n", "data: [DONE]\n\n"],
            Duration::from_millis(900),
        );
        let (headers, text) = received(Duration::from_millis(1300), true, body).await;
        assert_eq!(headers.text(CONTENT_TYPE), Some("text/event-stream"));
        assert_eq!(text, format!("{C}{C}{C}data: 1\n\n{C}{C}data: [DONE]\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_answered_in_time_hears_nothing_else() {
        let body = stream(
            &["data: 1\n\n", "data: [DONE]\n\n"],
            Duration::from_millis(300),
        );
        let (headers, text) = received(Duration::from_millis(300), true, body).await;
        assert!(headers == Headers::default());
        assert_eq!(text, "data: 1\n\ndata: [DONE]\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn no_comment_splits_an_event() {
        let pieces = ["data: {\"a\"", ":1}\n\n", "data: [DONE]\n\n"];
        let body = stream(&pieces, Duration::from_millis(900));
        let (_, text) = received(Duration::ZERO, true, body).await;
        assert_eq!(text, format!("data: {{\"a\":1}}\n\n{C}{C}data: [DONE]\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_after_a_comment_is_an_event() {
        let body = Body::whole(Bytes::from("{\"error\":\n{}}"));
        let (_, text) = received(Duration::from_millis(500), true, body).await;
        assert_eq!(text, format!("{C}data: {{\"error\": {{}}}}\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_when_the_gateway_stops_is_told() {
        let drain = Rc::new(Drain::default());
        let stop = async {
            sleep(Duration::from_millis(500)).await;
            drain.begin();
        };
        let body = Body::whole(Bytes::from("{}"));
        let received = received_until(&drain, Duration::from_secs(3600), true, body);
        let ((_, text), ()) = tokio::join!(received, stop);
        assert!(
            text.starts_with(&format!("{C}data: {{\"error\":")),
            "{text}"
        );
        assert!(text.contains("gateway_stopped"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_before_the_request_is_on_its_way() {
        let body = Body::whole(Bytes::from("{}"));
        let (_, text) = received(Duration::from_secs(5), false, body).await;
        assert_eq!(text, "{}");
    }
}

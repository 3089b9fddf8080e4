//! Relays a response's body: every piece at once, as it came. If the upstream fails on the way, a
//! stream ends with an error event, anything else with a broken connection; neither looks like
//! success. A stream is whole with its `[DONE]`, whatever the upstream does then.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::error::{self, Interruption};
use crate::forward::deadline::Deadline;
use crate::idempotency::Recording;
use crate::observe::account::Account;
use crate::server::drain::Begun;
use crate::stream::observer::{Observer, Passage};
use crate::upstream::breaker::Verdict;
use crate::upstream::engaged::Engaged;
use crate::upstream::http_body::Broken;
use crate::upstream::source::Source;

/// How long an upstream may take to end a stream after its last event. A client need not wait longer, nor
/// an upstream connection that can be used again be closed.
pub(crate) const AFTER_DONE: Duration = Duration::from_secs(1);

/// A body on its way from an upstream to a client. Dropped before its end, it closes the upstream's
/// connection and accounts for a client that has gone.
pub(crate) struct Relay {
    /// `None` once the body has ended, one way or another.
    source: Option<Source>,
    /// What the client gets of a piece that it does not get as it is.
    parts: VecDeque<Bytes>,
    engaged: Engaged,
    observer: Observer,
    account: Box<Account>,
    /// Keeps what passes, for requests that are repeated.
    recording: Option<Box<Recording>>,
    /// The end of the time that it has once the gateway stops.
    cut: Begun,
    deadline: Deadline,
    /// Since when the upstream has had nothing to give, if it is waited for.
    waiting_since: Option<Instant>,
    /// Wakes the task when the upstream may have stalled; made when first waited for.
    alarm: Alarm,
}

impl Relay {
    /// Relays `source`, the response of the upstream that is `engaged` until then, at most to the `deadline`.
    pub(crate) fn new(
        source: Source,
        engaged: Engaged,
        observer: Observer,
        account: Box<Account>,
        recording: Option<Box<Recording>>,
        deadline: Deadline,
    ) -> Self {
        let cut = account.until_cut();
        let source = Some(source);
        let mut relay = Self {
            source,
            parts: VecDeque::new(),
            cut,
            engaged,
            observer,
            account,
            recording,
            deadline,
            waiting_since: None,
            alarm: Alarm::default(),
        };
        relay.complete_at_end();
        relay
    }

    /// The next piece.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(part))));
            }
            let Some(source) = &mut self.source else {
                return Poll::Ready(None);
            };
            let polled = Pin::new(source).poll_frame(cx);
            let is_over = self.observer.is_over();
            match polled {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers belong to one connection; the gateway announces none.
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if self.observer.is_done() {
                        self.complete();
                        continue;
                    }
                    let now = Instant::now();
                    if self.deadline.is_over(now) {
                        return Poll::Ready(Some(self.break_off(Interruption::OutOfTime)));
                    }
                    self.waiting_since = None;
                    // A long response need not end before others may pass.
                    self.judge(Verdict::Answer);
                    let passage = self.observer.see(&data, now, &self.account);
                    self.recording.take_if(|recording| !recording.see(&data));
                    self.account.relayed(&data);
                    self.complete_at_end();
                    match passage {
                        Passage::Whole => return Poll::Ready(Some(Ok(Frame::data(data)))),
                        Passage::Parts(parts) => self.parts = parts,
                    }
                }
                // Where the length is not known, a body that ends is not always whole.
                Poll::Ready(None) if self.observer.is_cut() => {
                    return Poll::Ready(Some(self.break_off(Interruption::Broken)));
                }
                Poll::Ready(None) => self.complete(),
                Poll::Ready(Some(Err(Broken))) if is_over => self.complete(),
                Poll::Ready(Some(Err(Broken))) => {
                    return Poll::Ready(Some(self.break_off(Interruption::Broken)));
                }
                Poll::Pending if is_over => {
                    ready!(self.poll_overdue(is_over, cx));
                    self.complete();
                }
                Poll::Pending if Pin::new(&mut self.cut).poll(cx).is_ready() => {
                    return Poll::Ready(Some(self.break_off(Interruption::Stopped)));
                }
                Poll::Pending => {
                    let overdue = ready!(self.poll_overdue(is_over, cx));
                    return Poll::Ready(Some(self.break_off(overdue)));
                }
            }
        }
    }

    /// Whether the body is a stream of events.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.observer, Observer::Events(_))
    }

    /// Whether something may be said to the client here that is not of the upstream: it stands between two
    /// events, and there will be more.
    pub(crate) fn may_be_interrupted(&self) -> bool {
        self.source.is_some()
            && self.parts.is_empty()
            && self.observer.between_events()
            && !self.observer.is_over()
    }

    /// Whether the last piece is out.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.source.is_none() && self.parts.is_empty()
    }

    /// What is known about the length.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match (&self.source, &self.observer) {
            // A stream may yet end with an event that the upstream did not send.
            (Some(_), Observer::Events(_)) => SizeHint::default(),
            (Some(source), Observer::Document(_)) => source.size_hint(),
            (None, _) => {
                SizeHint::with_exact(self.parts.iter().map(|part| part.len() as u64).sum())
            }
        }
    }

    /// Hyper does not ask for another piece of a body that says that it has ended.
    fn complete_at_end(&mut self) {
        // Of what is cut there is more to say.
        if self.has_read_all() && !self.observer.is_cut() {
            self.complete();
        }
    }

    /// Whether nothing more will come from the upstream.
    fn has_read_all(&self) -> bool {
        self.source.as_ref().is_some_and(Body::is_end_stream)
    }

    fn complete(&mut self) {
        if self.observer.has_failed() {
            // The client knows: it has got the event.
            return self.give_up(Interruption::Broken);
        }
        self.source = None;
        self.engaged.entered = None;
        self.judge(Verdict::Success);
        self.observer.report(&mut self.account);
        self.account.complete();
        if let Some(recording) = self.recording.take() {
            recording.keep();
        }
    }

    fn give_up(&mut self, why: Interruption) {
        self.source = None;
        self.engaged.entered = None;
        self.recording = None;
        self.observer.report(&mut self.account);
        self.account.interrupted(why);
        // One that sends as it should cannot help it that the time is over.
        if why.speaks_against_upstream() {
            self.engaged.live.health.note(false);
            self.judge(Verdict::Failure);
        }
    }

    fn judge(&mut self, verdict: Verdict) {
        let change = self.engaged.pass.settle(verdict);
        self.account
            .circuit_changed(self.engaged.live.upstream(), change);
    }

    /// Ready when the next piece is not waited for any longer, or, where the stream `is_over`, its end.
    fn poll_overdue(&mut self, is_over: bool, cx: &mut Context<'_>) -> Poll<Interruption> {
        // Only waiting counts: while a slow client holds up the relay, the upstream is not to
        // blame.
        let now = Instant::now();
        let mut patience = self.engaged.live.timeouts().between_chunks;
        if is_over {
            patience = patience.min(AFTER_DONE);
        }
        let stalls = *self.waiting_since.get_or_insert(now) + patience;
        let due = self.deadline.or_sooner(stalls);
        if now < due {
            ready!(self.alarm.poll(due, cx));
        }
        Poll::Ready(if due < stalls {
            Interruption::OutOfTime
        } else {
            Interruption::Stalled
        })
    }

    /// The upstream failed, or the time is over, the request's or the gateway's.
    pub(crate) fn break_off(&mut self, why: Interruption) -> Result<Frame<Bytes>, Broken> {
        self.give_up(why);
        match &self.observer {
            Observer::Events(events) => Ok(Frame::data(error::event(why, events.between_events()))),
            Observer::Document(_) => Err(Broken),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.source.is_none() || std::thread::panicking() {
            return;
        }
        if self.observer.is_over() && self.parts.is_empty() {
            // The client has all of it, and need not wait for an upstream that has yet to end it.
            return self.complete();
        }
        // A client that went away is accounted for with what was seen until then.
        self.observer.report(&mut self.account);
    }
}

#[cfg(test)]
#[cfg(feature = "mock")]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use hyper::StatusCode;

    use super::*;
    use crate::fixture::{account, dataplane, worker};
    use crate::stream::body::Body;
    use crate::stream::observer::Manner;
    use crate::upstream::mock_body::MockBody;

    /// What a client receives of a stream of two events that are this far apart, where an upstream
    /// may pause for a second and the request may take as long as this.
    async fn received(pace: Duration, total: Option<Duration>) -> (Vec<Bytes>, StatusCode) {
        received_of(&["data: 1\n\n", "data: [DONE]\n\n"], pace, total).await
    }

    async fn received_of(
        events: &[&'static str],
        pace: Duration,
        total: Option<Duration>,
    ) -> (Vec<Bytes>, StatusCode) {
        let events = events.iter().copied().map(Bytes::from).collect();
        let source = Source::Mock(MockBody::paced(events, pace));
        let worker = worker(dataplane());
        let live = &worker.dataplane.upstreams[0];
        let relay = Relay::new(
            source,
            Engaged::without_pass(live),
            Observer::of_events(Manner::default()),
            account(&worker),
            None,
            Deadline::after(total),
        );
        let mut body = Body::Relayed(Box::new(relay));
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap());
        }
        let metrics = String::from_utf8(worker.dataplane.metrics.text()).unwrap();
        let requests = || {
            let lines = metrics.lines();
            lines.filter(|line| line.starts_with("gateway_requests_total"))
        };
        let counted = |status: &StatusCode| {
            let label = format!("status=\"{}\"", status.as_str());
            requests().any(|line| line.contains(&label))
        };
        let statuses = [
            StatusCode::OK,
            StatusCode::BAD_GATEWAY,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        (pieces, statuses.into_iter().find(counted).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn relays_every_piece() {
        let (pieces, status) = received(Duration::from_millis(900), None).await;
        assert_eq!(pieces, ["data: 1\n\n", "data: [DONE]\n\n"]);
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_the_gateway_cuts_says_so() {
        let events = vec![Bytes::from("data: 1\n\n"), Bytes::from("data: [DONE]\n\n")];
        let source = Source::Mock(MockBody::paced(events, Duration::from_millis(900)));
        let worker = worker(dataplane());
        let live = &worker.dataplane.upstreams[0];
        let account = account(&worker);
        let observer = Observer::of_events(Manner::default());
        let relay = Relay::new(
            source,
            Engaged::without_pass(live),
            observer,
            account,
            None,
            Deadline::after(None),
        );
        let mut body = Body::Relayed(Box::new(relay));
        let mut next = async || body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(next().await, "data: 1\n\n");
        let cut = async { worker.cut.begin() };
        let (last, ()) = tokio::join!(next(), cut);
        assert!(last.starts_with(b"data: {\"error\":{"), "{last:?}");
        let metrics = String::from_utf8(worker.dataplane.metrics.text()).unwrap();
        assert!(metrics.contains("status=\"503\"} 1"), "{metrics}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_stalls_ends_with_an_error_event() {
        let (pieces, status) = received(Duration::from_millis(1100), None).await;
        let [first, error] = pieces.as_slice() else {
            panic!("{pieces:?}")
        };
        assert_eq!(first, "data: 1\n\n");
        assert!(error.starts_with(b"data: {\"error\":{"));
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upstreams_own_error_event_is_passed_on_and_counts_as_a_failure() {
        let error = "data: {\"error\":{\"message\":\"out of memory\"}}\n\n";
        for events in [
            &["data: 1\n\n", error, "data: [DONE]\n\n"][..],
            &["data: 1\n\n", error],
        ] {
            let (pieces, status) = received_of(events, Duration::ZERO, None).await;
            assert_eq!(pieces, events);
            assert_eq!(status, StatusCode::BAD_GATEWAY);
        }
        for mistake in [
            "data: {\"error\":{\"code\":400}}\n\n",
            "data: {\"error\":{\"code\":\"400\"}}\n\n",
            "data: {\"error\":{\"type\":\"invalid_request_error\",\"code\":\"content_filter\"}}\n\n",
        ] {
            let events = ["data: 1\n\n", mistake, "data: [DONE]\n\n"];
            let (_, status) = received_of(&events, Duration::ZERO, None).await;
            assert_eq!(status, StatusCode::OK, "{mistake}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_upstream_does_after_done_changes_nothing() {
        let done = "data: [DONE]\n\n";
        let (again, later) = (Duration::from_millis(1), Duration::from_secs(9));
        for (events, pace) in [
            (&["data: 1\n\n", done, done][..], again),
            (&["data: 1\n\n", done, "data: 2\n\n"], again),
            (&["data: 1\n\ndata: [DONE]\n\n", done], later),
            (&["data: 1\n\ndata: [DONE]\n", "\n"], later),
        ] {
            let (pieces, status) = received_of(events, pace, None).await;
            let got = pieces.concat();
            assert!(got.starts_with(b"data: 1\n\ndata: [DONE]\n"), "{pieces:?}");
            assert!(got.len() <= 9 + done.len(), "{pieces:?}");
            assert_eq!(status, StatusCode::OK);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_after_done_has_not_gone_away() {
        for (events, status) in [
            (["data: 1\n\n", "data: [DONE]\n\n"], 200),
            (["data: 1\n\n", "data: 2\n\n"], 499),
        ] {
            let pieces = events.into_iter().chain([": late\n\n"]).map(Bytes::from);
            let worker = worker(dataplane());
            let mut relay = Relay::new(
                Source::Mock(MockBody::paced(
                    pieces.collect(),
                    Duration::from_millis(500),
                )),
                Engaged::without_pass(&worker.dataplane.upstreams[0]),
                Observer::of_events(Manner::default()),
                account(&worker),
                None,
                Deadline::after(None),
            );
            for _ in events {
                let piece = std::future::poll_fn(|cx| relay.poll_frame(cx)).await;
                assert!(piece.is_some_and(|piece| piece.is_ok()));
            }
            drop(relay);
            let metrics = String::from_utf8(worker.dataplane.metrics.text()).unwrap();
            assert!(
                metrics.contains(&format!("status=\"{status}\"}} 1")),
                "{metrics}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_time_is_over_ends_with_an_error_event() {
        let total = Some(Duration::from_millis(500));
        let (pieces, status) = received(Duration::from_millis(900), total).await;
        let [first, error] = pieces.as_slice() else {
            panic!("{pieces:?}")
        };
        assert_eq!(first, "data: 1\n\n");
        let error = std::str::from_utf8(error).unwrap();
        assert!(error.contains("deadline_exceeded"), "{error}");
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_ends_in_time_is_whole() {
        let total = Some(Duration::from_millis(1000));
        let (pieces, status) = received(Duration::from_millis(900), total).await;
        assert_eq!(pieces, ["data: 1\n\n", "data: [DONE]\n\n"]);
        assert_eq!(status, StatusCode::OK);
    }
}

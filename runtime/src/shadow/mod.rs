//! Shadow traffic: a copy of some requests goes to one more upstream, whose answer is read, compared
//! with the one that the client gets, and thrown away.
//!
//! A copy stays out of the way. It is made once the request itself is on its way, and is asked for
//! by a task of its own; it says nothing to the upstream's circuit breaker and is not sent where that
//! is not closed; how many there are, what they hold and how long, is bounded. When its client goes, it is
//! taken back as the request is.

pub(crate) mod comparison;
mod finish;
pub(crate) mod metrics;
mod reading;
pub(crate) mod room;
pub(crate) mod slots;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use decide::draw::scaled;
use hyper::body::Body;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout};

use crate::admin::switches::Feature;
use crate::forward::deadline::Deadline;
use crate::forward::{Asked, outgoing};
use crate::observe::account::{Account, Usage};
use crate::observe::outcome::Outcome;
use crate::shadow::comparison::Comparison;
use crate::shadow::metrics::{DROPPED, SKIPPED};
use crate::shadow::room::Held;
use crate::sse;
use crate::stream::field::Last;
use crate::stream::relay::AFTER_DONE;
use crate::stream::usage::USAGE;
use crate::topology::Share;
use crate::upstream::attempt::exchange;
use crate::upstream::exchange::Outgoing;
use crate::upstream::headers;
use crate::upstream::live::Live;
use crate::upstream::pool::SharedPool;
use crate::upstream::source::Source;
use crate::worker::Worker;

/// A copy that is to be sent.
pub(crate) struct Copy {
    live: &'static Live,
    comparison: Rc<Comparison>,
    held: Held,
}

/// The copy of the request `asked`, if one is due and there is room for it. From then on its
/// `account` tells how the request itself fares.
pub(crate) fn due(worker: &Worker, account: &mut Account, asked: &Asked<'_>) -> Option<Copy> {
    let route = asked.requested.settings.route;
    let shadow = route.shadow.as_ref()?;
    let dataplane = worker.dataplane;
    let settings = &shadow.settings;
    if dataplane.is_off(Feature::Shadow)
        || scaled(worker.draw_for(shadow), Share::WHOLE) >= settings.share.basis_points()
    {
        return None;
    }
    let metrics = dataplane.shadow_metrics.as_ref()?;
    let live = dataplane.upstream(settings.upstream);
    if !live.takes_copies() {
        metrics.requested(route, shadow, SKIPPED).inc();
        return None;
    }
    let (slot, most) = (shadow.slot.index(), settings.concurrent);
    let Some(held) = dataplane.rooms.enter(slot, most, asked.body.len()) else {
        metrics.requested(route, shadow, DROPPED).inc();
        return None;
    };
    let comparison = Rc::new(account.comparison_with(route, shadow, metrics));
    account.comparison = Some(Rc::clone(&comparison));
    Some(Copy {
        live,
        comparison,
        held,
    })
}

/// What `answering`, a request, comes to. If there is a copy to `send`, that is done as soon as there is nothing to do
/// for the request but to wait.
pub(crate) fn beside<T>(
    mut send: Option<impl FnOnce()>,
    mut answering: Pin<&mut impl Future<Output = T>>,
) -> impl Future<Output = T> {
    poll_fn(move |cx| {
        let polled = answering.as_mut().poll(cx);
        if let Some(send) = send.take() {
            send();
        }
        polled
    })
}

impl Copy {
    /// Sends it, by a task of its own.
    pub(crate) fn send(self, worker: &Worker, asked: &Asked<'_>) {
        let Self {
            live,
            comparison,
            held,
        } = self;
        let Outgoing {
            operation, body, ..
        } = outgoing(worker, asked, asked.requested, live);
        let (headers, uri) = (asked.head.headers.clone(), asked.head.uri.clone());
        let trace = asked.trace.clone();
        let pool = Rc::clone(worker.pool(live.upstream()));
        let deadline = Deadline::of(asked);
        spawn_local(async move {
            let request = Outgoing {
                operation,
                query: uri.query(),
                headers: &headers,
                trace: &trace,
                span: None,
                is_copy: true,
                body,
            };
            let mut usage = Last::of(&USAGE);
            let asking = ask(live, &pool, &request, &comparison, &mut usage);
            let outcome = tokio::select! {
                outcome = in_time(deadline, asking) => outcome,
                () = comparison.client_gone() => Outcome::Cancelled,
            };
            comparison.copy_ended(outcome, usage.found().and_then(|usage| usage.output));
            drop(held);
        });
    }
}

/// What `asking` comes to in the time that the request has: a copy that never ends would keep its place from others.
async fn in_time(deadline: Deadline, asking: impl Future<Output = Outcome>) -> Outcome {
    let in_time = deadline.limit(pin!(asking)).await;
    in_time.unwrap_or(Outcome::Timeout)
}

/// Asks the upstream `live`, and reads its answer and the usage in it to the end.
async fn ask(
    live: &'static Live,
    pool: &SharedPool,
    request: &Outgoing<'_>,
    comparison: &Comparison,
    usage: &mut Last<Usage>,
) -> Outcome {
    let _entered = live.enter();
    let answer = match exchange(live, pool, request, Instant::now()).await {
        Ok(answer) => answer,
        Err(failure) => return failure.outcome(),
    };
    let is_stream = headers::is_event_stream(&answer.headers);
    let mut end = Vec::new();
    let is_whole = read(answer.source, live.timeouts().between_chunks, |piece| {
        comparison.copy_gave(piece);
        usage.see(piece);
        keep_end(&mut end, piece);
        is_stream && ends_with_done(&end)
    });
    match is_whole.await {
        true => Outcome::Status(answer.status),
        false => Outcome::Interrupted,
    }
}

/// Reads an answer to its end, for as long as it pauses no longer than `patience`, and tells whether it is whole. It is
/// with the piece that `see` calls the last, as it is for a client: what its upstream does then is waited for, so that
/// the connection can be used again, and means nothing.
async fn read(mut source: Source, patience: Duration, mut see: impl FnMut(&[u8]) -> bool) -> bool {
    let mut is_done = false;
    loop {
        let patience = if is_done {
            patience.min(AFTER_DONE)
        } else {
            patience
        };
        let piece = poll_fn(|cx| Pin::new(&mut source).poll_frame(cx));
        match timeout(patience, piece).await {
            Ok(Some(Ok(frame))) if !is_done => {
                if let Ok(data) = frame.into_data() {
                    is_done = see(&data);
                }
            }
            Ok(None) => return true,
            // It broke off, or stalled.
            Ok(Some(_)) | Err(_) => return is_done,
        }
    }
}

/// As much of the end of a stream as tells what its last event is, in bytes.
const END: usize = 64;

/// Lets `end`, which is that of what came before `piece`, be that of both.
fn keep_end(end: &mut Vec<u8>, piece: &[u8]) {
    let new = piece.len().saturating_sub(END);
    end.extend_from_slice(piece.get(new..).unwrap_or_default());
    end.drain(..end.len().saturating_sub(END));
}

/// Whether what ends a stream has come, and nothing after it.
fn ends_with_done(tail: &[u8]) -> bool {
    let mut lines = tail
        .trim_ascii_end()
        .rsplit(|byte| matches!(byte, b'\n' | b'\r'));
    lines.next().is_some_and(sse::is_done)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::ready;

    #[cfg(feature = "mock")]
    use hyper::StatusCode;
    use tokio::task::yield_now;

    use super::*;
    #[cfg(feature = "mock")]
    use crate::upstream::mock_body::MockBody;

    #[cfg(feature = "mock")]
    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_request_is_on_its_way_before_its_copy() {
        let order = RefCell::new(Vec::new());
        let request = pin!(async {
            order.borrow_mut().push("request");
            yield_now().await;
            order.borrow_mut().push("answer");
            7
        });
        let send = || order.borrow_mut().push("copy");
        assert_eq!(beside(Some(send), request).await, 7);
        assert_eq!(*order.borrow(), ["request", "copy", "answer"]);
    }

    #[tokio::test]
    async fn a_request_that_is_answered_at_once_is_copied_too() {
        let sent = RefCell::new(0);
        let send = || *sent.borrow_mut() += 1;
        assert_eq!(beside(Some(send), pin!(ready(7))).await, 7);
        assert_eq!(*sent.borrow(), 1);
        assert_eq!(beside(None::<fn()>, pin!(ready(7))).await, 7);
    }

    #[test]
    fn a_stream_has_ended_with_its_last_event_and_no_mention_of_it() {
        for (tail, ended) in [
            ("data: 1\n\ndata: [DONE]\n\n", true),
            ("data: 1\r\n\r\ndata:[DONE]\r\n\r\n", true),
            ("data: [DONE]", true),
            ("data: {\"text\":\"[DONE]", false),
            ("data: [DONE]\n\ndata: 1\n\n", false),
            (": [DONE]\n\n", false),
            ("", false),
        ] {
            assert_eq!(ends_with_done(tail.as_bytes()), ended, "{tail:?}");
        }
    }

    #[test]
    fn the_end_is_that_of_all_pieces() {
        let text = [&[b'x'; 100], b"\n\ndata: [DONE]\n\n".as_slice()].concat();
        for size in [1, 7, 63, 64, 65, 200] {
            let mut end = Vec::new();
            for piece in text.chunks(size) {
                keep_end(&mut end, piece);
            }
            assert_eq!(end, text[text.len() - END..], "in pieces of {size}");
            assert!(ends_with_done(&end));
        }
    }

    /// A stream of these events, each a minute after the other.
    #[cfg(feature = "mock")]
    fn slow(events: &[&'static str]) -> Source {
        let events = events.iter().copied().map(bytes::Bytes::from).collect();
        Source::Mock(MockBody::paced(events, 60 * SECOND))
    }

    #[cfg(feature = "mock")]
    #[tokio::test(start_paused = true)]
    async fn a_stream_is_whole_with_its_last_event_and_soon_over() {
        for (events, is_whole) in [
            (&["data: [DONE]\n\n", ": late\n\n"][..], true),
            (&["data: 1\n\n", "data: [DONE]\n\n"], false),
        ] {
            let began = Instant::now();
            let read = read(slow(events), 30 * SECOND, ends_with_done).await;
            assert_eq!(read, is_whole, "{events:?}");
            assert_eq!(began.elapsed() < 2 * SECOND, is_whole, "{events:?}");
        }
    }

    #[cfg(feature = "mock")]
    #[tokio::test(start_paused = true)]
    async fn an_endless_copy_has_the_time_of_its_request() {
        let began = Instant::now();
        let asking = async {
            read(slow(&["data: 1\n\n"; 600]), 90 * SECOND, |_| false).await;
            Outcome::Status(StatusCode::OK)
        };
        let outcome = in_time(Deadline::after(Some(100 * SECOND)), asking).await;
        assert_eq!(outcome, Outcome::Timeout);
        assert!(began.elapsed() < 101 * SECOND);
    }
}

//! Shadow traffic: a copy of some requests goes to one more upstream, whose answer is read, compared
//! with the one that the client gets, and thrown away.
//!
//! A copy stays out of the way. It is made once the request itself is on its way, and is asked for
//! by a task of its own; it says nothing to the upstream's circuit breaker and is not sent where that
//! is not closed; how many there are, and what they hold, is bounded. When its client goes, it is
//! taken back as the request is.

pub(crate) mod comparison;
mod finish;
pub(crate) mod metrics;
mod reading;
pub(crate) mod room;
pub(crate) mod slots;

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;

use decide::draw::scaled;
use hyper::body::Body;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout};

use crate::admin::switches::Feature;
use crate::forward::{Asked, outgoing};
use crate::observe::account::{Account, Usage};
use crate::observe::outcome::Outcome;
use crate::shadow::comparison::Comparison;
use crate::shadow::metrics::{DROPPED, SKIPPED};
use crate::shadow::room::Held;
use crate::stream::field::Last;
use crate::stream::usage::USAGE;
use crate::topology::Share;
use crate::upstream::attempt::exchange;
use crate::upstream::exchange::Outgoing;
use crate::upstream::live::Live;
use crate::upstream::pool::SharedPool;
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
            let outcome = tokio::select! {
                outcome = ask(live, &pool, &request, &comparison, &mut usage) => outcome,
                () = comparison.client_gone() => Outcome::Cancelled,
            };
            comparison.copy_ended(outcome, usage.found().and_then(|usage| usage.output));
            drop(held);
        });
    }
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
    let mut answer = match exchange(live, pool, request, Instant::now()).await {
        Ok(answer) => answer,
        Err(failure) => return failure.outcome(),
    };
    loop {
        let piece = poll_fn(|cx| Pin::new(&mut answer.source).poll_frame(cx));
        match timeout(live.timeouts().between_chunks, piece).await {
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    comparison.copy_gave(&data);
                    usage.see(&data);
                }
            }
            Ok(None) => return Outcome::Status(answer.status),
            // It broke off, or stalled.
            Ok(Some(Err(_))) | Err(_) => return Outcome::Interrupted,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::ready;
    use std::pin::pin;

    use tokio::task::yield_now;

    use super::*;

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
}

//! Forwards an admitted request: to one upstream after the other, until one answers, and its answer back.

mod attempts;
pub(crate) mod budget;
pub(crate) mod deadline;
mod hedge;
mod retry;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use decide::walk::{Sight, Turn, Walk};

use crate::api::rewrite;
use crate::api::scan::Scan;
use crate::api::stream_options::Splice;
use crate::caller::Caller;
use crate::endpoint::Operation;
use crate::error::Error;
use crate::forward::attempts::Attempts;
use crate::forward::deadline::Deadline;
use crate::idempotency::{Claim, Recording};
use crate::message::name::CONTENT_LENGTH;
use crate::message::{Head, Response};
use crate::observe::account::Account;
use crate::observe::trace::Trace;
use crate::route;
use crate::stream::body::Body;
use crate::stream::observer::{Manner, Observer};
use crate::stream::relay::Relay;
use crate::topology::{Model, Rule, Upstream};
use crate::upstream::engaged::Engaged;
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::headers;
use crate::upstream::live::Live;
use crate::worker::Worker;

/// A request that was admitted.
pub(crate) struct Asked<'a> {
    pub(crate) caller: &'a Caller<'a>,
    pub(crate) operation: Operation,
    pub(crate) head: &'a Head,
    pub(crate) trace: &'a Trace,
    pub(crate) body: &'a Bytes,
    pub(crate) scan: &'a Scan<'a>,
    /// The model that the client named, unless the default stands in for an unknown one.
    pub(crate) named: Option<&'static Model>,
    pub(crate) requested: &'static Model,
}

/// An answer, and where it came from.
pub(crate) struct Taken {
    answer: Answer,
    requested: &'static Model,
    model: &'static Model,
    engaged: Engaged,
    deadline: Deadline,
    /// The gateway has asked for the usage of the stream; its client has not.
    hides_usage: bool,
}

/// Tries the upstreams of the model, then those of the models that stand in for it, until one
/// answers.
pub(crate) async fn try_in_turn(
    worker: &Worker,
    account: &mut Account,
    asked: &Asked<'_>,
) -> Result<Taken, Error> {
    let requested = asked.requested;
    let mut attempts = Attempts::of(worker, account, asked);
    let live = |upstream| worker.dataplane.upstream(upstream);
    let mut walk = Walk::new(
        Seen { worker, asked },
        requested,
        requested.settings.fallback,
    );
    let mut first = 0;
    while let Some(turn) = walk.next() {
        let taken = match turn {
            // 6. Route: which upstreams, in which order?
            Turn::Begin(model) => {
                first = attempts.missed();
                if let Some(hedge) = &model.settings.route.hedge {
                    worker.budget(hedge).earn();
                }
                None
            }
            // 7. Forward: nothing has been sent to the client yet, so the next may try.
            Turn::Ask(model, upstream) => match &model.settings.route.hedge {
                None => attempts.ask(model, live(upstream)).await,
                // Boxed, as few routes hedge: every request would carry its state.
                Some(hedge) => {
                    Box::pin(attempts.ask_hedged(hedge, model, live(upstream), &mut walk)).await
                }
            },
            Turn::End(model) => match &model.settings.route.retry {
                None => None,
                // Boxed, as it is rare: every request would carry its state.
                Some(retry) => Box::pin(attempts.repeat(retry, first)).await,
            },
            Turn::Last(model, upstream) => attempts.ask(model, live(upstream)).await,
        };
        if let Some(taken) = taken {
            return Ok(taken);
        }
    }
    Err(attempts.in_vain())
}

/// What the turns of a request go by.
pub(crate) struct Seen<'a> {
    worker: &'a Worker,
    asked: &'a Asked<'a>,
}

impl Sight<'static> for Seen<'_> {
    type Model = &'static Model;
    type Upstream = &'static Upstream;

    fn rule(&self, model: &'static Model) -> Rule {
        model.settings.route.rule
    }

    fn draw(&self, model: &'static Model) -> u64 {
        let asked = self.asked;
        let session = || route::session(&asked.head.headers);
        let draw = model.settings.route.draw;
        let decided = draw.of(asked.caller.identity, session, asked.scan.context);
        decided.unwrap_or_else(|| self.worker.draw(model))
    }

    fn in_flight(&self, upstream: &'static Upstream) -> u32 {
        self.worker.dataplane.upstream(upstream).in_flight()
    }

    fn comes_last(&self, upstream: &'static Upstream) -> bool {
        self.worker.dataplane.upstream(upstream).comes_last()
    }
}

/// What asks `live` for the usage of a stream, where the gateway does that and not the client.
fn unasked_usage<'a>(asked: &Asked<'a>, live: &Live) -> Option<&'a Splice> {
    let asks = live.upstream().settings.stream_usage && asked.operation.generates();
    asked.scan.unasked_usage.as_ref().filter(|_| asks)
}

/// The request as it goes to the upstream `live` for `model`.
pub(crate) fn outgoing<'a>(
    worker: &Worker,
    asked: &Asked<'a>,
    model: &'static Model,
    live: &Live,
) -> Outgoing<'a> {
    let name = rewrite::model_name(live.served_model.as_ref(), model, asked.named);
    let defaults = if asked.operation.generates() {
        worker.dataplane.defaults(model)
    } else {
        None
    };
    Outgoing {
        operation: asked.operation,
        query: asked.head.uri.query(),
        headers: &asked.head.headers,
        trace: asked.trace,
        span: None,
        is_copy: false,
        body: rewrite::rewrite(
            asked.body,
            asked.scan,
            name.as_ref(),
            defaults,
            unasked_usage(asked, live),
        ),
    }
}

/// The response of an upstream, relayed as it comes, and kept where that was claimed.
pub(crate) fn relay(account: Box<Account>, taken: Taken, claim: Option<Claim>) -> Response {
    let mut recording = claim.and_then(|claim| Recording::of(claim, &taken.answer));
    let mut headers = taken.answer.headers;
    let has_no_end = taken.answer.source.ends_with_its_connection();
    let observer = if headers::is_event_stream(&headers) {
        // An error event may yet be added.
        headers.remove(CONTENT_LENGTH);
        Observer::of_events(Manner {
            hides_usage: taken.hides_usage,
            has_no_end,
        })
    } else {
        Observer::of_document()
    };
    if !std::ptr::eq(taken.model, taken.requested)
        && let name = taken.model.settings.name
        // Any other cannot be told in a header.
        && name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        if let Some(recording) = &mut recording {
            recording.of_stand_in(name);
        }
        headers.insert(headers::FALLBACK_MODEL, name);
    }
    let relay = Relay::new(
        taken.answer.source,
        taken.engaged,
        observer,
        account,
        recording,
        taken.deadline,
    );
    Response {
        status: taken.answer.status,
        headers,
        body: Body::Relayed(Box::new(relay)),
    }
}

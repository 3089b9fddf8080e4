//! Forwards an admitted request: to one upstream after the other, until one answers, and its answer back.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::http::request::Parts;

use crate::api::rewrite;
use crate::api::scan::Scan;
use crate::caller::Caller;
use crate::endpoint::Operation;
use crate::error::Error;
use crate::idempotency::{Claim, Recording};
use crate::observe::account::Account;
use crate::route::{self, draw};
use crate::stream::body::Body;
use crate::stream::observer::Observer;
use crate::stream::relay::Relay;
use crate::topology::{Draw, Model, Upstream};
use crate::upstream::attempt::attempt;
use crate::upstream::breaker::{Pass, Verdict};
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::headers;
use crate::upstream::in_flight::Entered;
use crate::upstream::live::Live;
use crate::upstream::miss::Miss;
use crate::worker::Worker;

/// A request that was admitted.
pub(crate) struct Asked<'a> {
    pub(crate) caller: &'a Caller<'a>,
    pub(crate) operation: Operation,
    pub(crate) head: &'a Parts,
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
    live: &'static Live,
    entered: Option<Entered>,
    pass: Pass,
}

/// Tries the upstreams of the model, then those of the models that stand in for it, until one
/// answers. Those that are unhealthy come last: better a try than a certain failure.
pub(crate) async fn try_in_turn(
    worker: &Worker,
    account: &mut Account,
    asked: &Asked<'_>,
) -> Result<Taken, Error> {
    let requested = asked.requested;
    let mut misses = Vec::new();
    let mut unhealthy = Vec::new();
    for model in std::iter::once(requested).chain(requested.settings.fallback.iter().copied()) {
        // 6. Route: which upstreams, in which order?
        let in_flight = |upstream: &Upstream| worker.dataplane.upstream(upstream).in_flight();
        let draw = draw(worker, asked, model);
        for upstream in route::order(&model.settings.route.rule, draw, in_flight) {
            // 7. Forward: nothing has been sent to the client yet, so the next may try.
            let live = worker.dataplane.upstream(upstream);
            if live.comes_last() {
                unhealthy.push((model, live));
            } else if let Some(taken) =
                try_one(worker, account, asked, model, live, &mut misses).await
            {
                return Ok(taken);
            }
        }
    }
    for (model, live) in unhealthy {
        if let Some(taken) = try_one(worker, account, asked, model, live, &mut misses).await {
            return Ok(taken);
        }
    }
    let misses = misses
        .into_iter()
        .map(|(upstream, miss)| (upstream.settings.name, miss));
    Err(Error::NoneAnswered {
        model: requested.settings.name,
        misses: misses.collect(),
    })
}

/// Tries one upstream for `model`. Without an answer, `misses` says why.
async fn try_one(
    worker: &Worker,
    account: &mut Account,
    asked: &Asked<'_>,
    model: &'static Model,
    live: &'static Live,
    misses: &mut Vec<(&'static Upstream, Miss)>,
) -> Option<Taken> {
    let upstream = live.upstream();
    // Two models may share an upstream that serves one model. It gets each request once.
    let is_tried = |(tried, _): &(&'static Upstream, Miss)| std::ptr::eq(*tried, upstream);
    if upstream.settings.served_model.is_some() && misses.iter().any(is_tried) {
        return None;
    }
    let mut pass = match live.pass() {
        Ok((pass, change)) => {
            account.circuit_changed(upstream, change);
            pass
        }
        Err(skipped) => {
            misses.push((upstream, Miss::Skipped(skipped)));
            return None;
        }
    };
    let entered = live.enter();
    let mut outgoing = outgoing(worker, asked, model, live);
    account.attempt_begins(model, live, &mut outgoing.headers);
    let metrics = &worker.dataplane.metrics;
    match attempt(live, worker.pool(upstream), metrics, outgoing).await {
        Ok(answer) => {
            account.answered(model, upstream, answer.status);
            if !answer.status.is_success() {
                account.circuit_changed(upstream, pass.settle(Verdict::Answer));
                pass = Pass::default();
            }
            Some(Taken {
                answer,
                requested: asked.requested,
                model,
                live,
                entered,
                pass,
            })
        }
        Err(failure) => {
            account.attempt_failed(upstream, failure);
            account.circuit_changed(upstream, pass.settle(Verdict::of(failure)));
            misses.push((upstream, Miss::Failed(failure)));
            None
        }
    }
}

/// What the choice among the upstreams of `model` goes by.
fn draw(worker: &Worker, asked: &Asked<'_>, model: &Model) -> u64 {
    let drawn = match model.settings.route.draw {
        Draw::Sequence => None,
        Draw::Caller => asked.caller.identity,
        Draw::Session => draw::of_session(&asked.head.headers),
        Draw::Head(length) => asked
            .scan
            .context
            .map(|context| draw::of_head(context, length)),
    };
    drawn.unwrap_or_else(|| worker.draw(model))
}

/// The request as it goes to the upstream `live` for `model`.
fn outgoing<'a>(
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
        headers: asked.head.headers.clone(),
        body: rewrite::rewrite(asked.body, asked.scan, name.as_ref(), defaults),
    }
}

/// The response of an upstream, relayed as it comes, and kept where that was claimed.
pub(crate) fn relay(account: Account, taken: Taken, claim: Option<Claim>) -> Response<Body> {
    let mut recording = claim.and_then(|claim| Recording::of(claim, &taken.answer));
    let mut headers = taken.answer.headers;
    headers::strip_response(&mut headers);
    let observer = if headers::is_event_stream(&headers) {
        // An error event may yet be added.
        headers.remove(CONTENT_LENGTH);
        Observer::of_events()
    } else {
        Observer::of_document()
    };
    if !std::ptr::eq(taken.model, taken.requested)
        && let Ok(name) = HeaderValue::from_str(taken.model.settings.name)
    {
        if let Some(recording) = &mut recording {
            recording.of_stand_in(&name);
        }
        headers.insert(headers::FALLBACK_MODEL, name);
    }
    let relay = Relay::new(
        taken.answer.source,
        taken.entered,
        observer,
        account,
        taken.live,
        taken.pass,
        recording,
    );
    let mut response = Response::new(Body::Relayed(Box::new(relay)));
    *response.status_mut() = taken.answer.status;
    *response.headers_mut() = headers;
    response
}

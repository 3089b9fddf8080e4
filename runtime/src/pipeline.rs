//! The way of a request through the gateway, top-down. Each station is a call; how it works is in
//! its module.

use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response, StatusCode};

use crate::api::body::{Arriving, Unread};
use crate::api::cors::Sharing;
use crate::api::scan::{Fault, Scan};
use crate::api::{breakers, cors, health, models, rewrite, scan};
use crate::caller::Caller;
use crate::endpoint::{Endpoint, Operation, name_in_path};
use crate::error::Error;
use crate::limit::demand::Demand;
use crate::observe::account::Account;
use crate::observe::trace::Trace;
use crate::route::{self, draw};
use crate::stream::body::Body;
use crate::stream::observer::Observer;
use crate::stream::relay::Relay;
use crate::topology::{Draw, Model, Upstream};
use crate::unwind::caught;
use crate::upstream::attempt::attempt;
use crate::upstream::breaker::{Pass, Verdict};
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::headers;
use crate::upstream::in_flight::Entered;
use crate::upstream::live::Live;
use crate::upstream::miss::Miss;
use crate::worker::Worker;

/// Serves one request. Never fails: what goes wrong is a response as well.
///
/// Dropping the future, because the client has gone, takes the request back from its upstream at
/// once.
pub(crate) async fn serve(
    worker: Rc<Worker>,
    client_ip: IpAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut body = Arriving::new(&head, body);
    let endpoint = Endpoint::at(head.uri.path());

    // 1. Identify: which request is this, in logs and upstream?
    let trace = Trace::identify(&head.headers);
    let mut account = Account::open(
        &worker.dataplane.metrics,
        &worker.log,
        client_ip,
        &head,
        endpoint,
        trace.clone(),
    );

    let sharing = Sharing::of(
        worker.dataplane.topology.gateway.cors.as_ref(),
        endpoint,
        &head.headers,
    );

    // 2. to 7., with the account noting what is learned on the way.
    let result = {
        let answered = pin!(answer(
            &worker,
            &mut account,
            &trace,
            endpoint,
            head,
            &mut body
        ));
        caught(answered).await.unwrap_or(Err(Error::Panic))
    };
    body.leave();
    let limits = account.limits.headers();

    // 8. Relay, and 9. account for the request: at once, or when its last byte is out.
    let mut response = match result {
        Ok(Reply::Own(status, content_type, body)) => {
            account.settle(status, "request");
            own(status, content_type, body)
        }
        Ok(Reply::Preflight(headers)) => {
            account.settle(StatusCode::NO_CONTENT, "preflight");
            preflight(headers)
        }
        Ok(Reply::Relayed(taken, answer)) => relay(account, taken, answer),
        Err(error) => {
            match &error {
                Error::Limited(refusal) => worker.dataplane.metrics.limit_refused(refusal),
                Error::NotARequest(Fault::TooManyMessages { .. }) => {
                    worker.dataplane.metrics.messages_refused().inc();
                }
                _ => {}
            }
            match error {
                Error::Unread(Unread::ClientGone) => account.abandoned(),
                _ => account.settle(error.status(), &error.to_string()),
            }
            error.into_response().map(Body::whole)
        }
    };
    if let Some(limits) = limits {
        limits.mark(response.headers_mut());
    }
    if let Some(sharing) = sharing {
        sharing.mark(response.headers_mut());
    }
    trace.mark_response(response.headers_mut());
    response
}

/// What a request is answered with.
enum Reply {
    /// The gateway's own words, with their content type.
    Own(StatusCode, &'static str, Bytes),
    /// What a browser is told before a request.
    Preflight(HeaderMap),
    /// A response of an upstream.
    Relayed(Taken, Answer),
}

/// Where an answer came from.
struct Taken {
    requested: &'static Model,
    model: &'static Model,
    live: &'static Live,
    entered: Option<Entered>,
    pass: Pass,
}

const JSON: &str = "application/json";

/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4";

async fn answer(
    worker: &Worker,
    account: &mut Account,
    trace: &Trace,
    endpoint: Endpoint,
    mut head: Parts,
    body: &mut Arriving,
) -> Result<Reply, Error> {
    let dataplane = worker.dataplane;
    if let Some(allowed) = endpoint.refuses(&head.method) {
        let gateway = &dataplane.topology.gateway;
        let told = cors::preflight(gateway.cors.as_ref(), endpoint, allowed, &head);
        return told
            .map(Reply::Preflight)
            .ok_or(Error::WrongMethod { allowed });
    }
    let own = |(status, body)| Ok(Reply::Own(status, JSON, body));
    match endpoint {
        Endpoint::Health => {
            return own(health::health(
                dataplane.healthy_upstreams(),
                dataplane.upstreams.len(),
            ));
        }
        Endpoint::Ready if dataplane.is_draining() => return own(health::draining()),
        Endpoint::Ready => return own(health::ready()),
        Endpoint::Metrics => {
            return Ok(Reply::Own(
                StatusCode::OK,
                METRICS,
                dataplane.metrics_text().into(),
            ));
        }
        Endpoint::Unknown => return Err(Error::UnknownPath),
        Endpoint::Models | Endpoint::Model | Endpoint::CircuitBreakers | Endpoint::Inference(_) => {
        }
    }

    // 2. Authenticate: who asks?
    let caller = &dataplane
        .callers
        .authenticate(&head.headers)
        .inspect_err(|unknown| account.unknown(unknown))?;
    account.user.clone_from(&caller.name);
    let operation = match endpoint {
        Endpoint::Inference(operation) => operation,
        Endpoint::Model => {
            let name = name_in_path(head.uri.path()).unwrap_or_default();
            admit(caller, dataplane.directory.find(&name), &name)?;
            return own((StatusCode::OK, models::entry(&name)));
        }
        Endpoint::CircuitBreakers => {
            return own((StatusCode::OK, breakers::list(&dataplane.upstreams)));
        }
        _ => return own((StatusCode::OK, caller.models())),
    };
    account.limits.by_key(caller.limiter);

    // 3. Read: the body, within its bounds, and what it asks for.
    let gateway = &dataplane.topology.gateway;
    let body = body.read(gateway.max_body, gateway.read_timeout).await?;
    let scan = scan::scan(&body, &dataplane.vocabulary, gateway.input.as_ref())?;
    account.context_length = scan.context.map(<[u8]>::len);

    // 4. Admit: may this caller use that model?
    let named = dataplane.directory.find(&scan.model);
    let meant = named.or_else(|| {
        let default = dataplane.topology.gateway.default_model;
        default.filter(|model| caller.may_use(model))
    });
    let requested = admit(caller, meant, &scan.model)?;
    account.model = Some(requested);

    // 5. Limit: is there room for it?
    let limit = dataplane.model_limit(requested);
    account.limits.by_model(limit.limiter.as_deref());
    account
        .limits
        .admit(|| Demand::of(&scan, operation, limit.assumed_output))?;

    headers::strip_request(&mut head.headers);
    trace.mark_request(&mut head.headers);
    let asked = Asked {
        caller,
        operation,
        head: &head,
        body: &body,
        scan: &scan,
        named,
        requested,
    };
    try_in_turn(worker, account, &asked).await
}

/// A request that was admitted.
struct Asked<'a> {
    caller: &'a Caller<'a>,
    operation: Operation,
    head: &'a Parts,
    body: &'a Bytes,
    scan: &'a Scan<'a>,
    /// The model that the client named, unless the default stands in for an unknown one.
    named: Option<&'static Model>,
    requested: &'static Model,
}

/// The model that is `meant` by `name`, if the caller may use it.
fn admit(
    caller: &Caller<'_>,
    meant: Option<&'static Model>,
    name: &str,
) -> Result<&'static Model, Error> {
    let Some(model) = meant else {
        return Err(Error::UnknownModel {
            name: name.to_owned(),
            known: caller.model_names(),
        });
    };
    if caller.may_use(model) {
        Ok(model)
    } else {
        Err(Error::ModelNotAllowed {
            model: model.settings.name,
        })
    }
}

/// Tries the upstreams of the model, then those of the models that stand in for it, until one
/// answers. Those that are unhealthy come last: better a try than a certain failure.
async fn try_in_turn(
    worker: &Worker,
    account: &mut Account,
    asked: &Asked<'_>,
) -> Result<Reply, Error> {
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
            } else if let Some(reply) =
                try_one(worker, account, asked, model, live, &mut misses).await
            {
                return Ok(reply);
            }
        }
    }
    for (model, live) in unhealthy {
        if let Some(reply) = try_one(worker, account, asked, model, live, &mut misses).await {
            return Ok(reply);
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

/// Tries one upstream for `model`. Without a reply, `misses` says why.
async fn try_one(
    worker: &Worker,
    account: &mut Account,
    asked: &Asked<'_>,
    model: &'static Model,
    live: &'static Live,
    misses: &mut Vec<(&'static Upstream, Miss)>,
) -> Option<Reply> {
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
    let outgoing = outgoing(worker, asked, model, live);
    let metrics = &worker.dataplane.metrics;
    match attempt(live, worker.pool(upstream), metrics, outgoing).await {
        Ok(answer) => {
            account.answered(model, upstream, answer.status);
            if !answer.status.is_success() {
                account.circuit_changed(upstream, pass.settle(Verdict::Answer));
                pass = Pass::default();
            }
            let taken = Taken {
                requested: asked.requested,
                model,
                live,
                entered,
                pass,
            };
            Some(Reply::Relayed(taken, answer))
        }
        Err(failure) => {
            account.attempt_failed(upstream, &failure, failure.status());
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

/// The response of the gateway itself.
fn own(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer to a preflight: nothing but headers.
fn preflight(headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::Whole(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = headers;
    response
}

/// The response of an upstream, relayed as it comes.
fn relay(account: Account, taken: Taken, answer: Answer) -> Response<Body> {
    let mut headers = answer.headers;
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
        headers.insert(headers::FALLBACK_MODEL, name);
    }
    let relay = Relay::new(
        answer.source,
        taken.entered,
        observer,
        account,
        taken.live,
        taken.pass,
    );
    let mut response = Response::new(Body::Relayed(Box::new(relay)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = headers;
    response
}

//! The way of a request through the gateway, top-down. Each station is a call; how it works is in
//! its module.

use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use decide::admit::Denied;
use hyper::StatusCode;

use crate::admin;
use crate::admin::refused::Refused;
use crate::admin::switches::Feature;
use crate::api::body::{Arriving, Incoming, Unread};
use crate::api::cors::Sharing;
use crate::api::fault::Fault;
use crate::api::{breakers, cors, health, models, scan};
use crate::caller::Caller;
use crate::endpoint::{Endpoint, name_in_path};
use crate::error::Error;
use crate::forward::{Asked, Taken, relay, try_in_turn};
use crate::idempotency::{self, BadRepeat, Claim, Claimed, Kept};
use crate::limit;
use crate::limit::demand::Demand;
use crate::message::headers::Headers;
use crate::message::name::CONTENT_TYPE;
use crate::message::{Head, Response};
use crate::observe::account::Account;
use crate::observe::metrics::{Metrics, RefusedInput, Repeated};
use crate::observe::trace::Trace;
use crate::shadow;
use crate::stream::body::Body;
use crate::stream::keep_alive::{Beginning, Keeping, Underway};
use crate::topology::Model;
use crate::unwind::caught;
use crate::worker::Worker;

/// Serves one request. Never fails: what goes wrong is a response as well.
///
/// Dropping the future, because the client has gone, takes the request back from its upstream at
/// once.
pub(crate) fn serve(worker: Rc<Worker>, client_ip: IpAddr, head: Head, body: Incoming) -> Underway {
    let every = worker.dataplane.topology.gateway.keep_alive;
    let keeping = every.map(|every| Keeping::new(every, worker.cut.begun()));
    let beginning = keeping.as_ref().map(Keeping::beginning);
    // What it owns, it has here, and passes on by reference: a future that is handed something holds it twice.
    let passing = async move { pass(&worker, client_ip, &head, body, beginning.as_deref()).await };
    Underway::new(passing, keeping)
}

/// Takes one request through its stations. As soon as nothing but its upstreams is waited for, and it
/// streams, the response may have its `beginning`.
async fn pass(
    worker: &Rc<Worker>,
    client_ip: IpAddr,
    head: &Head,
    body: Incoming,
    beginning: Option<&Beginning>,
) -> Response {
    let mut body = Arriving::new(head, body);
    let endpoint = admin::offered(Endpoint::at(head.uri.path()), worker.dataplane);

    // 1. Identify: which request is this, in logs and upstream?
    let trace = Trace::identify(&head.headers, worker.dataplane.trace_sample());
    let account = Account::open(worker, client_ip, head, endpoint, trace.clone());
    // Boxed, as it is large and passes through many hands.
    let mut account = Box::new(account);

    let sharing = Sharing::of(
        worker.dataplane.topology.gateway.cors.as_ref(),
        endpoint,
        &head.headers,
    );

    let mark = |limits: Option<limit::headers::Headers>, headers: &mut Headers| {
        if let Some(limits) = limits {
            limits.mark(headers);
        }
        if let Some(sharing) = sharing {
            sharing.mark(headers);
        }
        trace.mark_response(headers);
    };
    let may_begin = |account: &Account| {
        if let Some(beginning) = beginning {
            let mut headers = Headers::default();
            mark(account.limits.headers(), &mut headers);
            beginning.may_have(headers);
        }
    };

    // 2. to 7., with the account noting what is learned on the way.
    let result = {
        let answering = pin!(answer(
            worker,
            &mut account,
            &trace,
            endpoint,
            head,
            &mut body,
            may_begin,
        ));
        let answered = worker.cut.cuts(caught(answering)).await;
        answered.map_or(Err(Error::Stopped), |caught| {
            caught.unwrap_or(Err(Error::Panic))
        })
    };
    body.leave();
    let limits = account.limits.headers();

    // 8. Relay, and 9. account for the request: at once, or when its last byte is out.
    let mut response = match result {
        Ok(Reply::Own(status, content_type, body)) => {
            account.settle(status, "request");
            own(status, content_type, body)
        }
        Ok(Reply::Administered(admin::Done { message, body })) => {
            account.settle(StatusCode::OK, &message);
            own(StatusCode::OK, JSON, body)
        }
        Ok(Reply::Preflight(headers)) => {
            account.settle(StatusCode::NO_CONTENT, "preflight");
            preflight(headers)
        }
        Ok(Reply::Kept(kept)) => {
            account.settle(kept.status(), "replayed");
            kept.into_response()
        }
        Ok(Reply::Relayed(taken, claim)) => relay(account, taken, claim),
        Err(error) => {
            count_refusal(&worker.dataplane.metrics, &error);
            match error {
                Error::Unread(Unread::ClientGone) => account.abandoned(),
                _ => account.settle(error.status(), &error.to_string()),
            }
            error.into_response()
        }
    };
    mark(limits, &mut response.headers);
    response
}

/// Counts what a policy refused.
fn count_refusal(metrics: &Metrics, error: &Error) {
    match error {
        Error::Limited(refusal) => metrics.limit_refused(refusal),
        Error::NotARequest(Fault::TooManyMessages { .. }) => {
            metrics.refused_input(RefusedInput::Messages).inc();
        }
        #[cfg(feature = "words")]
        Error::Forbidden(_) => metrics.refused_input(RefusedInput::ForbiddenWord).inc(),
        Error::Repeated(BadRepeat::Running) => metrics.repeated(Repeated::Running).inc(),
        Error::Repeated(BadRepeat::Reused) => metrics.repeated(Repeated::Reused).inc(),
        _ => {}
    }
}

/// What a request is answered with.
enum Reply {
    /// The gateway's own words, with their content type.
    Own(StatusCode, &'static str, Bytes),
    /// What an administrator is told, after what it did.
    Administered(admin::Done),
    /// What a browser is told before a request.
    Preflight(Headers),
    /// The answer of an earlier request.
    Kept(Kept),
    /// A response of an upstream, and what it is to be kept for.
    Relayed(Taken, Option<Claim>),
}

const JSON: &str = "application/json";

/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4";

async fn answer(
    worker: &Worker,
    account: &mut Account,
    trace: &Trace,
    endpoint: Endpoint,
    head: &Head,
    body: &mut Arriving,
    may_begin: impl Fn(&Account),
) -> Result<Reply, Error> {
    let dataplane = worker.dataplane;
    if let Some(allowed) = endpoint.refuses(&head.method) {
        let gateway = &dataplane.topology.gateway;
        let told = cors::preflight(gateway.cors.as_ref(), endpoint, allowed, head);
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
                &dataplane.dependencies(),
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
        Endpoint::Models
        | Endpoint::Model
        | Endpoint::CircuitBreakers
        | Endpoint::Admin(_)
        | Endpoint::Inference(_) => {}
    }

    // 2. Authenticate: who asks?
    let caller = &dataplane
        .callers
        .identify(&head.headers, &worker.own)
        .await
        .inspect_err(|unknown| account.unknown(unknown))?;
    account.user.clone_from(&caller.name);
    account.key = caller.key;
    let operation = match endpoint {
        Endpoint::Inference(operation) => operation,
        Endpoint::Model => {
            let name = name_in_path(head.uri.path()).unwrap_or_default();
            admit(caller, dataplane.directory.find(&name), None, &name)?;
            return own((StatusCode::OK, models::entry(&name)));
        }
        Endpoint::Admin(endpoint) => {
            let asked = admin::Asked {
                caller,
                trace,
                path: head.uri.path(),
            };
            let done = admin::answer(worker, asked, endpoint, body).await?;
            return Ok(Reply::Administered(done));
        }
        Endpoint::CircuitBreakers => {
            return own((StatusCode::OK, breakers::list(&dataplane.upstreams)));
        }
        _ => return own((StatusCode::OK, caller.models())),
    };
    if dataplane.is_off(Feature::Llm) {
        return Err(Refused::TurnedOff.into());
    }
    if worker.reports.refuse() {
        return Err(Error::NotAudited);
    }
    account.limits.by_caller(caller.quota)?;

    // 3. Read: the body, within its bounds, and what it asks for.
    let gateway = &dataplane.topology.gateway;
    let body = body.read(gateway.max_body, gateway.read_timeout).await?;
    let max_messages = gateway.input.as_ref().and_then(|input| input.max_messages);
    let scan = scan::scan(&body, &dataplane.vocabulary, max_messages)?;
    account.context_length = scan.context.map(<[u8]>::len);
    #[cfg(feature = "words")]
    if let Some(words) = &dataplane.words {
        words.check(scan.text, scan.has_unicode_escapes)?;
    }

    // 4. Admit: may this caller use that model?
    let named = dataplane.directory.find(&scan.model);
    let requested = admit(caller, named, gateway.default_model, &scan.model)?;
    account.model = Some(requested);

    // Repeat: was it answered before? Nobody is asked again then, so no limit counts it.
    let claim = match &dataplane.idempotency {
        Some(store) if !scan.streams => {
            match idempotency::claim(store, caller, operation, head, &body)? {
                Some(Claimed::Before(kept)) => {
                    dataplane.metrics.repeated(Repeated::Replayed).inc();
                    return Ok(Reply::Kept(kept));
                }
                Some(Claimed::First(claim)) => Some(claim),
                None => None,
            }
        }
        _ => None,
    };

    // 5. Limit: is there room for it?
    let limit = dataplane.model_limit(requested);
    account.limits.by_model(limit.limiter.as_deref());
    let is_generated = scan.streams && operation.generates();
    if is_generated {
        // A long wait in a queue is a wait like any other to the client.
        may_begin(account);
    }
    account
        .limits
        .admit(caller.priority, &dataplane.metrics, || {
            Demand::of(&scan, operation, limit.assumed_output)
        })
        .await?;
    #[cfg(feature = "redis")]
    if let Some(store) = &worker.store {
        account.limits.share(store).await?;
    }

    let asked = Asked {
        caller,
        operation,
        head,
        trace,
        body: &body,
        scan: &scan,
        named,
        requested,
    };
    if is_generated {
        // As the limits stand now.
        may_begin(account);
    }
    let copy = shadow::due(worker, account, &asked);
    let send = copy.map(|copy| || copy.send(worker, &asked));
    let answering = pin!(try_in_turn(worker, account, &asked));
    shadow::beside(send, answering)
        .await
        .map(|taken| Reply::Relayed(taken, claim))
}

/// The model that a request for `name` is for: the one that it `named`, or else the `default`.
fn admit(
    caller: &Caller<'_>,
    named: Option<&'static Model>,
    default: Option<&'static Model>,
    name: &str,
) -> Result<&'static Model, Error> {
    let may_use = |model: &'static Model| caller.may_use(model);
    decide::admit::admit(named, default, may_use).map_err(|denied| match denied {
        Denied::Unknown => Error::UnknownModel {
            name: name.to_owned(),
            known: caller.model_names(),
        },
        Denied::NotAllowed(model) => Error::ModelNotAllowed {
            model: model.settings.name,
        },
    })
}

/// The response of the gateway itself.
fn own(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Body::whole(body));
    response.status = status;
    response.headers.append(CONTENT_TYPE, content_type);
    response
}

/// The answer to a preflight: nothing but headers.
fn preflight(headers: Headers) -> Response {
    Response {
        status: StatusCode::NO_CONTENT,
        headers,
        body: Body::Whole(None),
    }
}

//! Requests whose total time ends before an upstream has answered. The compiler refuses a total that
//! has no time for every attempt, so no spec shows this.

use std::ffi::OsString;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, StatusCode};
use tokio::task::LocalSet;
use tokio::time::Instant;

use super::*;
use crate::api::scan::scan;
use crate::dataplane::Dataplane;
use crate::environment;
use crate::fixture;
use crate::message::headers::Headers;
use crate::topology::{
    Auth, Breaker, Draw, Endpoint, Gateway, Hedge, HedgeSettings, MIB, ModelSettings, Retry, Route,
    Rule, Share, Timeouts, Topology, UpstreamSettings,
};
use crate::upstream::circuit::State;

const TOTAL: Duration = Duration::from_secs(2);

const fn upstream(name: &'static str, variable: &'static str) -> Upstream {
    Upstream::new(UpstreamSettings {
        name,
        endpoint: Endpoint::Http {
            url: "http://127.0.0.1:1",
            variable,
        },
        served_model: None,
        api_key: None,
        timeouts: Timeouts {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(10),
            between_chunks: Duration::from_secs(10),
        },
        breaker: Some(Breaker {
            failures: 1,
            reset: Duration::from_secs(3600),
        }),
        health: None,
        tls: None,
        stream_usage: false,
    })
}

const fn model(name: &'static str, route: &'static Route) -> Model {
    Model::new(ModelSettings {
        name,
        aliases: &[],
        defaults: &[],
        route,
        fallback: &[],
        total: Some(TOTAL),
        total_streamed: None,
        limit: None,
        log_sample: None,
    })
}

static FIRST: Upstream = upstream("first", "UPSTREAM_FIRST_URL");
static SECOND: Upstream = upstream("second", "UPSTREAM_SECOND_URL");
static GONE: Upstream = upstream("gone", "UPSTREAM_GONE_URL");

static SILENT: Model = model(
    "silent",
    &Route {
        name: "silent",
        draw: Draw::Sequence,
        rule: Rule::Direct(&FIRST),
        retry: None,
        hedge: None,
        shadow: None,
    },
);

static HEDGED_ROUTE: Route = Route {
    name: "hedged",
    draw: Draw::Sequence,
    rule: Rule::Priority(&[&[&FIRST], &[&SECOND]]),
    retry: None,
    hedge: Some(Hedge::new(HedgeSettings {
        after: Duration::from_secs(1),
        budget: Share::percent(100.0),
    })),
    shadow: None,
};
static HEDGED: Model = model("hedged", &HEDGED_ROUTE);

static REPEATED: Model = model(
    "repeated",
    &Route {
        name: "repeated",
        draw: Draw::Sequence,
        rule: Rule::Direct(&GONE),
        retry: Some(Retry {
            attempts: 10,
            backoff: Duration::from_secs(3600),
            max_backoff: Duration::from_secs(3600),
        }),
        hedge: None,
        shadow: None,
    },
);

static TOPOLOGY: Topology = Topology {
    name: "totals",
    gateway: Gateway {
        listen: "127.0.0.1:0",
        default_model: None,
        max_body: MIB,
        max_connections: 100,
        read_timeout: Duration::from_secs(1),
        write_timeout: Duration::from_secs(1),
        shutdown_grace: Duration::from_secs(1),
        cors: None,
        input: None,
        idempotency: None,
        keep_alive: None,
        max_attempts: 8,
        tls: None,
        http2: false,
    },
    auth: Auth::Development,
    log_sample: None,
    privacy: None,
    audit: None,
    otlp: None,
    limits: &[],
    store: None,
    buckets: fixture::BUCKETS,
    models: &[&HEDGED, &REPEATED, &SILENT],
    upstreams: &[&FIRST, &GONE, &SECOND],
    gpus: &[],
};

/// What came of a request for `model`, after which time, where `first` and `second` take connections
/// and never say a word.
async fn asked(model: &'static Model) -> (Error, Duration, &'static Dataplane) {
    let (error, took, worker) = asked_after(|_| {}, model).await;
    (error, took, worker.dataplane)
}

/// The same, after `prepare`, with the worker that was asked.
async fn asked_after(
    prepare: impl FnOnce(&Worker),
    model: &'static Model,
) -> (Error, Duration, Rc<Worker>) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = OsString::from(format!("http://{}", silent.local_addr().unwrap()));
    let variable = |name: &str| {
        let is_silent = ["UPSTREAM_FIRST_URL", "UPSTREAM_SECOND_URL"].contains(&name);
        is_silent.then(|| url.clone())
    };
    let settings = environment::read(&TOPOLOGY, &variable).expect("the environment is complete");
    let dataplane = Dataplane::new(&TOPOLOGY, settings).expect("the topology is fit");
    let dataplane: &'static Dataplane = Box::leak(Box::new(dataplane));
    let worker = fixture::worker(dataplane);
    prepare(&worker);
    let mut account = fixture::opened(&worker);
    let head = Request::new(()).into_parts().0.into();
    let body = Bytes::from_static(br#"{"model":"any"}"#);
    let headers = Headers::default();
    let caller = dataplane.callers.identify(&headers, &worker.own);
    let asked = Asked {
        caller: &caller.await.unwrap(),
        operation: Operation::Chat,
        head: &head,
        trace: &Trace::identify(&headers, None),
        body: &body,
        scan: &scan(&body, &dataplane.vocabulary, None).unwrap(),
        named: Some(model),
        requested: model,
    };
    let began = Instant::now();
    let tasks = LocalSet::new();
    let answered = tasks.run_until(try_in_turn(&worker, &mut account, &asked));
    let error = answered.await.map(|_| "an answer").unwrap_err();
    (error, began.elapsed(), worker)
}

fn assert_closed(dataplane: &Dataplane, upstream: &Upstream) {
    let breaker = dataplane.upstream(upstream).breaker.as_ref();
    assert_eq!(breaker.unwrap().snapshot().state, State::Closed);
}

fn assert_took_all_its_time(took: Duration) {
    assert!(took >= TOTAL && took < 2 * TOTAL, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_cut_short_is_not_the_upstreams_failure() {
    let (error, took, dataplane) = asked(&SILENT).await;
    assert_took_all_its_time(took);
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    let message = error.to_string();
    assert!(message.contains("`first`: no response before"), "{message}");
    assert_closed(dataplane, &FIRST);
}

#[tokio::test(start_paused = true)]
async fn both_attempts_of_a_hedge_are_cut_short() {
    let (error, took, dataplane) = asked(&HEDGED).await;
    assert_took_all_its_time(took);
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    let message = error.to_string();
    for (name, upstream) in [("`first`", &FIRST), ("`second`", &SECOND)] {
        assert!(message.contains(name), "{message}");
        assert_closed(dataplane, upstream);
    }
}

#[tokio::test(start_paused = true)]
async fn no_pause_goes_beyond_the_total() {
    let (error, took, _) = asked(&REPEATED).await;
    assert!(took < TOTAL, "{took:?}");
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
}

#[tokio::test(start_paused = true)]
async fn no_hedge_is_paid_for_that_would_go_to_a_drained_upstream() {
    let drain = |worker: &Worker| {
        worker.dataplane.upstream(&SECOND).drain(true);
    };
    let (error, took, worker) = asked_after(drain, &HEDGED).await;
    assert_took_all_its_time(took);
    assert_eq!(error.status(), StatusCode::GATEWAY_TIMEOUT);
    let hedge = HEDGED_ROUTE.hedge.as_ref().unwrap();
    assert!(
        worker.budget(hedge).spend(),
        "what was earned is still there"
    );
}

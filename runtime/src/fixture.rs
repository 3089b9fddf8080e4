//! A topology for unit tests: two models, three upstreams, two keys. And the same with a shadow and an
//! administrator.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Request, StatusCode};

use crate::dataplane::Dataplane;
use crate::endpoint::{Endpoint as Path, Operation};
use crate::environment;
use crate::message::Head;
use crate::message::headers::Headers;
use crate::observe::account::Account;
use crate::observe::level::Level;
use crate::observe::log;
use crate::observe::reports::Sinks;
use crate::observe::trace::Trace;
use crate::topology::{
    Access, Auth, Buckets, Draw, Endpoint, Gateway, Key, KeySettings, MIB, Model, ModelSettings,
    PriorityClass, Route, Rule, Secret, Shadow, ShadowSettings, Share, Timeouts, Topology,
    Upstream, UpstreamSettings,
};
use crate::upstream::exchange::Outgoing;
use crate::worker::Worker;

const fn upstream(name: &'static str, variable: &'static str, api_key: Option<Secret>) -> Upstream {
    Upstream::new(UpstreamSettings {
        name,
        endpoint: Endpoint::Http {
            url: "http://127.0.0.1:1",
            variable,
        },
        served_model: None,
        api_key,
        timeouts: Timeouts {
            connect: Duration::from_secs(1),
            first_byte: Duration::from_secs(1),
            between_chunks: Duration::from_secs(1),
        },
        breaker: None,
        health: None,
        tls: None,
        stream_usage: false,
    })
}

static CLOUD: Upstream = upstream(
    "cloud",
    "UPSTREAM_CLOUD_URL",
    Some(Secret::Env("CLOUD_API_KEY")),
);
static VLLM_LARGE: Upstream = upstream("vllm-large", "UPSTREAM_VLLM_LARGE_URL", None);
static VLLM_SMALL: Upstream = upstream("vllm-small", "UPSTREAM_VLLM_SMALL_URL", None);

static LARGE_ROUTE: Route = Route {
    name: "large",
    draw: Draw::Sequence,
    rule: Rule::Direct(&VLLM_LARGE),
    shadow: None,
    retry: None,
    hedge: None,
};
static SMALL_ROUTE: Route = Route {
    name: "small",
    draw: Draw::Sequence,
    rule: Rule::Direct(&VLLM_SMALL),
    shadow: None,
    retry: None,
    hedge: None,
};

pub(crate) static MODEL_LARGE: Model = Model::new(ModelSettings {
    name: "large",
    aliases: &["chat"],
    defaults: &[],
    route: &LARGE_ROUTE,
    fallback: &[&MODEL_SMALL],
    total: None,
    total_streamed: None,
    limit: None,
    log_sample: None,
});

pub(crate) static MODEL_SMALL: Model = Model::new(ModelSettings {
    name: "small",
    aliases: &[],
    defaults: &[],
    route: &SMALL_ROUTE,
    fallback: &[],
    total: None,
    total_streamed: None,
    limit: None,
    log_sample: None,
});

static BATCH: Key = Key::new(KeySettings {
    name: "batch",
    secret: Secret::Env("KEY_BATCH"),
    models: Access::Only(&[&MODEL_SMALL]),
    limit: None,
    priority: PriorityClass::Normal,
    admin: false,
    log_sample: None,
});

static WEB: Key = Key::new(KeySettings {
    name: "web",
    secret: Secret::Env("KEY_WEB"),
    models: Access::All,
    limit: None,
    priority: PriorityClass::Normal,
    admin: false,
    log_sample: None,
});

const GATEWAY: Gateway = Gateway {
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
    max_attempts: 8,
    tls: None,
    http2: true,
    keep_alive: None,
};

/// Few, as no test is about them.
pub(crate) const BUCKETS: Buckets = Buckets {
    request: &[0.1, 1.0, 10.0],
    upstream: &[0.1, 1.0, 10.0],
    first_token: &[0.1, 1.0, 10.0],
    queue_wait: &[0.1, 1.0, 10.0],
};

pub(crate) static CHAT: Topology = Topology {
    name: "chat",
    gateway: GATEWAY,
    auth: Auth::ApiKeys(&[&BATCH, &WEB]),
    log_sample: None,
    privacy: None,
    audit: None,
    otlp: None,
    limits: &[],
    store: None,
    buckets: BUCKETS,
    models: &[&MODEL_LARGE, &MODEL_SMALL],
    upstreams: &[&CLOUD, &VLLM_LARGE, &VLLM_SMALL],
    gpus: &[],
};

static SHADOWED_ROUTE: Route = Route {
    name: "shadowed",
    draw: Draw::Sequence,
    rule: Rule::Direct(&VLLM_SMALL),
    retry: None,
    hedge: None,
    shadow: Some(Shadow::new(ShadowSettings {
        upstream: &CLOUD,
        share: Share::percent(25.0),
        concurrent: 2,
    })),
};

static MODEL_SHADOWED: Model = Model::new(ModelSettings {
    name: "shadowed",
    aliases: &[],
    defaults: &[],
    route: &SHADOWED_ROUTE,
    fallback: &[],
    limit: None,
    total: None,
    total_streamed: None,
    log_sample: None,
});

static OPS: Key = Key::new(KeySettings {
    name: "ops",
    secret: Secret::Env("KEY_WEB"),
    models: Access::Only(&[]),
    limit: None,
    priority: PriorityClass::Normal,
    admin: true,
    log_sample: None,
});

// What is in both has the same slot in both.
pub(crate) static OPERATED: Topology = Topology {
    name: "operated",
    gateway: GATEWAY,
    auth: Auth::ApiKeys(&[&OPS]),
    log_sample: None,
    privacy: None,
    audit: None,
    otlp: None,
    limits: &[],
    store: None,
    buckets: BUCKETS,
    models: &[&MODEL_LARGE, &MODEL_SMALL, &MODEL_SHADOWED],
    upstreams: CHAT.upstreams,
    gpus: &[],
};

/// The route with a shadow, and its shadow.
pub(crate) fn shadowed() -> (&'static Route, &'static Shadow) {
    let shadow = SHADOWED_ROUTE.shadow.as_ref();
    (&SHADOWED_ROUTE, shadow.expect("the route has one"))
}

/// The fixture with a shadow and an administrator in use.
pub(crate) fn operated() -> &'static Dataplane {
    in_use(&OPERATED, "http://127.0.0.1:1")
}

/// The fixture in use; the secrets are `batch-secret` and `web-secret`.
pub(crate) fn dataplane() -> &'static Dataplane {
    dataplane_towards("http://127.0.0.1:1")
}

/// The fixture in use, with all upstreams at `url`.
pub(crate) fn dataplane_towards(url: &str) -> &'static Dataplane {
    in_use(&CHAT, url)
}

fn in_use(topology: &'static Topology, url: &str) -> &'static Dataplane {
    let variable = |name: &str| match name {
        _ if name.starts_with("UPSTREAM_") => Some(OsString::from(url)),
        "KEY_BATCH" => Some("batch-secret".into()),
        "KEY_WEB" => Some("web-secret".into()),
        "CLOUD_API_KEY" => Some("cloud-secret".into()),
        _ => None,
    };
    let settings = environment::read(topology, &variable).expect("the environment is complete");
    Box::leak(Box::new(
        Dataplane::new(topology, settings).expect("the topology is fit"),
    ))
}

/// A worker of `dataplane` that logs nothing.
pub(crate) fn worker(dataplane: &'static Dataplane) -> Rc<Worker> {
    let dropped = dataplane.metrics.log_dropped.clone();
    let (sink, _) =
        log::start(Level::Error, &CHAT, dropped, std::io::sink()).expect("a thread starts");
    Rc::new(Worker::new(dataplane, sink, Sinks::default()))
}

/// The account of a chat request that nobody has answered yet.
pub(crate) fn opened(worker: &Rc<Worker>) -> Account {
    let head = Head::from(Request::new(()).into_parts().0);
    let trace = Trace::identify(&head.headers, None);
    let client_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Account::open(
        worker,
        client_ip,
        &head,
        Path::Inference(Operation::Chat),
        trace,
    )
}

/// The account of a chat request that is being answered.
pub(crate) fn account(worker: &Rc<Worker>) -> Box<Account> {
    // Its end looks at tokio's clock, which must outlive an account that a thread keeps.
    let _ = tokio::runtime::Handle::try_current();
    let mut account = Box::new(opened(worker));
    account.model = Some(&MODEL_LARGE);
    account.answered(&MODEL_LARGE, &VLLM_LARGE, StatusCode::OK, 0);
    account
}

/// A chat request for an upstream, with nothing in it.
pub(crate) fn outgoing<'a>(headers: &'a Headers, trace: &'a Trace) -> Outgoing<'a> {
    Outgoing {
        operation: Operation::Chat,
        query: None,
        headers,
        trace,
        span: None,
        is_copy: false,
        body: Bytes::from_static(b"{}"),
    }
}

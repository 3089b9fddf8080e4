//! Spec -> Topology: names become ids, text becomes numbers, defaults are filled in.
//!
//! Reports everything it finds and goes on with a hole or a harmless value. Whether the result makes sense
//! as a whole is judged by [`crate::check`], not here.

mod alert;
mod architecture;
mod audit;
mod auth;
mod breaker;
mod capabilities;
mod cloudwatch;
mod compose;
mod cors;
mod deploy;
mod engine;
pub(crate) mod figures;
mod gateway;
mod gpu;
mod grafana;
mod health;
mod hedge;
mod idempotency;
mod input;
mod jwks;
mod key;
mod kubernetes;
mod limit;
mod lint;
mod model;
mod overlay;
mod priority;
mod privacy;
mod prometheus;
mod receiver;
mod retry;
mod route;
mod rule;
mod scope;
mod secret;
mod shadow;
mod slo;
mod store;
mod stream;
mod telemetry;
mod test;
mod timeouts;
mod tls;
pub(crate) mod upstream;
mod value;

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::ir::Topology;
use crate::ir::table::Table;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::source::Source;
use crate::spec::{self, Spec};

/// What a spec means, as far as it could be understood.
#[derive(Debug)]
pub struct Resolved {
    /// What it means.
    pub topology: Topology,
    /// The key paths that are not known in full, because of what the parser or this phase reported.
    pub left_out: BTreeSet<KeyPath>,
    /// Everything that could not be understood.
    pub diagnostics: Vec<Diagnostic>,
}

/// Resolves a spec. References to what the parser `left_out` are passed over: the author knows already.
pub fn resolve(source: &Source, spec: &Spec, left_out: BTreeSet<KeyPath>) -> Resolved {
    let mut scope = Scope::new(spec, left_out);
    scope.check_spec_name(source.name());
    let gateway = gateway::resolve(&spec.gateway, &mut scope);
    let (timeouts, totals) = timeouts::resolve_defaults(&spec.timeouts, &mut scope);
    let breaker = breaker::resolve_default(spec.breaker.as_ref(), &mut scope);
    let health = health::resolve_default(spec.health.as_ref(), &mut scope);
    let defaults = upstream::Defaults {
        timeouts,
        breaker,
        health,
        stream_usage: gateway.stream.as_ref().is_some_and(|stream| stream.usage),
    };
    let gpus = Table::from_sorted(gpu::resolve_all(&spec.gpus, &mut scope));
    let architectures = architecture::resolve_all(source, &spec.architectures, &mut scope);
    let machines = engine::Machines {
        gpus: &gpus,
        architectures: &architectures,
    };
    let upstreams = upstream::resolve_all(&spec.upstreams, &defaults, &machines, &mut scope);
    let routes = route::resolve_all(&spec.routes, &mut scope);
    let models = model::resolve_all(&spec.models, &totals, &routes, &mut scope);
    let limits = limit::resolve_all(&spec.limits, &mut scope);
    let keys = key::resolve_all(&spec.keys, &mut scope);
    let jwt = auth::resolve(&spec.auth, &mut scope);
    let store = store::resolve(&spec.store, &mut scope);
    let log_sample = spec.log.as_ref().and_then(|log| {
        let path = KeyPath::root().key("log").key("sample");
        scope.percent(&log.sample, &path)
    });
    let privacy = privacy::resolve(spec.privacy.as_ref(), &mut scope);
    let audit = audit::resolve(spec.audit.as_ref(), &mut scope);
    let otlp = telemetry::resolve(&spec.telemetry, &mut scope);
    let slos = slo::resolve_all(&spec.slos, &mut scope);
    let receivers = receiver::resolve_all(&spec.receivers, &mut scope);
    let is_counted =
        |limit: &spec::limit::Limit| limit.requests.is_some() || limit.tokens.is_some();
    let replica = kubernetes::Gateway {
        counts_alone: spec.limits.values().any(is_counted) && spec.store.redis.is_none(),
        asks_for_certificates: gateway
            .tls
            .as_ref()
            .is_some_and(|tls| tls.client_ca.is_some()),
    };
    let deploy = deploy::resolve(&spec.deploy, source.name(), replica, &mut scope);
    let overlays = overlay::resolve_all(&spec.overlays, &deploy, &mut scope);
    let tests = test::resolve_all(&spec.tests, gateway.development, jwt.as_ref(), &mut scope);
    let lints = lint::resolve_all(&spec.lints, &mut scope);
    let mut topology = Topology {
        name: source.name().to_owned(),
        gateway,
        gpus,
        models: Table::from_sorted(models),
        upstreams: Table::from_sorted(upstreams),
        routes: Table::from_sorted(routes),
        limits: Table::from_sorted(limits),
        keys: Table::from_sorted(keys),
        jwt,
        store,
        log_sample,
        privacy,
        audit,
        otlp,
        slos: Table::from_sorted(slos),
        alerts: Vec::new(),
        receivers: Table::from_sorted(receivers),
        deploy,
        overlays: Table::from_sorted(overlays),
        tests,
        lints,
    };
    topology.alerts = alert::resolve_all(&spec.alerts, &topology, &mut scope);
    let (diagnostics, left_out) = scope.finish();
    Resolved {
        topology,
        left_out,
        diagnostics,
    }
}

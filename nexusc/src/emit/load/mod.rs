//! `deploy/<spec>/load/`: load tests for k6, which hold the gateway to the spec's objectives, and scenarios that break
//! one thing each and know from the topology who answers then.

mod promises;

use std::time::Duration;

use decide::metric::INFERENCE;
use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::load::promises::{Promise, Threshold, promises, thresholds};
use crate::emit::template::fill;
use crate::ir::deploy::Artifact;
use crate::ir::table::Id;
use crate::ir::{Model, Route, Rule, Topology, Upstream, WhenAway};
use crate::unit::duration;

/// The files of every topology: where they go, and their templates.
const FILES: [(&str, &str); 7] = [
    (
        "README.md",
        include_str!("../../../../templates/deploy/load/README.md"),
    ),
    (
        "gateway.js",
        include_str!("../../../../templates/deploy/load/gateway.js"),
    ),
    (
        "smoke.js",
        include_str!("../../../../templates/deploy/load/smoke.js"),
    ),
    (
        "baseline.js",
        include_str!("../../../../templates/deploy/load/baseline.js"),
    ),
    (
        "spike.js",
        include_str!("../../../../templates/deploy/load/spike.js"),
    ),
    (
        "chaos/gateway.sh",
        include_str!("../../../../templates/deploy/load/chaos/gateway.sh"),
    ),
    (
        "chaos/stop-under-load.sh",
        include_str!("../../../../templates/deploy/load/chaos/stop-under-load.sh"),
    ),
];

const UPSTREAM_AWAY: &str =
    include_str!("../../../../templates/deploy/load/chaos/upstream-away.sh");
const REDIS_AWAY: &str = include_str!("../../../../templates/deploy/load/chaos/redis-away.sh");

/// The longest that an answer may take in a load test, where the spec has no limit.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::Load) || topology.models.is_empty() {
        return;
    }
    let values = values(topology);
    let folder = format!("{}/load", conventions::deploy_folder(&topology.name));
    let mut add = |file: &str, template: &str| {
        files.add(format!("{folder}/{file}"), fill(template, &values));
    };
    for (file, template) in FILES {
        add(file, template);
    }
    add("chaos/upstream-away.sh", UPSTREAM_AWAY);
    if values.when_away.is_some() {
        add("chaos/redis-away.sh", REDIS_AWAY);
    }
}

/// What the templates are filled with. Names need no escaping for the shell or for Markdown: the language sees to that.
#[derive(Serialize)]
struct Values<'t> {
    header: String,
    spec: &'t str,
    /// Where the gateway is, on its machine.
    url: String,
    path: &'static str,
    /// What a caller presents, if anything.
    credential: Option<String>,
    /// What is written before the name of a script of k6.
    key: &'static str,
    literal: Literals,
    promises: Vec<Promise>,
    thresholds: Vec<Threshold>,
    models: Vec<Row<'t>>,
    most_seconds: u64,
    grace: String,
    grace_seconds: u64,
    when_away: Option<&'static str>,
}

/// Values as literals of JavaScript.
#[derive(Serialize)]
struct Literals {
    url: String,
    model: String,
    timeout: String,
}

/// A model, and who answers for it.
#[derive(Serialize)]
struct Row<'t> {
    name: &'t str,
    route: &'t str,
    upstreams: Vec<&'t str>,
    /// Those that have another upstream.
    fallback: Vec<&'t str>,
}

fn values(topology: &Topology) -> Values<'_> {
    let gateway = &topology.gateway;
    let scheme = if gateway.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://localhost:{}", gateway.listen.port());
    let longest = longest(topology);
    let grace = gateway.shutdown_grace;
    Values {
        header: conventions::header(&topology.name),
        spec: &topology.name,
        path: INFERENCE[0],
        credential: (!gateway.development).then(|| credential(topology)),
        key: if gateway.development {
            ""
        } else {
            "-e API_KEY=$API_KEY "
        },
        literal: Literals {
            url: literal(&url),
            model: literal(usual_model(topology).map_or("", |model| &model.name)),
            timeout: literal(&format!("{}s", longest.as_secs())),
        },
        url,
        promises: promises(topology),
        thresholds: thresholds(topology),
        models: topology
            .models
            .iter()
            .filter_map(|model| row(topology, model))
            .collect(),
        most_seconds: longest.as_secs(),
        grace: duration::shown(grace),
        grace_seconds: grace.as_secs() + 60,
        when_away: topology
            .store
            .as_ref()
            .and_then(|store| store.when_away)
            .map(WhenAway::name),
    }
}

/// What a caller presents, in words.
fn credential(topology: &Topology) -> String {
    let keys = topology.keys.iter().filter(|key| !key.admin);
    let keys: Vec<&str> = keys.map(|key| key.name.as_str()).collect();
    let named = format!("the secret of a key ({})", keys.join(", "));
    match (keys.is_empty(), topology.jwt.is_some()) {
        (false, false) => named,
        (false, true) => format!("{named}, or a token"),
        (true, _) => "a token".to_owned(),
    }
}

fn row<'t>(topology: &'t Topology, model: &'t Model) -> Option<Row<'t>> {
    let route = topology.routes.get(model.route?);
    let own = upstreams(route);
    let mut names: Vec<&str> = own
        .iter()
        .map(|id| topology.upstreams.get(*id).name.as_str())
        .collect();
    names.sort_unstable();
    let fallback = model.fallback.iter().map(|id| topology.models.get(*id));
    let answers = |fallback: &&Model| {
        let route = fallback.route.map(|id| topology.routes.get(id));
        route.is_some_and(|route| upstreams(route).iter().any(|id| !own.contains(id)))
    };
    Some(Row {
        name: &model.name,
        route: &route.name,
        upstreams: names,
        fallback: fallback
            .filter(answers)
            .map(|model| model.name.as_str())
            .collect(),
    })
}

fn upstreams(route: &Route) -> Vec<Id<Upstream>> {
    route.rule.as_ref().map(Rule::upstreams).unwrap_or_default()
}

/// What is asked for unless somebody says otherwise: what unknown names are taken for, or the first that others stand
/// in for, or the first.
fn usual_model(topology: &Topology) -> Option<&Model> {
    let default = topology.gateway.default_model;
    let mut backed_up = topology.models.iter();
    default
        .map(|id| topology.models.get(id))
        .or_else(|| backed_up.find(|model| !model.fallback.is_empty()))
        .or_else(|| topology.models.iter().next())
}

/// How long an answer may take at most.
fn longest(topology: &Topology) -> Duration {
    let totals = topology.models.iter().map(|model| &model.totals);
    let longest = totals
        .map(|totals| {
            let whole = totals.whole.as_ref().map(|total| total.time)?;
            let streamed = totals.streamed.as_ref().map_or(whole, |total| total.time);
            Some(whole.max(streamed))
        })
        .collect::<Option<Vec<_>>>()
        .and_then(|times| times.into_iter().max());
    longest.unwrap_or(PATIENCE).max(Duration::from_secs(1))
}

/// A text as a literal of JavaScript: JSON is one.
fn literal(text: &str) -> String {
    serde_json::to_string(text).expect("text can be written as JSON")
}

//! What a change of a spec means, for whom, and how dangerous that is.
//!
//! Two topologies are compared, never two texts: what means the same and is written otherwise is no change.
//! Each module takes the structures of its part of the topology apart field by field, with no `..`, so that a
//! field which is added to the topology does not compile before somebody has said what its change means.

mod alerts;
mod callers;
mod cloudwatch;
mod compose;
mod deploy;
mod engines;
mod gateway;
mod gpus;
mod grafana;
mod kubernetes;
mod limits;
mod models;
mod observing;
mod overlays;
pub mod render;
mod routing;
mod shares;
mod store;
mod surroundings;
mod tls;
mod upstreams;
mod words;

use std::collections::BTreeMap;

use crate::ir::table::{Named, Table};
use crate::ir::{Rule, Topology};
use crate::redact;

/// What is different for whom, the most dangerous first.
#[derive(Debug)]
pub struct Diff {
    /// Every change.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// How dangerous it is.
    pub risk: Risk,
    /// What changes.
    pub kind: Kind,
    /// The names of what changes in this way; none for what there is only one of.
    pub names: Vec<String>,
    /// The models whose requests it concerns, where `names` are those of upstreams.
    pub serves: Vec<String>,
    /// What is different, in a phrase that fits one and several.
    pub what: String,
}

/// How dangerous a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// A request that worked is refused, or goes elsewhere entirely.
    Breaking,
    /// Whatever worked may go on working, under other conditions: less time, other shares, other answers,
    /// something newly needed, a protection that is gone.
    Risky,
    /// Whatever worked goes on working.
    Safe,
}

impl Risk {
    /// Every risk, the greatest first.
    pub const ALL: [Self; 3] = [Self::Breaking, Self::Risky, Self::Safe];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Risky => "risky",
            Self::Safe => "safe",
        }
    }

    /// Safe where there is more room than before, risky where there is less.
    fn of_room<T: PartialOrd>(before: &T, after: &T) -> Self {
        if after < before {
            Self::Risky
        } else {
            Self::Safe
        }
    }
}

/// What a change is about, in the order of printing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The front door.
    Gateway,
    /// Names that clients ask for, and models.
    Model,
    /// API keys.
    Key,
    /// Tokens of an issuer.
    Tokens,
    /// Servers.
    Upstream,
    /// Where servers run.
    Gpu,
    /// What is counted by all replicas.
    Store,
    /// What is written and sent about requests.
    Records,
    /// Variables that are read at start.
    Variable,
    /// Files that are read at start.
    File,
    /// Objectives.
    Objective,
    /// Alerts.
    Alert,
    /// Who is told of alerts.
    Receiver,
    /// Files for deployments.
    Deployment,
    /// Environments.
    Overlay,
}

impl Kind {
    /// As it is printed before one name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Model => "model",
            Self::Key => "key",
            Self::Tokens => "tokens",
            Self::Upstream => "upstream",
            Self::Gpu => "GPU",
            Self::Store => "store",
            Self::Records => "records",
            Self::Variable => "environment variable",
            Self::File => "file",
            Self::Objective => "objective",
            Self::Alert => "alert",
            Self::Receiver => "receiver",
            Self::Deployment => "deployment",
            Self::Overlay => "overlay",
        }
    }
}

/// Compares what two specs mean.
pub fn diff(before: &Topology, after: &Topology) -> Diff {
    let mut changes = Changes::new(before, after);
    let Topology {
        name: _, // of the file: copies of a spec are compared too
        gateway,
        gpus,
        models,
        upstreams,
        routes: _, // each with the models that it serves
        limits: _, // each with the keys and models that it limits
        keys,
        jwt,
        store,
        log_sample,
        privacy,
        audit,
        otlp,
        slos,
        alerts,
        receivers,
        deploy,
        overlays,
        tests: _, // ask, and change nothing
        lints: _, // are about findings, and change nothing
    } = after;
    gateway::compare(&before.gateway, gateway, &mut changes);
    models::compare(&before.models, models, &mut changes);
    routing::compare(&mut changes);
    callers::compare_keys(&before.keys, keys, &mut changes);
    callers::compare_tokens(before.jwt.as_ref(), jwt.as_ref(), &mut changes);
    limits::compare(&mut changes);
    upstreams::compare(&before.upstreams, upstreams, &mut changes);
    gpus::compare(&before.gpus, gpus, &mut changes);
    store::compare(before.store.as_ref(), store.as_ref(), &mut changes);
    observing::compare_log(before.log_sample, *log_sample, &mut changes);
    observing::compare_privacy(before.privacy.as_ref(), privacy.as_ref(), &mut changes);
    observing::compare_audit(before.audit.as_ref(), audit.as_ref(), &mut changes);
    observing::compare_spans(before.otlp.as_ref(), otlp.as_ref(), &mut changes);
    surroundings::compare(&mut changes);
    alerts::compare_slos(&before.slos, slos, &mut changes);
    alerts::compare_alerts(&before.alerts, alerts, &mut changes);
    alerts::compare_receivers(&before.receivers, receivers, &mut changes);
    deploy::compare(&before.deploy, deploy, &mut changes);
    overlays::compare(&before.overlays, overlays, &mut changes);
    changes.finish()
}

/// The changes found so far. The same change of several things is one.
struct Changes<'t> {
    before: &'t Topology,
    after: &'t Topology,
    found: Vec<Change>,
    index: BTreeMap<(Risk, Kind, String), usize>,
}

impl<'t> Changes<'t> {
    fn new(before: &'t Topology, after: &'t Topology) -> Self {
        Self {
            before,
            after,
            found: Vec::new(),
            index: BTreeMap::new(),
        }
    }

    /// Notes a change of what there is only one of.
    fn say(&mut self, risk: Risk, kind: Kind, what: impl Into<String>) {
        self.note(risk, kind, None, what.into());
    }

    /// Notes a change of the thing with this name.
    fn of(&mut self, risk: Risk, kind: Kind, name: &str, what: impl Into<String>) {
        self.note(risk, kind, Some(name), what.into());
    }

    fn note(&mut self, risk: Risk, kind: Kind, name: Option<&str>, what: String) {
        // What comes from a spec was checked for secrets; a name of a file may still look like one.
        let what = redact::scrubbed(&what).into_owned();
        let next = self.found.len();
        let key = (risk, kind, what.clone());
        let at = *self.index.entry(key).or_insert(next);
        if at == next {
            self.found.push(Change {
                risk,
                kind,
                names: Vec::new(),
                serves: Vec::new(),
                what,
            });
        }
        if let Some(change) = self.found.get_mut(at) {
            change.names.extend(name.map(str::to_owned));
        }
    }

    /// Whether a model of this name is in the new topology.
    fn keeps_model(&self, name: &str) -> bool {
        find(&self.after.models, name).is_some()
    }

    fn finish(mut self) -> Diff {
        let serves = [served(self.before), served(self.after)];
        for change in self.found.iter_mut().filter(|it| it.kind == Kind::Upstream) {
            for name in &change.names {
                let models = serves
                    .iter()
                    .filter_map(|by_upstream| by_upstream.get(name));
                change.serves.extend(models.flatten().cloned());
            }
            change.serves.sort();
            change.serves.dedup();
        }
        // Stable: within one kind, in the order of the comparison.
        self.found.sort_by_key(|change| (change.risk, change.kind));
        Diff {
            changes: self.found,
        }
    }
}

/// The models that each upstream gets requests of, by the names of both.
fn served(topology: &Topology) -> BTreeMap<String, Vec<String>> {
    let mut served: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in topology.routes.iter() {
        let upstreams = route.rule.as_ref().map(Rule::upstreams).unwrap_or_default();
        for id in upstreams {
            let models = served.entry(topology.upstreams.get(id).name.clone());
            let of_route = route.models.iter().map(|&id| &topology.models.get(id).name);
            models.or_default().extend(of_route.cloned());
        }
    }
    served
}

/// The entity of this name.
fn find<'t, T: Named>(table: &'t Table<T>, name: &str) -> Option<&'t T> {
    table.iter().find(|entity| entity.name() == name)
}

/// The entities of two tables side by side, by name; each is in one of them, or in both.
fn pairs<'t, T: Named>(
    before: &'t Table<T>,
    after: &'t Table<T>,
) -> impl Iterator<Item = (Option<&'t T>, Option<&'t T>)> {
    let mut by_name: BTreeMap<&str, (Option<&T>, Option<&T>)> = BTreeMap::new();
    for entity in before.iter() {
        by_name.entry(entity.name()).or_default().0 = Some(entity);
    }
    for entity in after.iter() {
        by_name.entry(entity.name()).or_default().1 = Some(entity);
    }
    by_name.into_values()
}

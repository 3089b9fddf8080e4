//! `[deploy.kubernetes]` and `[overlays.NAME.kubernetes]`

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::kubernetes::{Environment, Exposure, Kubernetes, Replicas};
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::{Scope, listed_twice};
use crate::source::Place;
use crate::{conventions, spec};

const HOST: &str = "gateway.local";

/// Where the controllers of these names run, by their own instructions.
const ALLOW_FROM: [&str; 2] = ["ingress-nginx", "monitoring"];

/// What NVIDIA's GPU feature discovery says of a node that has one.
const GPU_NODE: (&str, &str) = ("nvidia.com/gpu.present", "true");

/// More replicas of a gateway are a slip of the pen.
const MOST_REPLICAS: u64 = 1_000;

/// What of a gateway decides about defaults.
#[derive(Clone, Copy)]
pub(super) struct Gateway {
    /// Whether each replica counts limits for itself.
    pub(super) counts_alone: bool,
    /// Whether clients present certificates, which an ingress has none of.
    pub(super) asks_for_certificates: bool,
}

pub(super) fn resolve(
    written: &spec::kubernetes::Kubernetes,
    spec_name: &str,
    gateway: Gateway,
    scope: &mut Scope<'_>,
) -> Kubernetes {
    let path = KeyPath::root().key("deploy").key("kubernetes");
    let spec::kubernetes::Kubernetes {
        namespace,
        host,
        expose,
        replicas,
        allow_from,
        gpu_nodes,
        prometheus_operator,
    } = written;
    let alone = Replicas { min: 1, max: 1 };
    let together = Replicas { min: 2, max: 6 };
    let usual = Environment {
        namespace: spec_name.to_owned(),
        host: HOST.to_owned(),
        replicas: if gateway.counts_alone {
            alone
        } else {
            together
        },
    };
    Kubernetes {
        environment: Environment {
            namespace: named(namespace.as_ref(), usual.namespace, &path, scope),
            host: hosted(host.as_ref(), usual.host, &path, scope),
            replicas: self::replicas(replicas.as_ref(), usual.replicas, &path, scope),
        },
        expose: match expose {
            Some(ways) => self::expose(ways, &path.key("expose"), scope),
            None if gateway.asks_for_certificates => [Exposure::LoadBalancer].into(),
            None => [Exposure::Ingress].into(),
        },
        allow_from: match allow_from {
            Some(namespaces) => namespaces_of(namespaces, &path.key("allow_from"), scope),
            None => ALLOW_FROM.map(str::to_owned).into(),
        },
        gpu_nodes: match gpu_nodes {
            Some(labels) => self::labels(labels, &path.key("gpu_nodes"), scope),
            None => [(GPU_NODE.0.to_owned(), GPU_NODE.1.to_owned())].into(),
        },
        prometheus_operator: prometheus_operator.unwrap_or(false),
        path,
    }
}

/// What an overlay of this name makes of the base.
pub(super) fn resolve_environment(
    written: &spec::kubernetes::Environment,
    overlay: &str,
    base: &Environment,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Environment {
    let spec::kubernetes::Environment {
        namespace,
        host,
        replicas,
    } = written;
    let usual = conventions::kubernetes::part(&base.namespace, overlay);
    // Where nobody has written a host, environments are kept apart by it as they are by namespaces.
    let usual_host = if base.host == HOST {
        format!("{overlay}.{HOST}")
    } else {
        base.host.clone()
    };
    Environment {
        namespace: named(namespace.as_ref(), usual, path, scope),
        host: hosted(host.as_ref(), usual_host, path, scope),
        replicas: self::replicas(replicas.as_ref(), base.replicas, path, scope),
    }
}

fn named(
    namespace: Option<&String>,
    usual: String,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> String {
    let Some(namespace) = namespace else {
        return usual;
    };
    check_namespace(namespace, path.key("namespace"), scope);
    namespace.clone()
}

fn check_namespace(namespace: &str, path: KeyPath, scope: &mut Scope<'_>) {
    if !is_label(namespace) {
        let help =
            "lowercase letters, digits and hyphens between two of those, at most 63: `\"llm\"`";
        report(namespace, "the name of a namespace", help, path, scope);
    }
}

fn hosted(host: Option<&String>, usual: String, path: &KeyPath, scope: &mut Scope<'_>) -> String {
    let Some(host) = host else {
        return usual;
    };
    // An ingress takes a name, and no address.
    let is_name = host.len() <= 253 && host.split('.').all(is_label);
    if !is_name || host.parse::<std::net::IpAddr>().is_ok() {
        let help = "write a name in lowercase, without scheme and port: `\"gateway.example.com\"`";
        report(
            host,
            "the host of an ingress",
            help,
            path.key("host"),
            scope,
        );
    }
    host.clone()
}

fn replicas(
    written: Option<&spec::kubernetes::Replicas>,
    usual: Replicas,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Replicas {
    let Some(&spec::kubernetes::Replicas { min, max }) = written else {
        return usual;
    };
    let path = path.key("replicas");
    scope.within(min, 1..=MOST_REPLICAS, &path.key("min"));
    scope.within(max, 1..=MOST_REPLICAS, &path.key("max"));
    if min > max {
        let message = format!("at least {min} replicas are more than at most {max}");
        let place = Place::Value(path.key("min"));
        let diagnostic = Diagnostic::new(Code::NX0822, message, place, "the fewest");
        let diagnostic = diagnostic.conflict(Place::Value(path.key("max")), "the most");
        scope.report(diagnostic.help("write the smaller number as `min`"));
    }
    Replicas { min, max }
}

fn expose(ways: &[String], path: &KeyPath, scope: &mut Scope<'_>) -> BTreeSet<Exposure> {
    let mut exposed = BTreeSet::new();
    for (index, name) in ways.iter().enumerate() {
        let at = path.index(index);
        let mut all = Exposure::ALL.into_iter();
        let Some(way) = all.find(|way| way.name() == name) else {
            let message = format!("a gateway cannot be exposed by {}", shown(name));
            let known = Exposure::ALL.map(Exposure::name);
            let otherwise = || format!("there are `{}`", known.join("` and `"));
            let diagnostic = Diagnostic::new(Code::NX0823, message, Place::Value(at), "");
            scope.report(diagnostic.nearest(name, known.into_iter(), otherwise));
            continue;
        };
        if !exposed.insert(way) {
            let first = ways.iter().position(|other| other == name).unwrap_or(0);
            scope.report(listed_twice(name, at, Place::Value(path.index(first))));
        }
    }
    exposed
}

fn namespaces_of(namespaces: &[String], path: &KeyPath, scope: &mut Scope<'_>) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for (index, namespace) in namespaces.iter().enumerate() {
        let at = path.index(index);
        if allowed.insert(namespace.clone()) {
            check_namespace(namespace, at, scope);
        } else {
            let first = namespaces.iter().position(|other| other == namespace);
            let first = Place::Value(path.index(first.unwrap_or(0)));
            scope.report(listed_twice(namespace, at, first));
        }
    }
    allowed
}

fn labels(
    labels: &BTreeMap<String, String>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> BTreeMap<String, String> {
    for (key, value) in labels {
        let (prefix, name) = key.rsplit_once('/').unwrap_or(("a", key));
        let is_prefix = prefix.len() <= 253 && prefix.split('.').all(is_label);
        if !is_prefix || !is_label_text(name) {
            let message = format!("{} is not the key of a label", shown(key));
            let help = "up to 63 letters, digits and `- _ .`, perhaps after a domain: \
                        `\"nvidia.com/gpu.product\"`";
            let place = Place::Key(path.key(key));
            scope.report(Diagnostic::new(Code::NX0821, message, place, "").help(help));
        }
        if !value.is_empty() && !is_label_text(value) {
            let help = "up to 63 letters, digits and `- _ .`: `\"NVIDIA-L4\"`";
            report(value, "the value of a label", help, path.key(key), scope);
        }
    }
    labels.clone()
}

fn report(text: &str, what: &str, help: &str, path: KeyPath, scope: &mut Scope<'_>) {
    let message = format!("{} is not {what}", shown(text));
    let place = Place::Value(path);
    scope.report(Diagnostic::new(Code::NX0821, message, place, "").help(help));
}

/// A label of a domain name, as namespaces and hosts have them (RFC 1123).
fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    is_between(text, inner)
}

/// The value of a label, or the name of its key.
fn is_label_text(text: &str) -> bool {
    is_between(text, |b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// 1 to 63 of these characters, with letters or digits at both ends.
fn is_between(text: &str, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let is_end = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes.iter().all(|&b| inner(b))
}

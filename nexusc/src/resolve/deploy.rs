//! `[deploy]`

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::deploy::Artifact;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::{Scope, listed_twice};
use crate::resolve::{cloudwatch, compose, grafana, kubernetes, prometheus};
use crate::source::Place;
use crate::{ir, spec};

pub(super) fn resolve(
    written: &spec::deploy::Deploy,
    name: &str,
    gateway: kubernetes::Gateway,
    scope: &mut Scope<'_>,
) -> ir::deploy::Deploy {
    let path = KeyPath::root().key("deploy");
    let spec::deploy::Deploy {
        artifacts,
        image,
        cloudwatch,
        compose,
        grafana,
        prometheus,
        kubernetes,
    } = written;
    let artifacts = match artifacts {
        Some(names) => self::artifacts(names, &path.key("artifacts"), scope),
        None => Artifact::ALL.into(),
    };
    let image = match image {
        Some(image) => self::image(image, &path.key("image"), scope),
        None => format!("nexus/{name}"),
    };
    let compose = compose::resolve(compose, scope);
    ir::deploy::Deploy {
        path,
        artifacts,
        image,
        cloudwatch: cloudwatch::resolve(cloudwatch, scope),
        grafana: grafana::resolve(grafana, compose.ports, scope),
        compose,
        prometheus: prometheus::resolve(prometheus, scope),
        kubernetes: kubernetes::resolve(kubernetes, name, gateway, scope),
    }
}

fn artifacts(names: &[String], path: &KeyPath, scope: &mut Scope<'_>) -> BTreeSet<Artifact> {
    let mut artifacts = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let at = path.index(index);
        let mut all = Artifact::ALL.into_iter();
        let Some(artifact) = all.find(|artifact| artifact.name() == name) else {
            let message = format!("{} is no kind of artifact", shown(name));
            let known = Artifact::ALL.map(Artifact::name);
            let otherwise = || format!("there are `{}`", known.join("`, `"));
            let diagnostic = Diagnostic::new(Code::NX0802, message, Place::Value(at), "");
            scope.report(diagnostic.nearest(name, known.into_iter(), otherwise));
            continue;
        };
        if !artifacts.insert(artifact) {
            let first = names.iter().position(|other| other == name).unwrap_or(0);
            scope.report(listed_twice(name, at, Place::Value(path.index(first))));
        }
    }
    artifacts
}

/// The name of an image: a host if there is one, and lowercase path components, as registries take them
/// (<https://github.com/distribution/reference>).
fn image(text: &str, path: &KeyPath, scope: &mut Scope<'_>) -> String {
    let is_component = |component: &str| {
        let clean = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = component.as_bytes();
        component.bytes().all(clean) && edge(bytes.first()) && edge(bytes.last())
    };
    let is_host = |host: &str| {
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "0"));
        is_component(name) && port.parse::<u16>().is_ok()
    };
    let (first, rest) = text.split_once('/').unwrap_or((text, ""));
    let is_first = if rest.is_empty() {
        is_component(first)
    } else {
        is_host(first)
    };
    if text.len() <= 255 && is_first && (rest.is_empty() || rest.split('/').all(is_component)) {
        return text.to_owned();
    }
    let message = format!("{} is not the name of an image", shown(text));
    let help = "lowercase letters, digits and `. _ -` between slashes, without a tag: \
                `\"registry.example.com/llm/gateway\"`";
    let place = Place::Value(path.clone());
    scope.report(Diagnostic::new(Code::NX0803, message, place, "").help(help));
    text.to_owned()
}

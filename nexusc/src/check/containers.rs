//! The containers of the compose file: each port of the machine is one container's (NX0810), each name too (NX0811), TLS
//! ends once (NX0812), services do not wait for themselves (NX0813), and a profile starts what runs here and can run
//! together (NX0814).

use std::collections::BTreeMap;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Upstream;
use crate::ir::compose::{Profile, Service, Starts};
use crate::ir::deploy::Artifact;
use crate::ir::table::{Id, Table};
use crate::key_path::KeyPath;
use crate::plan::containers;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if !topology.deploy.artifacts.contains(&Artifact::Compose) || context.is_partial("deploy") {
        return;
    }
    check_ports(context);
    if !context.is_partial("upstreams") {
        check_names(context);
        for profile in &topology.deploy.compose.profiles {
            check_profile(profile, context);
        }
    }
    let gateway = KeyPath::root().key("gateway").key("tls");
    if let (Some(nginx), Some(_)) = (&topology.deploy.compose.nginx, &topology.gateway.tls) {
        let diagnostic = Diagnostic::new(
            Code::NX0812,
            "TLS ends in nginx and in the gateway",
            Place::Key(nginx.path.clone()),
            "speaks HTTP without TLS to the gateway",
        )
        .conflict(Place::Key(gateway), "expects TLS")
        .help("remove one of the two: the gateway ends TLS by itself, and renews certificates without a restart");
        context.report(diagnostic);
    }
    for service in waiting_for_itself(&topology.deploy.compose.services) {
        let message = format!("service `{}` starts after itself", service.name);
        let place = Place::Value(service.path.key("after"));
        let diagnostic = Diagnostic::new(Code::NX0813, message, place, "");
        context.report(diagnostic.help("remove one name, so that one of them starts first"));
    }
}

fn check_ports(context: &mut Context<'_>) {
    let ports = containers::ports(context.topology);
    let mut taken: Vec<&containers::Named<containers::Published>> = Vec::new();
    for port in &ports {
        let before = taken.iter().find(|before| before.it.collides_with(port.it));
        let Some(before) = before else {
            taken.push(port);
            continue;
        };
        let message = format!(
            "{} and {} are both at port {}",
            before.what, port.what, port.it.port
        );
        let help = format!("set `{}` to another port", port.path);
        let diagnostic = Diagnostic::without_place(Code::NX0810, message).help(help);
        context.report(at_both(diagnostic, port, before));
    }
}

/// Points at what the spec says, and not at what it leaves to the compiler.
fn at_both<T>(
    mut diagnostic: Diagnostic,
    this: &containers::Named<T>,
    other: &containers::Named<T>,
) -> Diagnostic {
    for named in [this, other] {
        if !named.is_default {
            let place = Place::Value(named.path.clone());
            diagnostic = diagnostic.conflict(place, named.what.clone());
        }
    }
    diagnostic
}

fn check_names(context: &mut Context<'_>) {
    let mut first: BTreeMap<&str, containers::Named<&str>> = BTreeMap::new();
    for name in containers::names(context.topology) {
        let Some(before) = first.get(name.it) else {
            first.insert(name.it, name);
            continue;
        };
        let message = format!(
            "{} and {} are both named `{}`",
            before.what, name.what, name.it
        );
        let help = "give one of them another name: that of an engine is the host in the `url` of its upstream";
        let diagnostic = Diagnostic::without_place(Code::NX0811, message).help(help);
        context.report(at_both(diagnostic, &name, before));
    }
}

fn check_profile(profile: &Profile, context: &mut Context<'_>) {
    let topology = context.topology;
    let place = || Place::Value(profile.path.clone());
    if let Starts::Only(upstreams) = &profile.starts {
        let named = upstreams.iter().map(|id| topology.upstreams.get(*id));
        for upstream in named.filter(|upstream| containers::of_engine(upstream).is_none()) {
            let diagnostic = Diagnostic::new(
                Code::NX0814,
                format!(
                    "profile `{}` starts upstream `{}`, which does not run here",
                    profile.name, upstream.name
                ),
                place(),
                "starts engines of this machine",
            )
            .conflict(
                Place::Value(upstream.path.key("url")),
                "has no planned engine, or is another machine's",
            )
            .help("remove it from the profile; or give it an `engine`, and a host without dots");
            context.report(diagnostic);
        }
    }
    let started = containers::engines(topology).filter(|(id, ..)| profile.starts.includes(*id));
    let mut of_profile = started.filter_map(|(_, upstream, _)| {
        let own = upstream.engine.as_ref()?.profile.as_ref()?;
        Some((upstream, own))
    });
    let Some((first, own)) = of_profile.next() else {
        return;
    };
    if let Some((other, _)) = of_profile.find(|(_, other)| *other != own) {
        let at = |upstream: &Upstream| Place::Value(upstream.path.key("engine").key("profile"));
        let diagnostic = Diagnostic::new(
            Code::NX0814,
            format!(
                "profile `{}` starts `{}` and `{}`, which never run at the same time",
                profile.name, first.name, other.name
            ),
            place(),
            "starts both",
        )
        .conflict(at(first), "is of one profile")
        .conflict(at(other), "is of another")
        .help("start one of them; or remove `profile` from engines that share their GPUs, and see `nexusc plan`");
        context.report(diagnostic);
    }
}

/// The services that are up only after they are.
fn waiting_for_itself(services: &Table<Service>) -> Vec<&Service> {
    let waits = |start: Id<Service>| {
        let (mut seen, mut next) = (Vec::new(), services.get(start).after.clone());
        while let Some(id) = next.pop() {
            if id == start {
                return true;
            }
            if !seen.contains(&id) {
                seen.push(id);
                next.extend(&services.get(id).after);
            }
        }
        false
    };
    let waiting = services.ids().filter(|(id, _)| waits(*id));
    waiting.map(|(_, service)| service).collect()
}

//! What compose files run.

use std::collections::BTreeSet;

use crate::diff::Risk::{self, Risky, Safe};
use crate::diff::words::{code, list};
use crate::diff::{Changes, Kind, pairs};
use crate::ir::Topology;
use crate::ir::compose::{Compose, Nginx, Ports, Profile, Service, Starts};

pub(super) fn compare(before: &Compose, after: &Compose, changes: &mut Changes<'_>) {
    let Compose {
        profiles,
        ports,
        nginx,
        services,
    } = after;
    compare_profiles(&before.profiles, profiles, changes);
    compare_ports(before.ports, *ports, changes);
    compare_nginx(before.nginx.as_ref(), nginx.as_ref(), changes);
    for pair in pairs(&before.services, services) {
        match pair {
            (Some(before), Some(after)) => compare_service(before, after, changes),
            (None, Some(new)) => say(Safe, &new.name, "new", changes),
            (Some(old), None) => say(Risky, &old.name, "removed", changes),
            (None, None) => {}
        }
    }
}

/// Something about a service.
fn say(risk: Risk, service: &str, what: &str, changes: &mut Changes<'_>) {
    let what = format!("service {}: {what}", code(service));
    changes.say(risk, Kind::Deployment, what);
}

fn compare_profiles(before: &[Profile], after: &[Profile], changes: &mut Changes<'_>) {
    let find = |profiles: &[Profile], topology: &Topology, name: &str| {
        let profile = profiles.iter().find(|profile| profile.name == name)?;
        Some(started(profile, topology))
    };
    let names: BTreeSet<&str> = before
        .iter()
        .chain(after)
        .map(|profile| profile.name.as_str())
        .collect();
    for name in names {
        let old = find(before, changes.before, name);
        let new = find(after, changes.after, name);
        if old != new {
            let shown = |starts: Option<String>| starts.unwrap_or_else(|| "none".to_owned());
            let (old, new) = (shown(old), shown(new));
            let what = format!("engines that profile {} starts: {old} -> {new}", code(name));
            changes.say(Risky, Kind::Deployment, what);
        }
    }
}

fn started(profile: &Profile, topology: &Topology) -> String {
    let Profile {
        name: _,
        path: _,
        starts,
    } = profile;
    match starts {
        Starts::All => "all".to_owned(),
        Starts::Only(upstreams) => list(
            upstreams
                .iter()
                .map(|id| topology.upstreams.get(*id).name.as_str()),
        ),
    }
}

fn compare_ports(before: Ports, after: Ports, changes: &mut Changes<'_>) {
    let Ports {
        prometheus,
        alertmanager,
        grafana,
        kibana,
    } = after;
    for (what, before, after) in [
        ("Prometheus", before.prometheus, prometheus),
        ("Alertmanager", before.alertmanager, alertmanager),
        ("Grafana", before.grafana, grafana),
        ("Kibana", before.kibana, kibana),
    ] {
        if before != after {
            let what = format!("port of {what}: {before} -> {after}");
            changes.say(Risky, Kind::Deployment, what);
        }
    }
}

fn compare_nginx(before: Option<&Nginx>, after: Option<&Nginx>, changes: &mut Changes<'_>) {
    let shown = |nginx: &Nginx| {
        let Nginx {
            path: _,
            port,
            identity,
        } = nginx;
        let files = identity.as_ref().map_or_else(String::new, |identity| {
            let certificate = code(&identity.certificate);
            format!(", {certificate}, {}", code(&identity.private_key))
        });
        format!("port {port}{files}")
    };
    match (before, after) {
        (Some(before), Some(after)) if shown(before) != shown(after) => {
            let what = format!("nginx: {} -> {}", shown(before), shown(after));
            changes.say(Risky, Kind::Deployment, what);
        }
        (None, Some(new)) => {
            let what = format!(
                "nginx ends TLS at port {}, and the gateway is reached through it alone",
                new.port
            );
            changes.say(Risky, Kind::Deployment, what);
        }
        (Some(_), None) => {
            let what = "no nginx any more: the gateway is reached directly";
            changes.say(Risky, Kind::Deployment, what);
        }
        _ => {}
    }
}

fn compare_service(before: &Service, after: &Service, changes: &mut Changes<'_>) {
    let Service {
        name,
        path: _,
        image,
        port,
        environment,
        health,
        data,
        after: _, // by name, below
    } = after;
    let text = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), code);
    let number = |port: Option<u16>| port.map_or("none".to_owned(), |port| port.to_string());
    let names = |names: &[String]| list(names.iter().map(String::as_str));
    let first = |service: &Service, topology: &Topology| {
        let services = &topology.deploy.compose.services;
        list(
            service
                .after
                .iter()
                .map(|id| services.get(*id).name.as_str()),
        )
    };
    let followed = first(before, changes.before);
    for (what, before, after) in [
        ("image", code(&before.image), code(image)),
        ("port", number(before.port), number(*port)),
        ("variables", names(&before.environment), names(environment)),
        ("health check", text(&before.health), text(health)),
        ("folder that is kept", text(&before.data), text(data)),
        ("starts after", followed, first(after, changes.after)),
    ] {
        if before != after {
            say(
                Risky,
                name,
                &format!("{what}: {before} -> {after}"),
                changes,
            );
        }
    }
}

//! `[deploy.compose]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::compose::{Compose, Nginx, Ports, Profile, Service, Starts};
use crate::ir::table::{Names, Table};
use crate::key_path::KeyPath;
use crate::redact::{is_variable, shown};
use crate::resolve::scope::{Scope, listed_twice};
use crate::resolve::tls;
use crate::source::Place;
use crate::{conventions, ir, spec};

pub(super) fn resolve(written: &spec::compose::Compose, scope: &mut Scope<'_>) -> Compose {
    let path = KeyPath::root().key("deploy").key("compose");
    let spec::compose::Compose {
        profiles,
        ports,
        nginx,
        services,
    } = written;
    let spec::compose::Ports {
        prometheus,
        alertmanager,
        grafana,
        kibana,
    } = ports;
    let at = path.key("ports");
    let usual = Ports::default();
    let mut or_usual = |written: Option<u64>, name: &str, usual: u16| {
        port(written, &at.key(name), scope).unwrap_or(usual)
    };
    let ports = Ports {
        prometheus: or_usual(*prometheus, "prometheus", usual.prometheus),
        alertmanager: or_usual(*alertmanager, "alertmanager", usual.alertmanager),
        grafana: or_usual(*grafana, "grafana", usual.grafana),
        kibana: or_usual(*kibana, "kibana", usual.kibana),
    };
    Compose {
        profiles: self::profiles(profiles, &path.key("profiles"), scope),
        ports,
        nginx: nginx
            .as_ref()
            .map(|nginx| self::nginx(nginx, &path.key("nginx"), scope)),
        services: Table::from_sorted(self::services(services, &path.key("services"), scope)),
    }
}

fn port(written: Option<u64>, path: &KeyPath, scope: &mut Scope<'_>) -> Option<u16> {
    let port = scope.only_within(written, 1..=65_535, path)?;
    u16::try_from(port).ok()
}

fn profiles(
    written: &BTreeMap<String, Vec<String>>,
    table: &KeyPath,
    scope: &mut Scope<'_>,
) -> Vec<Profile> {
    let profile = |(name, upstreams): (&String, &Vec<String>)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let starts = match upstreams.as_slice() {
            [all] if all == "*" => Starts::All,
            _ => Starts::Only(scope.upstreams(upstreams, &path)),
        };
        Profile {
            name: name.clone(),
            path,
            starts,
        }
    };
    written.iter().map(profile).collect()
}

fn nginx(written: &spec::compose::Nginx, path: &KeyPath, scope: &mut Scope<'_>) -> Nginx {
    let spec::compose::Nginx {
        port,
        certificate,
        private_key,
    } = written;
    let certificate = tls::file(certificate, &path.key("certificate"), scope);
    let private_key = tls::file(private_key, &path.key("private_key"), scope);
    let identity = certificate.zip(private_key);
    Nginx {
        port: self::port(*port, &path.key("port"), scope).unwrap_or(443),
        identity: identity.map(|(certificate, private_key)| ir::Identity {
            certificate,
            private_key,
        }),
        path: path.clone(),
    }
}

fn services(
    written: &BTreeMap<String, spec::compose::Service>,
    table: &KeyPath,
    scope: &mut Scope<'_>,
) -> Vec<Service> {
    let names: Names<'_, Service> = Names::from_sorted(written.keys());
    let service = |(name, written): (&String, &spec::compose::Service)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let spec::compose::Service {
            image,
            port,
            environment,
            health,
            data,
            after,
        } = written;
        check_image(image, &path.key("image"), scope);
        check_variables(environment, &path.key("environment"), scope);
        if let Some(health) = health {
            check_line(health, &path.key("health"), scope);
        }
        if let Some(data) = data {
            check_folder(data, &path.key("data"), scope);
        }
        let path_of_after = path.key("after");
        let after = after.iter().enumerate().filter_map(|(index, other)| {
            let at = Place::Value(path_of_after.index(index));
            let found = names.find(other);
            if found.is_none() {
                let message = format!("unknown service {}", shown(other));
                let label = "no such entry in `[deploy.compose.services]`";
                let otherwise = || "add it there, or remove it here".to_owned();
                let diagnostic = Diagnostic::new(Code::NX0101, message, at, label);
                scope.report(diagnostic.nearest(other, names.iter(), otherwise));
            }
            found
        });
        Service {
            name: name.clone(),
            image: image.clone(),
            after: after.collect(),
            port: self::port(*port, &path.key("port"), scope),
            environment: environment.clone(),
            health: health.clone(),
            data: data.clone(),
            path,
        }
    };
    written.iter().map(service).collect()
}

/// Whether it is a name with a tag or a digest: without, each machine may run another version.
pub(super) fn is_image(image: &str) -> bool {
    let clean = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    let last = image.rsplit('/').next().unwrap_or(image);
    let version = last.split_once([':', '@']);
    let has_version =
        version.is_some_and(|(name, version)| !name.is_empty() && !version.is_empty());
    image.bytes().all(clean) && image.len() <= 255 && has_version
}

fn check_image(image: &str, path: &KeyPath, scope: &mut Scope<'_>) {
    if is_image(image) {
        return;
    }
    let message = format!("{} is not an image with a tag", shown(image));
    let help = "write its name and its version: `\"qdrant/qdrant:v1.15.0\"`";
    report(message, help, path, scope);
}

fn check_variables(names: &[String], path: &KeyPath, scope: &mut Scope<'_>) {
    for (index, name) in names.iter().enumerate() {
        let at = path.index(index);
        let first = names.iter().position(|other| other == name);
        if let Some(first) = first.filter(|first| *first < index) {
            scope.report(listed_twice(name, at, Place::Value(path.index(first))));
        } else if !is_variable(name) || conventions::is_taken(name) {
            // What is written may be a value, and that a secret.
            let message = format!("`{at}` is not the name of a variable of its own");
            let help = "capital letters, digits and underscores, such as `POSTGRES_PASSWORD`; its value is \
                        written into `.env`";
            report(message, help, &at, scope);
        }
    }
}

fn check_line(command: &str, path: &KeyPath, scope: &mut Scope<'_>) {
    if command.trim().is_empty() || command.contains(char::is_control) {
        let message = format!("`{path}` is not a command of one line");
        let help =
            "write what its shell runs, such as `\"wget -qO- http://localhost:6333/readyz\"`";
        report(message, help, path, scope);
    }
}

/// Whether it is a folder of a container that something may be mounted at.
pub(super) fn is_folder(folder: &str) -> bool {
    let clean = |c: char| !c.is_control() && c != ':';
    folder.starts_with('/') && folder != "/" && folder.chars().all(clean)
}

fn check_folder(folder: &str, path: &KeyPath, scope: &mut Scope<'_>) {
    if !is_folder(folder) {
        let message = format!("{} is not a folder of a container", shown(folder));
        let help = "write an absolute path, such as `\"/qdrant/storage\"`";
        report(message, help, path, scope);
    }
}

fn report(message: String, help: &str, path: &KeyPath, scope: &mut Scope<'_>) {
    let place = Place::Value(path.clone());
    scope.report(Diagnostic::new(Code::NX0813, message, place, "").help(help));
}

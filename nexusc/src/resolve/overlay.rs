//! `[overlays.NAME]`

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::deploy::Deploy;
use crate::ir::{Address, Servers};
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::resolve::{kubernetes, upstream};
use crate::source::Place;
use crate::{ir, spec, suggest};

pub(super) fn resolve_all(
    overlays: &BTreeMap<String, spec::overlay::Overlay>,
    deploy: &Deploy,
    scope: &mut Scope<'_>,
) -> Vec<ir::Overlay> {
    let table = KeyPath::root().key("overlays");
    let resolve = |(name, overlay): (&String, &spec::overlay::Overlay)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        ir::Overlay {
            name: name.clone(),
            production: overlay.production.unwrap_or(false),
            profile: overlay.profile.clone(),
            servers: servers(overlay.servers.as_ref(), &path.key("servers"), scope),
            addresses: addresses(&overlay.upstreams, &path.key("upstreams"), scope),
            kubernetes: kubernetes::resolve_environment(
                &overlay.kubernetes,
                name,
                &deploy.kubernetes.environment,
                &path.key("kubernetes"),
                scope,
            ),
            path,
        }
    };
    overlays.iter().map(resolve).collect()
}

/// What answers for upstreams; they themselves where nothing is written, or nothing that is known.
fn servers(name: Option<&String>, path: &KeyPath, scope: &mut Scope<'_>) -> Servers {
    let Some(name) = name else {
        return Servers::default();
    };
    let known = Servers::ALL.into_iter().find(|known| known.name() == name);
    known.unwrap_or_else(|| {
        let message = format!("{} are no servers of an overlay", shown(name));
        let names = Servers::ALL.map(Servers::name);
        let otherwise = || format!("there are {}", suggest::list(names.into_iter()));
        let place = Place::Value(path.clone());
        let diagnostic = Diagnostic::new(Code::NX0815, message, place, "");
        scope.report(diagnostic.nearest(name, names.into_iter(), otherwise));
        Servers::default()
    })
}

fn addresses(
    upstreams: &BTreeMap<String, spec::overlay::Upstream>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Vec<Address> {
    let resolve = |(name, written): (&String, &spec::overlay::Upstream)| {
        let upstream = scope.upstream(name, Place::Key(path.key(name)));
        let path = path.key(name).key("url");
        let endpoint = upstream::endpoint(&written.url, &path, scope);
        Some(Address {
            upstream: upstream?,
            endpoint: endpoint?,
            path,
        })
    };
    upstreams.iter().filter_map(resolve).collect()
}

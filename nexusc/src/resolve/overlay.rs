//! `[overlays.NAME]`

use std::collections::BTreeMap;

use crate::ir::Address;
use crate::ir::deploy::Deploy;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::resolve::{kubernetes, upstream};
use crate::source::Place;
use crate::{ir, spec};

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

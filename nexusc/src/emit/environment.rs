//! `deploy/<spec>/.env.sample`, and one for each overlay: what the dataplane reads when it starts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::template::fill;
use crate::ir::deploy::Artifact;
use crate::ir::{Address, Endpoint, Jwt, Overlay, Secret, Topology, Upstream};
use crate::key_path::KeyPath;
use crate::plan::containers;

const TEMPLATE: &str = include_str!("../../../templates/deploy/env.sample");

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let folder = conventions::deploy_folder(&topology.name);
    let file = conventions::ENVIRONMENT_SAMPLE;
    files.add(format!("{folder}/{file}"), sample(topology, None));
    for overlay in topology.overlays.iter() {
        let path = format!("{folder}/overlays/{}/{file}", overlay.name);
        files.add(path, sample(topology, Some(overlay)));
    }
}

fn sample(topology: &Topology, overlay: Option<&Overlay>) -> String {
    let secrets = needed(topology);
    let mut compose = of_compose(topology, overlay);
    let is_secret = |name: &str| secrets.iter().any(|secret| secret.variable == Some(name));
    compose.retain(|variable| !is_secret(variable.name));
    let sample = Sample {
        header: conventions::header(&topology.name),
        spec: &topology.name,
        overlay: overlay.map(|overlay| OverlayName {
            name: &overlay.name,
            production: overlay.production,
        }),
        secrets,
        addresses: addresses(topology, overlay),
        issuer: issuer(topology),
        common: conventions::COMMON_VARIABLES
            .iter()
            .chain(topology.audit.as_ref().map(|_| &conventions::AUDIT_FILE))
            .chain(topology.otlp.as_ref().map(|_| &conventions::COLLECTOR))
            .map(|&(name, purpose)| Variable { name, purpose })
            .collect(),
        compose,
    };
    fill(TEMPLATE, &sample)
}

/// What the template is filled with.
#[derive(Serialize)]
struct Sample<'t> {
    header: String,
    spec: &'t str,
    overlay: Option<OverlayName<'t>>,
    secrets: Vec<Needed<'t>>,
    addresses: Vec<AddressOf<'t>>,
    issuer: Option<AddressOf<'t>>,
    common: Vec<Variable>,
    compose: Vec<OfCompose<'t>>,
}

#[derive(Serialize)]
struct OverlayName<'t> {
    name: &'t str,
    production: bool,
}

#[derive(Serialize)]
struct Variable {
    name: &'static str,
    purpose: &'static str,
}

/// What compose reads beside the dataplane.
#[derive(Serialize)]
struct OfCompose<'t> {
    name: &'t str,
    purposes: Vec<String>,
    /// Whether nothing starts without it.
    required: bool,
}

fn of_compose<'t>(topology: &'t Topology, overlay: Option<&Overlay>) -> Vec<OfCompose<'t>> {
    let deploy = &topology.deploy;
    if !deploy.artifacts.contains(&Artifact::Compose) {
        return Vec::new();
    }
    let is_production = overlay.is_some_and(|overlay| overlay.production);
    let variable = |(name, purpose): (&'static str, &str)| OfCompose {
        name,
        purposes: vec![purpose.to_owned()],
        required: false,
    };
    let mut variables: Vec<OfCompose<'t>> = vec![
        variable(conventions::IMAGE),
        OfCompose {
            required: is_production,
            ..variable(if is_production {
                conventions::TAG_IN_PRODUCTION
            } else {
                conventions::TAG
            })
        },
    ];
    if containers::engines(topology).next().is_some() {
        variables.push(variable(conventions::HUGGING_FACE));
    }
    if deploy.artifacts.contains(&Artifact::Grafana) {
        variables.push(variable(conventions::GRAFANA_PASSWORD));
    }
    for service in deploy.compose.services.iter() {
        let origin = format!("[{}]", service.path);
        for name in &service.environment {
            if let Some(known) = variables.iter_mut().find(|known| known.name == name) {
                known.purposes.push(origin.clone());
                known.required = true;
            } else {
                variables.push(OfCompose {
                    name,
                    purposes: vec![origin.clone()],
                    required: true,
                });
            }
        }
    }
    variables
}

/// A variable or a file with all that need it. Each is in the sample once: of a variable that is there twice the last
/// value counts, and that is the one that nobody has filled in.
#[derive(Serialize)]
struct Needed<'t> {
    origins: Vec<String>,
    variable: Option<&'t str>,
    file: Option<&'t str>,
}

/// Everything that the dataplane does not start without, each once, in the order of [`secrets`].
fn needed(topology: &Topology) -> Vec<Needed<'_>> {
    let mut all: Vec<Needed<'_>> = Vec::new();
    let mut known = BTreeMap::new();
    for secret in secrets(topology) {
        let SecretSource {
            origin,
            variable,
            file,
        } = secret;
        let place = *known.entry((variable, file)).or_insert(all.len());
        match all.get_mut(place) {
            // A table that names it twice does so in a row.
            Some(needed) if needed.origins.last() == Some(&origin) => {}
            Some(needed) => needed.origins.push(origin),
            None => all.push(Needed {
                origins: vec![origin],
                variable,
                file,
            }),
        }
    }
    all
}

/// Something that a dataplane reads when it starts, and does not start without.
pub(crate) struct SecretSource<'t> {
    /// What needs it.
    pub(crate) origin: String,
    /// The environment variable that it is read from, or else
    pub(crate) variable: Option<&'t str>,
    /// the file.
    pub(crate) file: Option<&'t str>,
}

/// The files of TLS, with the table that names each.
fn tls_files(topology: &Topology) -> impl Iterator<Item = (&KeyPath, &str)> {
    let of_gateway = topology
        .gateway
        .tls
        .iter()
        .map(|tls| (&tls.path, Some(&tls.identity), tls.client_ca.as_ref()));
    let of_upstreams = topology
        .upstreams
        .iter()
        .filter_map(|upstream| upstream.tls.as_ref())
        .map(|tls| (&tls.path, tls.identity.as_ref(), tls.ca.as_ref()));
    let of_store = topology
        .store
        .iter()
        .filter_map(|store| store.tls.as_ref())
        .map(|tls| (&tls.path, tls.identity.as_ref(), tls.ca.as_ref()));
    let of_issuer = topology
        .jwt
        .iter()
        .filter_map(Jwt::jwks)
        .map(|jwks| (&jwks.path, None, jwks.ca.as_ref()));
    let all = of_gateway.chain(of_upstreams).chain(of_store);
    let all = all.chain(of_issuer);
    all.flat_map(|(path, identity, authority)| {
        let of_identity = identity.map(|identity| [&identity.certificate, &identity.private_key]);
        let files = of_identity.into_iter().flatten().chain(authority);
        files.map(move |file| (path, file.as_str()))
    })
}

/// Everything that the dataplane of a topology does not start without.
pub(crate) fn secrets(topology: &Topology) -> Vec<SecretSource<'_>> {
    let of_keys = topology
        .keys
        .iter()
        .map(|key| (&key.path, key.secret.as_ref()));
    let of_upstreams = topology
        .upstreams
        .iter()
        .map(|upstream| (&upstream.path, upstream.api_key.as_ref()));
    let of_tokens = topology.jwt.iter().map(|jwt| (&jwt.path, jwt.secret()));
    let input = KeyPath::root().key("gateway").key("input");
    let of_input = topology
        .gateway
        .input
        .iter()
        .map(|bounds| (&input, bounds.forbidden_words.as_ref()));
    let of_store = topology
        .store
        .iter()
        .map(|store| (&store.path, store.url.as_ref()));
    let of_tls = tls_files(topology).map(|(path, file)| SecretSource {
        origin: path.to_string(),
        variable: None,
        file: Some(file),
    });
    let of_audit = topology
        .audit
        .iter()
        .map(|audit| (&audit.path, audit.salt.as_ref()));
    let of_collector = topology.otlp.iter().flat_map(|otlp| {
        let values = otlp.headers.iter().map(|(_, value)| value.as_ref());
        values.map(|value| (&otlp.path, value))
    });
    of_keys
        .chain(of_audit)
        .chain(of_collector)
        .chain(of_tokens)
        .chain(of_input)
        .chain(of_store)
        .chain(of_upstreams)
        .filter_map(|(path, secret)| {
            let (variable, file) = match secret? {
                Secret::Env(variable) => (Some(variable.as_str()), None),
                Secret::File(file) => (None, Some(file.as_str())),
            };
            Some(SecretSource {
                origin: path.to_string(),
                variable,
                file,
            })
        })
        .chain(of_tls)
        .collect()
}

#[derive(Serialize)]
struct AddressOf<'t> {
    origin: String,
    variable: String,
    url: &'t str,
    /// Whether the overlay gives it, so that it must be set.
    replaced: bool,
}

fn addresses<'t>(topology: &'t Topology, overlay: Option<&'t Overlay>) -> Vec<AddressOf<'t>> {
    let mut replaced = vec![None; topology.upstreams.len()];
    for address in overlay.into_iter().flat_map(|overlay| &overlay.addresses) {
        if let Some(slot) = replaced.get_mut(address.upstream.index()) {
            *slot = Some(address);
        }
    }
    let address = |(upstream, replaced): (&'t Upstream, Option<&'t Address>)| {
        let endpoint = replaced.map_or(&upstream.endpoint, |address| &address.endpoint);
        let (Endpoint::Http(url) | Endpoint::Https(url)) = endpoint else {
            return None;
        };
        Some(AddressOf {
            origin: replaced
                .map_or(&upstream.path, |address| &address.path)
                .to_string(),
            variable: conventions::upstream_url_variable(&upstream.name),
            url,
            replaced: replaced.is_some(),
        })
    };
    topology
        .upstreams
        .iter()
        .zip(replaced)
        .filter_map(address)
        .collect()
}

/// Where the keys of tokens are fetched from, if they are.
fn issuer(topology: &Topology) -> Option<AddressOf<'_>> {
    let jwks = topology.jwt.as_ref()?.jwks()?;
    Some(AddressOf {
        origin: jwks.path.to_string(),
        variable: conventions::JWKS_URL_VARIABLE.to_owned(),
        url: jwks.url.as_deref()?,
        replaced: false,
    })
}

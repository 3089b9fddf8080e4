//! The containers of engines.

use serde::Serialize;

use super::text;
use crate::emit::engine::{Gpus, Server, Value, server};
use crate::ir::Topology;
use crate::ir::Upstream;
use crate::ir::table::Id;
use crate::plan::containers;

/// As the template takes it.
#[derive(Serialize)]
pub(super) struct Container<'t> {
    origin: String,
    pub(super) name: &'t str,
    image: String,
    pub(super) profiles: Vec<&'t str>,
    entrypoint: Vec<&'static str>,
    command: Vec<String>,
    environment: Vec<Variable>,
    /// Those of its machine that it may see, as `nvidia-smi` counts; or else
    device_ids: Option<Vec<String>>,
    /// so many.
    count: usize,
    /// The volume of what it fetches, and its folder.
    cache: Option<(String, String)>,
    health: Vec<String>,
    after: Vec<Dependency<'t>>,
}

#[derive(Serialize)]
struct Variable {
    name: &'static str,
    /// `None`: handed on if it is set.
    value: Option<String>,
}

/// What is up before a container starts.
#[derive(Serialize)]
struct Dependency<'t> {
    name: &'t str,
    /// Whether it starts with every profile with which the container does: compose refuses a file in which what is
    /// required is of a profile that is not active.
    required: bool,
}

/// The engines that run here, by upstream.
pub(super) fn all(topology: &Topology) -> Vec<Container<'_>> {
    containers::engines(topology)
        .filter_map(|(id, upstream, name)| {
            let server = server(topology, id)?;
            Some(container(topology, id, upstream, name, server))
        })
        .collect()
}

fn container<'t>(
    topology: &'t Topology,
    id: Id<Upstream>,
    upstream: &'t Upstream,
    name: &'t str,
    server: Server,
) -> Container<'t> {
    let engine = upstream.engine.as_ref();
    let is_known = engine.is_some_and(|engine| engine.container.is_none());
    let health = if is_known {
        health(&server)
    } else {
        health_by_any_means(&server)
    };
    let Server {
        image,
        command,
        args,
        gpus,
        environment,
        health_path: _,
        live_path: _,
        // That of its image, to whom the folders of the image belong.
        user: _,
        cache,
        port: _,
    } = server;
    let profiles = containers::profiles(topology, id);
    let after = upstream.engine.iter().flat_map(|engine| &engine.after);
    let after = after.filter_map(|&first| {
        let name = containers::of_engine(topology.upstreams.get(first))?;
        let of_first = containers::profiles(topology, first);
        let with_all = profiles.iter().all(|profile| of_first.contains(profile));
        Some(Dependency {
            name,
            required: of_first.is_empty() || (!profiles.is_empty() && with_all),
        })
    });
    let (device_ids, count) = match gpus {
        Gpus::Indices(indices) => {
            let ids: Vec<String> = indices.iter().map(u64::to_string).collect();
            (Some(ids), indices.len())
        }
        Gpus::Count(count) => (None, count),
    };
    Container {
        origin: upstream.path.key("engine").to_string(),
        name,
        image: text::literal(&image),
        after: after.collect(),
        profiles,
        entrypoint: command,
        command: args.iter().map(|arg| text::literal(arg)).collect(),
        environment: environment
            .into_iter()
            .map(|variable| Variable {
                name: variable.name,
                value: match variable.value {
                    Value::Text(value) => Some(text::literal(value)),
                    Value::From(variable) => Some(text::required(&variable)),
                    Value::FromIfSet(_) => None,
                },
            })
            .collect(),
        device_ids,
        count,
        cache: cache.map(|folder| {
            let volume = volume(upstream, name);
            (volume, text::literal(&folder))
        }),
        health,
    }
}

/// The volume in which an engine keeps what it fetches: one for all that are known; others may be of other users.
pub(super) fn volume(upstream: &Upstream, name: &str) -> String {
    let engine = upstream.engine.as_ref();
    match engine.and_then(|engine| engine.container.as_ref()) {
        Some(_) => format!("{name}_data"),
        None => "model_cache".to_owned(),
    }
}

/// What its own path says, by whichever of these programs its image has.
fn health_by_any_means(server: &Server) -> Vec<String> {
    let url = format!("http://localhost:{}{}", server.port, server.health_path);
    let ways = [
        format!("curl --fail --silent --output /dev/null {url}"),
        format!("wget -q -O /dev/null {url}"),
        format!("python3 -c 'import urllib.request as r; r.urlopen(\"{url}\")'"),
    ];
    vec!["CMD-SHELL".to_owned(), ways.join(" || ")]
}

/// The list of its models is there once the model is loaded; where a key is asked for that, its own path.
fn health(server: &Server) -> Vec<String> {
    let has_key = server
        .environment
        .iter()
        .any(|variable| matches!(variable.value, Value::From(_)));
    let path = if has_key {
        &server.health_path
    } else {
        "/v1/models"
    };
    // All three images have curl.
    let url = format!("http://localhost:{}{path}", server.port);
    let words = ["CMD", "curl", "--fail", "--silent", "--output", "/dev/null"];
    words.into_iter().map(str::to_owned).chain([url]).collect()
}

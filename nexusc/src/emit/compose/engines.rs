//! The containers of engines.

use serde::Serialize;

use super::text;
use crate::emit::engine::{CACHE, Gpus, Server, Value, server};
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
    cache: &'static str,
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
    let health = health(&server);
    let Server {
        image,
        command,
        args,
        gpus,
        environment,
        health_path: _,
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
        cache: CACHE,
        health,
    }
}

/// The list of its models is there once the model is loaded; where a key is asked for that, its own path.
fn health(server: &Server) -> Vec<String> {
    let has_key = server
        .environment
        .iter()
        .any(|variable| matches!(variable.value, Value::From(_)));
    let path = if has_key {
        server.health_path
    } else {
        "/v1/models"
    };
    // All three images have curl.
    let url = format!("http://localhost:{}{path}", server.port);
    let words = ["CMD", "curl", "--fail", "--silent", "--output", "/dev/null"];
    words.into_iter().map(str::to_owned).chain([url]).collect()
}

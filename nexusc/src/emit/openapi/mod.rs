//! `deploy/<spec>/openapi.json`: what clients may ask this gateway, and what it answers (OpenAPI 3.1).
//!
//! It has what the topology has: no endpoint for administrators without one, no status that nothing here answers.

#![expect(
    clippy::indexing_slicing,
    reason = "what is described here are objects, to which a key that they lack is added"
)]

mod operations;
mod responses;
mod schemas;

use serde::Serialize;
use serde_json::{Value, json};

use crate::conventions;
use crate::emit::FileSet;
use crate::ir::deploy::Artifact;
use crate::ir::{Access, Topology};

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    if !topology.deploy.artifacts.contains(&Artifact::OpenApi) {
        return;
    }
    let document = Document {
        generated: conventions::header(&topology.name),
        openapi: "3.1.0",
        info: info(topology),
        servers: servers(topology),
        security: security(topology),
        tags: tags(topology),
        paths: operations::paths(topology),
        components: json!({
            "headers": responses::headers(topology),
            "parameters": operations::parameters(topology),
            "responses": responses::responses(topology),
            "schemas": schemas::schemas(topology),
            "securitySchemes": security_schemes(topology),
        }),
    };
    let text = serde_json::to_string_pretty(&document).expect("text can be written as JSON");
    // The first line of every emitted file says where it comes from.
    let text = format!("{text}\n").replacen("{\n  ", "{ ", 1);
    let folder = conventions::deploy_folder(&topology.name);
    files.add(format!("{folder}/{}", conventions::OPENAPI), text);
}

#[derive(Serialize)]
struct Document {
    #[serde(rename = "x-generated")]
    generated: String,
    openapi: &'static str,
    info: Value,
    servers: Value,
    security: Value,
    tags: Value,
    paths: Value,
    components: Value,
}

fn info(topology: &Topology) -> Value {
    json!({
        "title": format!("{} gateway", topology.name),
        "version": "v1",
        "description": "An OpenAI-compatible gateway. Fields of requests that are not described here are passed on to \
            the model server as they are, and so are those of its answers to the client.",
    })
}

fn servers(topology: &Topology) -> Value {
    let gateway = &topology.gateway;
    let scheme = if gateway.tls.is_some() {
        "https"
    } else {
        "http"
    };
    json!([{
        "url": format!("{scheme}://{{host}}:{{port}}"),
        "description": "[gateway] listen",
        "variables": {
            "host": { "default": "localhost" },
            "port": { "default": gateway.listen.port().to_string() },
        },
    }])
}

fn tags(topology: &Topology) -> Value {
    let tag = |name: &str, description: &str| json!({ "name": name, "description": description });
    let mut tags = vec![
        tag("Inference", "What models answer."),
        tag("Models", "What may be asked for."),
        tag(
            "Operation",
            "For machines and people that watch the gateway.",
        ),
    ];
    if has_admin(topology) {
        tags.push(tag(
            "Administration",
            "What may be changed while the gateway runs. It is forgotten at a restart, and each replica has its own.",
        ));
    }
    Value::Array(tags)
}

/// Whether somebody may change the gateway while it runs.
fn has_admin(topology: &Topology) -> bool {
    !topology.gateway.development && topology.keys.iter().any(|key| key.admin)
}

/// Whether there are callers that may not use every model.
fn has_restricted_callers(topology: &Topology) -> bool {
    let is_restricted = |access: &Access| !matches!(access, Access::All);
    let mut keys = topology.keys.iter();
    // A token says by its claims what it may ask for.
    !topology.gateway.development
        && (topology.jwt.is_some() || keys.any(|key| is_restricted(&key.models)))
}

/// Whether clients must present a certificate, at every path.
fn asks_for_certificates(topology: &Topology) -> bool {
    let tls = topology.gateway.tls.as_ref();
    tls.is_some_and(|tls| tls.client_ca.is_some())
}

const API_KEY: &str = "apiKey";
const BEARER: &str = "bearer";
const CERTIFICATE: &str = "clientCertificate";

fn security_schemes(topology: &Topology) -> Value {
    let mut schemes = json!({});
    if !topology.gateway.development {
        let has_keys = topology.keys.iter().next().is_some();
        let what = match (has_keys, topology.jwt.is_some()) {
            (true, true) => "An API key, or a token of the issuer (JWT).",
            (false, true) => "A token of the issuer (JWT).",
            (_, false) => "An API key.",
        };
        schemes[BEARER] = json!({ "type": "http", "scheme": "bearer", "description": what });
        if has_keys {
            schemes[API_KEY] = json!({
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "An API key, where it does not go into `Authorization`.",
            });
        }
    }
    if asks_for_certificates(topology) {
        schemes[CERTIFICATE] = json!({
            "type": "mutualTLS",
            "description": "A certificate of an authority of [gateway.tls] client_ca.",
        });
    }
    schemes
}

/// What a caller presents, in each of the ways that there are.
fn security(topology: &Topology) -> Value {
    let schemes = security_schemes(topology);
    let ways = [BEARER, API_KEY].into_iter();
    let mut ways: Vec<Value> = ways
        .filter(|way| schemes.get(way).is_some())
        .map(|way| json!({ way: [] }))
        .collect();
    if asks_for_certificates(topology) {
        if ways.is_empty() {
            ways.push(json!({}));
        }
        for way in &mut ways {
            way[CERTIFICATE] = json!([]);
        }
    }
    Value::Array(ways)
}

/// What is presented where no key is asked for.
fn security_of_operation(topology: &Topology) -> Value {
    if asks_for_certificates(topology) {
        json!([{ CERTIFICATE: [] }])
    } else {
        json!([])
    }
}

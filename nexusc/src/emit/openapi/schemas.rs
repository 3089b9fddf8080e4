//! What requests and answers look like, as far as the gateway reads or writes them. All are open: what is not
//! described passes.

use serde_json::{Value, json};

use crate::emit::openapi::has_admin;
use crate::emit::openapi::operations::schema;
use crate::ir::Topology;

pub(super) fn schemas(topology: &Topology) -> Value {
    let mut schemas = json!({
        "ChatRequest": chat_request(topology),
        "ChatCompletion": answer("chat.completion", "choices"),
        "CompletionRequest": generating(topology, "prompt", json!({
            "description": "A text or several, as words or as tokens.",
            "type": ["string", "array"],
        })),
        "Completion": answer("text_completion", "choices"),
        "EmbeddingRequest": object(&["model", "input"], json!({
            "model": schema("ModelName"),
            "input": { "description": "A text or several, as words or as tokens.", "type": ["string", "array"] },
        })),
        "EmbeddingList": answer("list", "data"),
        "EventStream": {
            "type": "string",
            "description": "With `\"stream\": true`: server-sent events, each a piece of the answer as JSON \
                (`data: {...}`), ending in `data: [DONE]`. A stream that cannot be ended has an event with an \
                `error` as its last.",
        },
        "Usage": object(&[], json!({
            "prompt_tokens": count(), "completion_tokens": count(), "total_tokens": count(),
        })),
        "ModelName": model_name(topology),
        "Model": object(&["id", "object", "created", "owned_by"], json!({
            "id": { "type": "string" },
            "object": { "type": "string", "enum": ["model"] },
            "created": { "type": "integer" },
            "owned_by": { "type": "string" },
        })),
        "ModelList": list(schema("Model")),
        "CircuitBreaker": circuit_breaker(),
        "CircuitBreakerList": list(schema("CircuitBreaker")),
        "Health": health(topology),
        "Ready": object(&["status"], json!({
            "status": { "type": "string", "enum": ["ready", "draining"] },
        })),
        "Error": error(),
    });
    if has_admin(topology) {
        administration(topology, &mut schemas);
    }
    schemas
}

fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn list(items: Value) -> Value {
    object(
        &["object", "data"],
        json!({
            "object": { "type": "string", "enum": ["list"] },
            "data": { "type": "array", "items": items },
        }),
    )
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// Every name that may be asked for, sorted.
fn model_name(topology: &Topology) -> Value {
    let models = topology.models.iter();
    let mut names: Vec<&str> = models
        .flat_map(|model| std::iter::once(&model.name).chain(&model.aliases))
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names.dedup();
    match topology.gateway.default_model {
        None => json!({ "type": "string", "enum": names }),
        Some(default) => json!({
            "description": format!(
                "Other names are taken for `{}`, where the caller may use that.",
                topology.models.get(default).name,
            ),
            "anyOf": [{ "type": "string", "enum": names }, { "type": "string" }],
        }),
    }
}

fn chat_request(topology: &Topology) -> Value {
    let mut messages = json!({
        "type": "array",
        "items": object(&["role"], json!({ "role": { "type": "string" } })),
    });
    let input = topology.gateway.input.as_ref();
    if let Some(most) = input.and_then(|input| input.max_messages) {
        messages["maxItems"] = json!(most);
        messages["description"] = json!("[gateway.input] max_messages");
    }
    let mut request = generating(topology, "messages", messages);
    request["properties"]["max_completion_tokens"] = request["properties"]["max_tokens"].clone();
    request
}

/// A request for generated text.
fn generating(topology: &Topology, prompt: &str, schema_of_prompt: Value) -> Value {
    let mut properties = json!({
        "model": schema("ModelName"),
        "stream": { "type": ["boolean", "null"], "default": false },
        "stream_options": {
            "type": ["object", "null"],
            "properties": { "include_usage": { "type": "boolean" } },
        },
        "max_tokens": { "type": ["integer", "null"], "minimum": 0 },
        "n": { "type": ["integer", "null"], "minimum": 1 },
        prompt: schema_of_prompt,
    });
    // What some models have a default for stands with theirs.
    for field in ["temperature", "top_p"] {
        let mut models = topology.models.iter();
        if models.any(|model| model.defaults.iter().any(|it| it.field == field)) {
            properties[field] = json!({ "type": ["number", "null"], "minimum": 0 });
        }
    }
    object(&["model", prompt], properties)
}

/// What an upstream answers, which is relayed as it is.
fn answer(object_name: &str, list: &str) -> Value {
    object(
        &[list],
        json!({
            "object": { "type": "string", "examples": [object_name] },
            "model": { "type": "string", "description": "As the upstream calls it." },
            list: { "type": "array", "items": { "type": "object" } },
            "usage": schema("Usage"),
        }),
    )
}

fn circuit_breaker() -> Value {
    let seconds =
        |description: &str| json!({ "type": ["number", "null"], "description": description });
    object(
        &[
            "upstream",
            "state",
            "consecutive_failures",
            "opened_seconds",
            "retry_after_seconds",
            "draining",
        ],
        json!({
            "upstream": { "type": "string" },
            "state": { "type": "string", "enum": ["CLOSED", "OPEN", "HALF_OPEN"] },
            "consecutive_failures": count(),
            "opened_seconds": seconds("Since it opened; null where it is closed."),
            "retry_after_seconds": seconds("Until one request may try the upstream; null where one may now."),
            "draining": { "type": "boolean", "description": "Whether an administrator has taken it out of use." },
        }),
    )
}

fn health(topology: &Topology) -> Value {
    let mut dependencies = json!({});
    let state = |what: &str| json!({ "type": "string", "description": what });
    if topology.jwt.as_ref().is_some_and(|it| it.jwks().is_some()) {
        dependencies["issuer"] = state("The issuer of tokens: `ok`, or how it is.");
    }
    if topology.store.is_some() {
        dependencies["redis"] = state("The store of limits: `ok`, or how it is.");
    }
    let upstreams = object(
        &["healthy", "unhealthy"],
        json!({ "healthy": count(), "unhealthy": count() }),
    );
    object(
        &["status", "upstreams", "dependencies"],
        json!({
            "status": { "type": "string", "enum": ["ok", "degraded"] },
            "upstreams": upstreams,
            "dependencies": object(&[], dependencies),
        }),
    )
}

/// OpenAI's error object.
fn error() -> Value {
    let details = object(
        &["message", "type", "param", "code"],
        json!({
            "message": { "type": "string" },
            "type": { "type": "string" },
            "param": { "type": ["string", "null"] },
            "code": { "type": ["string", "null"] },
        }),
    );
    object(&["error"], json!({ "error": details }))
}

fn administration(topology: &Topology, schemas: &mut Value) {
    let mut features = vec!["llm"];
    if topology.routes.iter().any(|route| route.shadow.is_some()) {
        features.push("shadow");
    }
    let mut upstreams: Vec<&str> = topology
        .upstreams
        .iter()
        .map(|upstream| upstream.name.as_str())
        .collect();
    upstreams.sort_unstable();
    let boolean = || json!({ "type": "boolean" });
    let strict = |field: &str| {
        let mut body = object(&[field], json!({ field: boolean() }));
        body["additionalProperties"] = json!(false);
        body
    };
    schemas["FeatureName"] = json!({ "type": "string", "enum": features });
    schemas["UpstreamName"] = json!({ "type": "string", "enum": upstreams });
    schemas["Turn"] = strict("enabled");
    schemas["Drain"] = strict("draining");
    schemas["Feature"] = object(
        &["feature", "enabled"],
        json!({ "feature": schema("FeatureName"), "enabled": boolean() }),
    );
    schemas["Upstream"] = object(
        &["upstream", "draining", "in_flight"],
        json!({ "upstream": schema("UpstreamName"), "draining": boolean(), "in_flight": count() }),
    );
    schemas["Switches"] = object(
        &["object", "features", "upstreams"],
        json!({
            "object": { "type": "string", "enum": ["switches"] },
            "features": { "type": "array", "items": schema("Feature") },
            "upstreams": { "type": "array", "items": schema("Upstream") },
        }),
    );
}

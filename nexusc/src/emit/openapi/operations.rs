//! The endpoints, each with what it takes and which answers it has.

use decide::metric::INFERENCE;
use serde_json::{Value, json};

use crate::emit::openapi::{has_admin, has_restricted_callers, security_of_operation};
use crate::ir::{Draw, Topology};

/// By path.
pub(super) fn paths(topology: &Topology) -> Value {
    let [chat, completions, embeddings] = INFERENCE;
    let mut paths = json!({
        chat: { "post": inference(topology, &CHAT) },
        completions: { "post": inference(topology, &COMPLETIONS) },
        embeddings: { "post": inference(topology, &EMBEDDINGS) },
        "/v1/models": { "get": models(topology) },
        "/v1/models/{model}": { "get": model(topology) },
        "/v1/circuit-breakers": { "get": circuit_breakers(topology) },
        "/health": { "get": health(topology) },
        "/ready": { "get": ready(topology) },
        "/metrics": { "get": metrics(topology) },
    });
    if has_admin(topology) {
        paths["/v1/admin/switches"] = json!({ "get": switches(topology) });
        paths["/v1/admin/features/{feature}"] = json!({ "put": feature(topology) });
        paths["/v1/admin/upstreams/{upstream}"] = json!({ "put": upstream(topology) });
    }
    paths
}

/// What requests may say in headers, by name.
pub(super) fn parameters(topology: &Topology) -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "description": description, "schema": schema });
    let text = |longest: u32| json!({ "type": "string", "minLength": 1, "maxLength": longest });
    let mut parameters = json!({
        "requestId": header(
            "x-request-id",
            "The client's own id of the request, which is passed on and stands in logs and in the answer. A new one \
             where it is not given or not well formed.",
            text(128),
        ),
        "traceparent": header(
            "traceparent",
            "The trace that the request is a part of (W3C Trace Context).",
            json!({ "type": "string" }),
        ),
    });
    if topology.gateway.idempotency.is_some() {
        parameters["idempotencyKey"] = header(
            "Idempotency-Key",
            "Names the request: a repeat of one that is not streamed gets the answer that the first one got.",
            text(255),
        );
    }
    if has_sessions(topology) {
        parameters["sessionId"] = header(
            "x-session-id",
            "Requests of one session go to the same upstream.",
            json!({ "type": "string" }),
        );
    }
    parameters
}

fn has_sessions(topology: &Topology) -> bool {
    let mut routes = topology.routes.iter();
    routes.any(|route| route.draw == Draw::Session)
}

/// What models are asked.
struct Inference {
    id: &'static str,
    summary: &'static str,
    request: &'static str,
    answer: &'static str,
    is_streamed: bool,
}

const CHAT: Inference = Inference {
    id: "createChatCompletion",
    summary: "Answer a conversation",
    request: "ChatRequest",
    answer: "ChatCompletion",
    is_streamed: true,
};

const COMPLETIONS: Inference = Inference {
    id: "createCompletion",
    summary: "Continue a text",
    request: "CompletionRequest",
    answer: "Completion",
    is_streamed: true,
};

const EMBEDDINGS: Inference = Inference {
    id: "createEmbedding",
    summary: "Turn texts into vectors",
    request: "EmbeddingRequest",
    answer: "EmbeddingList",
    is_streamed: false,
};

fn inference(topology: &Topology, inference: &Inference) -> Value {
    let mut content = json!({ "application/json": { "schema": schema(inference.answer) } });
    if inference.is_streamed {
        content["text/event-stream"] = json!({ "schema": schema("EventStream") });
    }
    let mut headers = ids();
    if topology.models.iter().any(|it| !it.fallback.is_empty()) {
        headers["x-fallback-model"] = reference("headers", "fallbackModel");
    }
    if topology.gateway.idempotency.is_some() {
        headers["idempotent-replayed"] = reference("headers", "idempotentReplayed");
    }
    for (name, of) in limits(topology) {
        headers[name] = reference("headers", of);
    }
    let mut responses = json!({
        "200": { "description": "What the model answers.", "headers": headers, "content": content },
        "400": reference("responses", "BadRequest"),
        "413": reference("responses", "TooLarge"),
        "415": reference("responses", "Compressed"),
        "429": reference("responses", "TooMany"),
        "502": reference("responses", "NoneAnswered"),
        "503": reference("responses", "Unavailable"),
        "504": reference("responses", "TooSlow"),
        "default": reference("responses", "Other"),
    });
    if topology.gateway.default_model.is_none() || has_restricted_callers(topology) {
        responses["404"] = reference("responses", "UnknownModel");
    }
    if has_restricted_callers(topology) {
        responses["403"] = reference("responses", "NotAllowed");
    }
    if topology.gateway.idempotency.is_some() {
        responses["409"] = reference("responses", "Running");
        responses["422"] = reference("responses", "Reused");
    }
    let mut parameters = vec![
        reference("parameters", "requestId"),
        reference("parameters", "traceparent"),
    ];
    if topology.gateway.idempotency.is_some() {
        parameters.push(reference("parameters", "idempotencyKey"));
    }
    if has_sessions(topology) {
        parameters.push(reference("parameters", "sessionId"));
    }
    let most = topology.gateway.max_body;
    asked(
        topology,
        json!({
            "operationId": inference.id,
            "summary": inference.summary,
            "tags": ["Inference"],
            "parameters": parameters,
            "requestBody": {
                "required": true,
                "description": format!("At most {most} bytes, not compressed. [gateway] max_body"),
                "content": { "application/json": { "schema": schema(inference.request) } },
            },
            "responses": responses,
        }),
    )
}

fn models(topology: &Topology) -> Value {
    let answer = answer("The models that the caller may use.", schema("ModelList"));
    asked(
        topology,
        read("listModels", "List the models", "Models", answer),
    )
}

fn model(topology: &Topology) -> Value {
    let answer = answer("The model.", schema("Model"));
    let mut operation = read("retrieveModel", "Look up a model", "Models", answer);
    operation["parameters"] = json!([{
        "name": "model",
        "in": "path",
        "required": true,
        "description": "A name or an alias.",
        "schema": schema("ModelName"),
    }]);
    if has_restricted_callers(topology) {
        operation["responses"]["403"] = reference("responses", "NotAllowed");
    }
    operation["responses"]["404"] = reference("responses", "UnknownModel");
    asked(topology, operation)
}

fn circuit_breakers(topology: &Topology) -> Value {
    let answer = answer(
        "The circuit breakers of all upstreams that have one.",
        schema("CircuitBreakerList"),
    );
    let summary = "Tell which upstreams are left alone";
    asked(
        topology,
        read("listCircuitBreakers", summary, "Operation", answer),
    )
}

fn health(topology: &Topology) -> Value {
    let answer = answer("The process lives.", schema("Health"));
    let summary = "Tell whether the process lives, and what it depends on";
    unasked(topology, read("health", summary, "Operation", answer))
}

fn ready(topology: &Topology) -> Value {
    let taking = answer("It takes requests.", schema("Ready"));
    let summary = "Tell whether it takes requests";
    let mut operation = read("ready", summary, "Operation", taking);
    operation["responses"]["503"] = answer("It is about to stop.", schema("Ready"));
    unasked(topology, operation)
}

fn metrics(topology: &Topology) -> Value {
    let answer = json!({
        "description": "Metrics in Prometheus' text format; `metrics.md` lists them.",
        "headers": ids(),
        "content": { "text/plain": { "schema": { "type": "string" } } },
    });
    unasked(
        topology,
        read("metrics", "Export metrics", "Operation", answer),
    )
}

const ADMINISTRATION: &str = "Administration";

fn switches(topology: &Topology) -> Value {
    let answer = answer("The state of every switch.", schema("Switches"));
    let mut operation = read("listSwitches", "List switches", ADMINISTRATION, answer);
    operation["responses"]["403"] = reference("responses", "NoAdmin");
    asked(topology, operation)
}

fn feature(topology: &Topology) -> Value {
    switch(
        topology,
        "feature",
        "Turn a feature on or off",
        &["Turn", "Feature", "FeatureName"],
    )
}

fn upstream(topology: &Topology) -> Value {
    switch(
        topology,
        "upstream",
        "Drain an upstream, or take it into use again",
        &["Drain", "Upstream", "UpstreamName"],
    )
}

/// A switch: what turns it, what it is like then, and its name.
fn switch(topology: &Topology, of: &str, summary: &str, schemas: &[&str; 3]) -> Value {
    let [turn, state, name] = schemas;
    let operation = json!({
        "operationId": format!("switch{state}"),
        "summary": summary,
        "tags": [ADMINISTRATION],
        "parameters": [{ "name": of, "in": "path", "required": true, "schema": schema(name) }],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema(turn) } },
        },
        "responses": {
            "200": answer("What it is like now.", schema(state)),
            "400": reference("responses", "BadRequest"),
            "403": reference("responses", "NoAdmin"),
            "404": reference("responses", "UnknownSwitch"),
            "413": reference("responses", "TooLarge"),
            "415": reference("responses", "Compressed"),
            "default": reference("responses", "Other"),
        },
    });
    asked(topology, operation)
}

/// An operation that reads something.
fn read(id: &str, summary: &str, tag: &str, answer: Value) -> Value {
    json!({
        "operationId": id,
        "summary": summary,
        "tags": [tag],
        "responses": {
            "200": answer,
            "400": reference("responses", "BadRequest"),
            "default": reference("responses", "Other"),
        },
    })
}

/// One that asks who its caller is, if the gateway does.
fn asked(topology: &Topology, mut operation: Value) -> Value {
    if !topology.gateway.development {
        operation["responses"]["401"] = reference("responses", "UnknownCaller");
        let jwks = topology.jwt.as_ref().and_then(|jwt| jwt.jwks());
        if jwks.is_some() {
            operation["responses"]["503"] = reference("responses", "Unavailable");
        }
    }
    operation
}

/// One that never does.
fn unasked(topology: &Topology, mut operation: Value) -> Value {
    operation["security"] = security_of_operation(topology);
    operation
}

fn answer(description: &str, schema: Value) -> Value {
    json!({
        "description": description,
        "headers": ids(),
        "content": { "application/json": { "schema": schema } },
    })
}

/// The headers of every response.
pub(super) fn ids() -> Value {
    json!({
        "x-request-id": reference("headers", "requestId"),
        "x-trace-id": reference("headers", "traceId"),
    })
}

/// What callers are told about limits, as far as limits in use count that: the header, and its description.
pub(super) fn limits(topology: &Topology) -> Vec<(&'static str, &'static str)> {
    let used = || topology.used_limits().map(|id| topology.limits.get(id));
    let mut told = Vec::new();
    if used().any(|limit| limit.requests.is_some()) {
        told.extend([
            ("x-ratelimit-limit-requests", "limit"),
            ("x-ratelimit-remaining-requests", "remaining"),
            ("x-ratelimit-reset-requests", "reset"),
        ]);
    }
    if used().any(|limit| limit.tokens.is_some()) {
        told.extend([
            ("x-ratelimit-limit-tokens", "limit"),
            ("x-ratelimit-remaining-tokens", "remaining"),
            ("x-ratelimit-reset-tokens", "reset"),
        ]);
    }
    told
}

pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

pub(super) fn schema(name: &str) -> Value {
    reference("schemas", name)
}

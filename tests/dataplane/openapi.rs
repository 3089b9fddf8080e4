//! The emitted OpenAPI document is true: the gateway has each operation of it, answers each as it says, and asks for a
//! key where it says so.

use end_to_end::{Dataplane, OpenApi, Operation, Request, Response, Spec};
use fake_model::server::{FakeModel, Rule};
use serde_json::{Value, json};
use toml::Value as Entry;

/// A gateway with its document, and whoever may ask it.
struct Scene {
    dataplane: Dataplane,
    model: FakeModel,
    document: OpenApi,
    caller: Option<String>,
    admin: Option<String>,
}

impl Scene {
    async fn of(name: &str) -> Self {
        let spec = Spec::read(name);
        let model = FakeModel::start().await.unwrap();
        let is_admin = |key: &Entry| key.get("admin").and_then(Entry::as_bool) == Some(true);
        let may_all = |key: &Entry| key["models"].as_array().unwrap().contains(&"*".into());
        Self {
            dataplane: spec.start(&model).start().await,
            model,
            document: OpenApi::of(&spec),
            caller: spec.secret_of(may_all),
            admin: spec.secret_of(is_admin),
        }
    }

    fn operation(&self, id: &str) -> Operation<'_> {
        let mut operations = self.document.operations().into_iter();
        let found = operations.find(|operation| operation.description["operationId"] == id);
        found.unwrap_or_else(|| panic!("no {id}"))
    }

    /// A name that is asked for.
    fn name(&self) -> &str {
        self.document.values_of("ModelName")[0]
    }

    /// The secret of whoever may use this operation.
    fn secret(&self, operation: &Operation<'_>) -> Option<&String> {
        if operation.path.starts_with("/v1/admin/") {
            self.admin.as_ref()
        } else {
            self.caller.as_ref()
        }
    }

    /// A good request for an operation, if `name` is one of its parameter.
    fn request(&self, operation: &Operation<'_>, name: Option<&str>) -> Request {
        let body = match operation.description["operationId"].as_str().unwrap() {
            "createChatCompletion" => {
                json!({"model": self.name(), "messages": [{"role": "user", "content": "Hello"}]})
            }
            "createCompletion" => json!({"model": self.name(), "prompt": "Hello"}),
            "createEmbedding" => json!({"model": self.name(), "input": "Hello"}),
            "switchFeature" => json!({"enabled": true}),
            "switchUpstream" => json!({"draining": false}),
            _ => Value::Null,
        };
        let mut path = operation.path.to_owned();
        for (parameter, schema) in [
            ("{model}", "ModelName"),
            ("{feature}", "FeatureName"),
            ("{upstream}", "UpstreamName"),
        ] {
            if path.contains(parameter) {
                let value = name.unwrap_or_else(|| self.document.values_of(schema)[0]);
                path = path.replace(parameter, value);
            }
        }
        match operation.method {
            "get" => Request::get(&path),
            "put" => Request::put(&path, body.to_string()),
            _ => Request::post(&path, body.to_string()),
        }
    }

    /// Sends `request` as whoever may, which must be answered with this status, as the document says.
    async fn send(&self, operation: &Operation<'_>, request: Request, status: u16) -> Response {
        let request = match self.secret(operation) {
            Some(secret) => request.key(secret),
            None => request,
        };
        self.send_as_it_is(operation, &request, status).await
    }

    async fn send_as_it_is(
        &self,
        operation: &Operation<'_>,
        request: &Request,
        status: u16,
    ) -> Response {
        let answer = self.dataplane.send(request).await;
        assert_eq!(
            answer.status,
            status,
            "{}: {}",
            operation.path,
            answer.text()
        );
        self.document.assert_describes(operation, &answer);
        answer
    }
}

/// What holds for the documents of all specs.
async fn answers_as_described(name: &str) -> Scene {
    let scene = Scene::of(name).await;
    for operation in scene.document.operations() {
        scene
            .send(&operation, scene.request(&operation, None), 200)
            .await;
        if !scene.document.is_open(&operation) {
            let request = scene.request(&operation, None);
            scene.send_as_it_is(&operation, &request, 401).await;
        }
        if operation.path.ends_with('}') {
            let unknown = scene.request(&operation, Some("nobody-has-this"));
            scene.send(&operation, unknown, 404).await;
        }
    }

    let chat = scene.operation("createChatCompletion");
    let post = |body: Value| Request::post(chat.path, body.to_string());
    scene.send(&chat, post(json!(["no object"])), 400).await;
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let unknown = json!({"model": "nobody-has-this", "messages": messages});
    scene.send(&chat, post(unknown), 404).await;
    let streamed = json!({"model": scene.name(), "messages": messages, "stream": true});
    let answer = scene.send(&chat, post(streamed), 200).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let compressed = post(json!({})).header("content-encoding", "gzip");
    scene.send(&chat, compressed, 415).await;

    let has_switches = scene
        .document
        .operations()
        .iter()
        .any(|it| it.path == "/v1/admin/switches");
    let switches = Request::get("/v1/admin/switches");
    let there = scene.dataplane.send(&switches).await.status != 404;
    assert_eq!(has_switches, there);
    scene
}

#[tokio::test]
async fn of_the_first_example() {
    answers_as_described("quickstart").await;
}

#[tokio::test]
async fn of_models_on_two_cards() {
    let scene = answers_as_described("chat-2x3090").await;
    let chat = scene.operation("createChatCompletion");
    let messages = vec![json!({"role": "user", "content": "Hello"}); 513];
    let body = json!({"model": "qwen-14b", "messages": messages}).to_string();
    scene.send(&chat, Request::post(chat.path, body), 400).await;

    scene.model.script([Rule::respond(500, "{}").times(50)]);
    let request = scene.request(&chat, None);
    scene.send(&chat, request, 502).await;
}

#[tokio::test]
async fn of_a_gateway_with_an_administrator() {
    let scene = answers_as_described("shadow").await;
    for id in ["listSwitches", "switchFeature", "switchUpstream"] {
        let operation = scene.operation(id);
        let request = scene
            .request(&operation, None)
            .key(scene.caller.as_ref().unwrap());
        scene.send_as_it_is(&operation, &request, 403).await;
    }
    let features = scene.document.values_of("FeatureName");
    let state = scene.operation("listSwitches");
    let state = scene
        .send(&state, scene.request(&state, None), 200)
        .await
        .json();
    let named = state["features"].as_array().unwrap().iter();
    let named: Vec<&str> = named.map(|it| it["feature"].as_str().unwrap()).collect();
    assert_eq!(named, features);

    let turn = scene.operation("switchFeature");
    let off = Request::put("/v1/admin/features/llm", r#"{"enabled": false}"#);
    scene.send(&turn, off, 200).await;
    let chat = scene.operation("createChatCompletion");
    let answer = scene.send(&chat, scene.request(&chat, None), 503).await;
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn of_requests_that_are_sent_again() {
    let scene = answers_as_described("input").await;
    let chat = scene.operation("createChatCompletion");
    let named = |request: Request| request.header("idempotency-key", "one");
    scene
        .send(&chat, named(scene.request(&chat, None)), 200)
        .await;
    let answer = scene
        .send(&chat, named(scene.request(&chat, None)), 200)
        .await;
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    let other = json!({"model": "chat", "messages": [{"role": "user", "content": "Other"}]});
    let other = Request::post(chat.path, other.to_string());
    scene.send(&chat, named(other), 422).await;
}

//! What the tests of a spec say of its gateway, asked of the gateway itself.
//!
//! `nexusc` decides about them without a network, by the code that gateways run; here each of them is a request to a
//! process. Both have to come out alike.

use end_to_end::{FIRST, Request, SECOND, routing};
use fake_model::server::{FakeModel, Rule};
use toml::{Table, Value};

const SPEC: &str = include_str!("../specs/routing.toml");

#[tokio::test]
async fn a_gateway_does_what_its_spec_has_tested() {
    let spec: Table = SPEC.parse().unwrap();
    let tests = spec["tests"].as_array().unwrap();
    assert!(tests.len() > 10, "the spec has tests");
    for test in tests {
        holds(test.as_table().unwrap()).await;
    }
}

async fn holds(test: &Table) {
    let name = test["name"].as_str().unwrap();
    let mut start = routing();
    let mut models: Vec<(&str, FakeModel)> = Vec::new();
    for upstream in ["left", "right"] {
        if list(test.get("down")).contains(&upstream) {
            continue;
        }
        let model = FakeModel::start().await.unwrap();
        let answers = test
            .get("answers")
            .and_then(|answers| answers.get(upstream));
        if let Some(status) = answers.and_then(Value::as_integer) {
            model.script([Rule::respond(u16::try_from(status).unwrap(), "{}")]);
        }
        start = start.upstream(upstream, &model);
        models.push((upstream, model));
    }
    let response = start.start().await.send(&request(test)).await;

    let expect = test["expect"].as_table().unwrap();
    let asked: Vec<&str> = models
        .iter()
        .filter(|(_, model)| !model.received().is_empty())
        .map(|(upstream, _)| *upstream)
        .collect();
    let status = expect.get("status").and_then(Value::as_integer);
    let expected = status.unwrap_or(200);
    assert_eq!(
        i64::from(response.status),
        expected,
        "{name}: {}",
        response.text()
    );
    if let Some(upstream) = expect.get("upstream").and_then(Value::as_str) {
        // The one that answers is asked last.
        let model = models.iter().find(|(other, _)| *other == upstream);
        assert_eq!(model.unwrap().1.received().len(), 1, "{name}: {asked:?}");
    }
    if let Some(order) = expect.get("order") {
        let mut reachable = list(Some(order));
        reachable.retain(|upstream| models.iter().any(|(other, _)| other == upstream));
        assert_eq!(asked, reachable, "{name}");
    }
    for (header, value) in expect
        .get("headers")
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
    {
        assert_eq!(response.header(header), value.as_str(), "{name}");
    }
}

/// The request of a test.
fn request(test: &Table) -> Request {
    let text = |field: &str| test.get(field).and_then(Value::as_str);
    let model = text("model").unwrap();
    let messages = text("prompt").unwrap_or(r#"[{"role":"user","content":"Hello!"}]"#);
    let body = format!(r#"{{"model":"{model}","messages":{messages}}}"#);
    let request = Request::post("/v1/chat/completions", body);
    let request = match text("session") {
        Some(session) => request.header("x-session-id", session),
        None => request,
    };
    match text("key") {
        Some("first") => request.key(FIRST),
        Some("second") => request.key(SECOND),
        Some(other) => panic!("nobody knows the secret of `{other}`"),
        None => request,
    }
}

fn list(value: Option<&Value>) -> Vec<&str> {
    let names = value.and_then(Value::as_array);
    let names = names.into_iter().flatten();
    names.map(|name| name.as_str().unwrap()).collect()
}

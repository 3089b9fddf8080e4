//! Web pages that use the gateway from a browser: CORS.

use end_to_end::{Dataplane, FULL, Request, Start, faults};
use fake_model::server::{FakeModel, Rule};

const PAGE: &str = "https://chat.example.com";

async fn plain() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    (model, dataplane)
}

/// What a browser asks before a request of `page`.
fn preflight(path: &str, page: &str, method: &str) -> Request {
    Request::new("OPTIONS", path)
        .header("origin", page)
        .header("access-control-request-method", method)
        .header(
            "access-control-request-headers",
            "authorization,x-stainless-os",
        )
}

#[tokio::test]
async fn a_preflight_of_a_listed_page_needs_no_key() {
    let (model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    for (path, methods) in [
        ("/v1/chat/completions", "POST"),
        ("/v1/embeddings", "POST"),
        ("/v1/models", "GET, HEAD"),
        ("/v1/models/plain", "GET, HEAD"),
    ] {
        let response = connection.send(&preflight(path, PAGE, "POST")).await;
        assert_eq!((response.status, response.text().as_str()), (204, ""));
        for (header, value) in [
            ("access-control-allow-origin", PAGE),
            ("access-control-allow-methods", methods),
            (
                "access-control-allow-headers",
                "authorization,x-stainless-os",
            ),
            ("access-control-max-age", "7200"),
            ("vary", "Origin"),
        ] {
            assert_eq!(response.header(header), Some(value), "{path}");
        }
    }
    assert!(model.received().is_empty());
    let counted =
        "gateway_requests_total{method=\"OPTIONS\",path=\"/v1/embeddings\",status=\"204\"}";
    let counted = dataplane.metrics().await.value(counted);
    assert!((counted - 1.0).abs() < 1e-9);
}

#[tokio::test]
async fn any_other_options_is_refused_and_says_nothing_to_browsers() {
    let (_model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    for request in [
        preflight("/v1/chat/completions", "https://other.example.com", "POST"),
        preflight("/v1/chat/completions", "null", "POST"),
        preflight("/metrics", PAGE, "GET"),
        Request::new("OPTIONS", "/v1/chat/completions"),
    ] {
        let response = connection.send(&request).await;
        assert_eq!(response.status, 405);
        assert_eq!(response.header("access-control-allow-origin"), None);
        assert_eq!(response.header("access-control-allow-methods"), None);
    }
}

#[tokio::test]
async fn a_listed_page_may_read_answers_streams_and_errors() {
    let (_model, dataplane) = plain().await;
    let mut connection = dataplane.connect().await;
    for (request, status) in [
        (Request::chat("plain").key(FULL), 200),
        (Request::chat_stream("plain").key(FULL), 200),
        (Request::get("/v1/models").key(FULL), 200),
        (Request::chat("unknown").key(FULL), 404),
        (Request::chat("hasty").key(FULL), 502),
        (Request::chat("plain"), 401),
        (Request::get("/v1/elsewhere").key(FULL), 404),
    ] {
        let response = connection.send(&request.header("origin", PAGE)).await;
        assert_eq!(response.status, status);
        let origin = response.header("access-control-allow-origin");
        assert_eq!(origin, Some(PAGE), "{status}");
        assert_eq!(response.header("vary"), Some("Origin"));
        let exposed = response.header("access-control-expose-headers").unwrap();
        for name in [
            "x-request-id",
            "x-fallback-model",
            "idempotent-replayed",
            "x-ratelimit-reset-tokens",
            "retry-after",
        ] {
            assert!(exposed.split(", ").any(|known| known == name), "{name}");
        }
    }
}

#[tokio::test]
async fn other_pages_and_programs_are_answered_without_a_word_to_browsers() {
    let (model, dataplane) = plain().await;
    // As engines answer by default: every page may read.
    let lenient = Rule::respond(200, r#"{"object":"chat.completion"}"#)
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-credentials", "true");
    model.script([lenient.times(2)]);
    let mut connection = dataplane.connect().await;
    let request = Request::chat("plain").key(FULL);
    for request in [
        request.clone(),
        request.header("origin", "https://other.example.com"),
    ] {
        let response = connection.send(&request).await;
        assert_eq!(response.status, 200);
        let headers = &response.head.headers;
        let told = headers
            .iter()
            .find(|(name, _)| name.starts_with("access-control-"));
        assert_eq!(told, None);
        assert_eq!(response.header("vary"), Some("Origin"));
    }
}

#[tokio::test]
async fn an_upstream_does_not_learn_which_page_asks() {
    let (model, dataplane) = plain().await;
    let request = Request::chat("plain").key(FULL).header("origin", PAGE);
    assert_eq!(dataplane.send(&request).await.status, 200);
    assert_eq!(model.received()[0].header("origin"), None);
}

#[tokio::test]
async fn without_a_list_there_is_nothing_for_browsers() {
    let dataplane = Start::of("quickstart").start().await;
    let request = preflight("/v1/chat/completions", PAGE, "POST");
    assert_eq!(dataplane.send(&request).await.status, 405);
    let request = Request::get("/v1/models").header("origin", PAGE);
    let response = dataplane.send(&request).await;
    assert_eq!(response.header("access-control-allow-origin"), None);
    assert_eq!(response.header("vary"), None);
}

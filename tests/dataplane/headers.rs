//! Which headers pass, in both directions.

use end_to_end::{FULL, Request, Response, SECURED_API_KEY, faults};
use fake_model::server::{FakeModel, Received, Rule};

/// What the upstream receives of a request, and what the client gets back.
async fn exchange(upstream: &str, rule: Rule, request: Request) -> (Received, Response) {
    let model = FakeModel::start().await.unwrap();
    model.script([rule]);
    let dataplane = faults().upstream(upstream, &model).start().await;
    let response = dataplane.send(&request).await;
    (model.wait_for_requests(1).await.remove(0), response)
}

#[tokio::test]
async fn the_upstream_gets_the_gateways_key_and_not_the_clients() {
    let request = Request::chat("secured").key(FULL).header("x-api-key", FULL);
    let (received, _) = exchange("secured", Rule::default(), request).await;
    let bearer = format!("Bearer {SECURED_API_KEY}");
    let keys = received
        .headers
        .iter()
        .filter(|(name, _)| name == "authorization");
    assert_eq!(
        keys.map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        [bearer]
    );
    assert!(!format!("{:?}", received.headers).contains(FULL));
}

#[tokio::test]
async fn beside_the_gateways_key_no_client_chooses_who_is_billed() {
    let request = Request::chat("secured")
        .key(FULL)
        .header("openai-organization", "org-1")
        .header("openai-project", "project-1")
        .header("api-key", "a-key-for-azure");
    let (received, _) = exchange("secured", Rule::default(), request).await;
    for name in ["openai-organization", "openai-project", "api-key"] {
        assert_eq!(received.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn an_upstream_without_a_key_gets_none() {
    let (received, _) = exchange("plain", Rule::default(), Request::chat("plain").key(FULL)).await;
    assert_eq!(received.header("authorization"), None);
}

#[tokio::test]
async fn what_concerns_one_connection_or_the_gateway_alone_stops_here() {
    let request = Request::chat("plain")
        .key(FULL)
        .header("connection", "keep-alive, x-named")
        .header("keep-alive", "timeout=5")
        .header("x-named", "hop")
        .header("te", "trailers")
        .header("proxy-authorization", "Basic abc")
        .header("cookie", "session=1")
        .header("accept-encoding", "gzip");
    let (received, _) = exchange("plain", Rule::default(), request).await;
    for name in [
        "keep-alive",
        "x-named",
        "te",
        "proxy-authorization",
        "cookie",
        "accept-encoding",
        "x-api-key",
    ] {
        assert_eq!(received.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn other_headers_pass() {
    let request = Request::chat("plain")
        .key(FULL)
        .header("user-agent", "OpenAI/Python 3")
        .header("openai-organization", "org-1");
    let (received, _) = exchange("plain", Rule::default(), request).await;
    assert_eq!(received.header("user-agent"), Some("OpenAI/Python 3"));
    assert_eq!(received.header("openai-organization"), Some("org-1"));
    assert_eq!(received.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn the_upstream_is_the_host() {
    let model = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("plain", &model).start().await;
    dataplane.send(&Request::chat("plain").key(FULL)).await;
    let received = model.received();
    let hosts: Vec<_> = received[0]
        .headers
        .iter()
        .filter(|(name, _)| name == "host")
        .collect();
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].1, model.address().to_string());
}

#[tokio::test]
async fn headers_of_the_response_pass_but_those_of_the_connection() {
    let rule = Rule::respond(200, "{}")
        .header("openai-processing-ms", "12")
        .header("connection", "close, x-hop")
        .header("x-hop", "1")
        .header("keep-alive", "timeout=5");
    let (_, response) = exchange("plain", rule, Request::chat("plain").key(FULL)).await;
    assert_eq!(response.header("openai-processing-ms"), Some("12"));
    assert_eq!(response.header("content-type"), Some("application/json"));
    for name in ["x-hop", "keep-alive"] {
        assert_eq!(response.header(name), None, "{name}");
    }
}

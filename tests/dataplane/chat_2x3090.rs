//! The shipped spec `chat-2x3090`, with model servers in the place of vLLM and the cloud.

use end_to_end::{Dataplane, Request, Start};
use fake_model::server::{FakeModel, Options, Received, Rule};
use serde_json::Value;

/// The dataplane among its model servers.
struct Service {
    dataplane: Dataplane,
    vllm_14b: FakeModel,
    vllm_14b_next: FakeModel,
    vllm_3b: FakeModel,
    cloud: FakeModel,
}

impl Service {
    async fn start() -> Self {
        let vllm_14b = server("Qwen/Qwen2.5-14B-Instruct").await;
        let vllm_14b_next = server("Qwen/Qwen2.5-14B-Instruct").await;
        let vllm_3b = server("Qwen/Qwen2.5-3B-Instruct").await;
        let cloud = server("gpt-4o-mini").await;
        let start = Start::of("chat-2x3090")
            .env("KEY_WEB", "web-secret-1234567890")
            .env("KEY_BATCH", "batch-secret-1234567890")
            .env("KEY_OPS", "ops-secret-1234567890")
            .env("OPENAI_API_KEY", "cloud-secret-1234567890")
            .upstream("vllm-14b", &vllm_14b)
            .upstream("vllm-14b-next", &vllm_14b_next)
            .upstream("vllm-3b", &vllm_3b)
            .upstream("cloud", &cloud);
        Self {
            dataplane: start.start().await,
            vllm_14b,
            vllm_14b_next,
            vllm_3b,
            cloud,
        }
    }

    fn break_both_14b(&self) {
        for model in [&self.vllm_14b, &self.vllm_14b_next] {
            model.script([Rule::respond(500, "{}")]);
        }
    }
}

/// A server of this model, which its health check looks for.
async fn server(model: &str) -> FakeModel {
    let options = Options {
        models: vec![model.to_owned()],
        ..Options::default()
    };
    FakeModel::start_on("127.0.0.1:0", options).await.unwrap()
}

/// What clients asked of a model server: its health is checked as well.
fn received(model: &FakeModel) -> Vec<Received> {
    let mut received = model.received();
    received.retain(|request| request.method == "POST");
    received
}

fn body(received: &Received) -> Value {
    serde_json::from_slice(received.body.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_chat_goes_to_the_large_model_with_its_defaults() {
    let service = Service::start().await;
    let request = Request::chat("chat").key("web-secret-1234567890");
    assert_eq!(service.dataplane.send(&request).await.status, 200);
    let mut asked = received(&service.vllm_14b);
    asked.extend(received(&service.vllm_14b_next));
    let [request] = &asked[..] else {
        panic!("{asked:?}")
    };
    let asked = body(request);
    assert_eq!(asked["model"], "Qwen/Qwen2.5-14B-Instruct");
    assert_eq!(
        (&asked["temperature"], &asked["max_tokens"]),
        (&0.7.into(), &1024.into())
    );
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn the_small_model_stands_in_for_the_large_one() {
    let service = Service::start().await;
    service.break_both_14b();
    let request = Request::chat_stream("qwen-14b").key("web-secret-1234567890");
    let response = service.dataplane.send(&request).await;
    assert_eq!(response.header("x-fallback-model"), Some("qwen-3b"));
    assert!(response.text().ends_with("data: [DONE]\n\n"));
    assert_eq!(body(&received(&service.vllm_3b)[0])["max_tokens"], 512);
}

#[tokio::test]
async fn the_cloud_is_the_last_resort_and_gets_its_own_key() {
    let service = Service::start().await;
    service.break_both_14b();
    service.vllm_3b.script([Rule::respond(503, "{}")]);
    let request = Request::chat("qwen-14b").key("web-secret-1234567890");
    let response = service.dataplane.send(&request).await;
    assert_eq!(response.header("x-fallback-model"), Some("cloud-mini"));
    let received = &received(&service.cloud)[0];
    assert_eq!(body(received)["model"], "gpt-4o-mini");
    assert_eq!(
        received.header("authorization"),
        Some("Bearer cloud-secret-1234567890")
    );
}

#[tokio::test]
async fn the_candidate_takes_five_percent() {
    let service = Service::start().await;
    let mut connection = service.dataplane.connect().await;
    let request = Request::chat("qwen-14b").key("web-secret-1234567890");
    for _ in 0..200 {
        assert_eq!(connection.send(&request).await.status, 200);
    }
    let candidate = received(&service.vllm_14b_next).len();
    assert!(
        (7..=13).contains(&candidate),
        "5 % of 200 is 10, the candidate got {candidate}"
    );
}

#[tokio::test]
async fn keys_have_their_models() {
    let service = Service::start().await;
    for (key, model, status) in [
        ("web-secret-1234567890", "qwen-14b", 200),
        ("web-secret-1234567890", "cloud-mini", 403),
        ("batch-secret-1234567890", "qwen-14b", 403),
        ("batch-secret-1234567890", "qwen-3b", 200),
        ("ops-secret-1234567890", "cloud-mini", 200),
    ] {
        let response = service.dataplane.send(&Request::chat(model).key(key)).await;
        assert_eq!(response.status, status, "{key} {model}");
    }
}

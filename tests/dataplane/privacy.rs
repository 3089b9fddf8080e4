//! What belongs to people is in no log line and no audit record.

use end_to_end::{Dataplane, Request, WATCHED, observe};
use fake_model::server::FakeModel;

async fn private() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    // Records go among the log lines, so one look sees both.
    let start = observe("/dev/stdout").upstream("main", &model);
    (model, start.start().await)
}

/// What is written about a request, line by line.
async fn written(request: Request) -> String {
    let (_model, mut dataplane) = private().await;
    dataplane
        .send(&request.header("x-request-id", "this-one"))
        .await;
    dataplane.access_line("this-one").await;
    dataplane.terminate().await;
    dataplane.wait_for_exit().await;
    let lines = dataplane.log().lines();
    let lines = lines.iter().filter(|line| line["request_id"] == "this-one");
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn addresses_of_clients_lose_their_last_part() {
    let written = written(Request::chat("chat").key(WATCHED)).await;
    assert!(written.contains(r#""client_ip":"127.0.0.0""#), "{written}");
    assert!(!written.contains("127.0.0.1"), "{written}");
}

#[tokio::test]
async fn no_path_names_somebody() {
    for (path, hidden) in [
        ("/v1/models/alice@example.com", "alice"),
        ("/v1/models/alice%40example.com", "alice"),
        ("/users/+49-170-1234567/chat", "1234567"),
        ("/v1/models/sk-abcdefgh12345678", "abcdefgh"),
    ] {
        let written = written(Request::get(path).key(WATCHED)).await;
        assert!(
            written.contains("/v1/models/[") || written.contains("/users/["),
            "{written}"
        );
        assert!(!written.contains(hidden), "{written}");
    }
}

#[tokio::test]
async fn no_message_quotes_what_is_private() {
    let request = Request::chat("bob@example.com").key(WATCHED);
    let written = written(request).await;
    assert!(
        written.contains("the model `[email]` does not exist"),
        "{written}"
    );
    assert!(!written.contains("bob"), "{written}");
}

#[tokio::test]
async fn the_client_still_reads_its_own_words() {
    let (_model, dataplane) = private().await;
    let response = dataplane
        .send(&Request::chat("bob@example.com").key(WATCHED))
        .await;
    assert!(response.error_message().contains("bob@example.com"));
}

//! How much may be asked for: over all workers, to the request and to the token.

use std::time::{Duration, Instant};

use end_to_end::{Connection, Dataplane, Request, Response, Start, patiently};
use fake_model::server::{Action, FakeModel, Rule};

pub(crate) const BRISK: &str = "brisk-secret-1234567890";
pub(crate) const FREE: &str = "free-secret-1234567890";
const HASTY: &str = "hasty-secret-1234567890";
const OTHER: &str = "other-secret-1234567890";
const SINGLE: &str = "single-secret-1234567890";
const TOKENS: &str = "tokens-secret-1234567890";
const WEB: &str = "web-secret-1234567890";

/// The dataplane of `tests/specs/limits.toml` with its secrets and this model behind it.
pub(crate) fn start(model: &FakeModel) -> Start {
    let secrets = [
        ("KEY_BRISK", BRISK),
        ("KEY_FREE", FREE),
        ("KEY_HASTY", HASTY),
        ("KEY_OTHER", OTHER),
        ("KEY_SINGLE", SINGLE),
        ("KEY_TOKENS", TOKENS),
        ("KEY_WEB", WEB),
    ];
    let start = Start::of("limits").upstream("vllm", model);
    secrets
        .into_iter()
        .fold(start, |start, (name, secret)| start.env(name, secret))
}

async fn limits() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = start(&model).start().await;
    (model, dataplane)
}

fn number(response: &Response, header: &str) -> u64 {
    let value = response.header(header);
    let number = value.and_then(|value| value.parse().ok());
    number.unwrap_or_else(|| panic!("{header}: {value:?} in {:?}", response.head))
}

fn requests_left(response: &Response) -> u64 {
    number(response, "x-ratelimit-remaining-requests")
}

fn tokens_left(response: &Response) -> u64 {
    number(response, "x-ratelimit-remaining-tokens")
}

#[tokio::test]
async fn workers_together_admit_exactly_the_limit() {
    let (model, dataplane) = limits().await;
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let mut connection = dataplane.connect().await;
        clients.spawn(async move {
            let mut admitted = 0;
            for _ in 0..20 {
                match connection.send(&Request::chat("chat").key(WEB)).await {
                    response if response.status == 200 => admitted += 1,
                    response => assert_eq!(response.status, 429),
                }
            }
            admitted
        });
    }
    let admitted: u32 = clients.join_all().await.into_iter().sum();
    assert_eq!(admitted, 600);
    assert_eq!(model.received().len(), 600);
    let metrics = dataplane.metrics().await;
    for sample in [
        "gateway_rate_limited_total",
        "gateway_limit_refused_total{limit=\"standard\",kind=\"requests\"}",
    ] {
        let refused = metrics.value(sample);
        assert!((refused - 200.0).abs() < 1e-9, "{sample} is {refused}");
    }
    // Another key with the same limit has a count of its own.
    let response = dataplane.send(&Request::chat("chat").key(OTHER)).await;
    assert_eq!((response.status, requests_left(&response)), (200, 599));
}

#[tokio::test]
async fn a_refusal_is_openais_and_says_when_to_come_again() {
    let (model, dataplane) = limits().await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("scarce").key(FREE);
    for left in [2, 1, 0] {
        assert_eq!(requests_left(&connection.send(&request).await), left);
    }
    let response = connection.send(&request).await;
    assert_eq!(response.status, 429);
    let error = &response.json()["error"];
    assert_eq!(error["type"], "requests");
    assert_eq!(error["code"], "rate_limit_exceeded");
    assert!(
        response
            .error_message()
            .contains("`few` allows 3 requests per minute")
    );
    let wait = number(&response, "retry-after");
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(number(&response, "x-ratelimit-limit-requests"), 3);
    assert_eq!(model.received().len(), 3);
}

#[tokio::test]
async fn who_waits_as_long_as_told_is_admitted() {
    let (_model, dataplane) = limits().await;
    let mut connection = dataplane.connect().await;
    let request = Request::chat("chat").key(BRISK);
    let mut due = None;
    // Whoever comes too early is refused; nobody is who comes when told.
    loop {
        let since = Instant::now();
        let response = connection.send(&request).await;
        match (due, response.status) {
            (None, 200) => {}
            (None, status) => {
                assert_eq!(status, 429);
                let wait = Duration::from_secs(number(&response, "retry-after"));
                due = Some(Instant::now() + wait);
            }
            (Some(_), 200) => break,
            (Some(due), _) => assert!(since < due, "refused after the time that it was told"),
        }
    }
}

#[tokio::test]
async fn every_response_to_a_limited_caller_says_what_is_left() {
    let (_model, dataplane) = limits().await;
    let mut connection = dataplane.connect().await;
    let malformed = Request::post("/v1/chat/completions", "{").key(WEB);
    let refused = [
        (malformed, 400, 600),
        (Request::chat("unknown").key(WEB), 404, 600),
        (Request::chat_stream("chat").key(WEB), 200, 599),
        (Request::chat("chat").key(WEB), 200, 598),
    ];
    for (request, status, left) in refused {
        let response = connection.send(&request).await;
        assert_eq!((response.status, requests_left(&response)), (status, left));
        assert_eq!(number(&response, "x-ratelimit-limit-requests"), 600);
        let reset = response.header("x-ratelimit-reset-requests").unwrap();
        // A minute, less what the machine took since.
        let seconds = reset.trim_end_matches('s').parse().unwrap_or(0.0);
        let is_minute = reset.starts_with("1m") || seconds > 30.0;
        let expected = if left == 600 {
            reset == "0s"
        } else {
            is_minute
        };
        assert!(expected, "{reset}");
        assert_eq!(response.header("x-ratelimit-limit-tokens"), None);
    }
    for request in [
        Request::chat("chat").key(FREE),
        Request::chat("chat").key("nobody"),
        Request::get("/v1/models").key(WEB),
    ] {
        let response = connection.send(&request).await;
        assert_eq!(response.header("x-ratelimit-limit-requests"), None);
    }
}

#[tokio::test]
async fn a_models_limit_is_for_all_keys_together_and_costs_them_nothing() {
    let (_model, dataplane) = limits().await;
    let mut connection = dataplane.connect().await;
    for key in [FREE, FREE, OTHER] {
        let response = connection.send(&Request::chat("scarce").key(key)).await;
        assert_eq!(response.status, 200);
    }
    let response = connection.send(&Request::chat("scarce").key(WEB)).await;
    assert_eq!(response.status, 429);
    let response = connection.send(&Request::chat("chat").key(WEB)).await;
    assert_eq!((response.status, requests_left(&response)), (200, 599));
}

#[tokio::test]
async fn tokens_are_counted_as_the_upstream_counts_them() {
    let (_model, dataplane) = limits().await;
    let mut connection = dataplane.connect().await;
    let request = |id: &str| Request::chat("chat").key(TOKENS).header("x-request-id", id);
    let first = tokens_left(&connection.send(&request("first")).await);
    // At first what may be used is taken: the model's default of 50, and the prompt.
    assert!((900..950).contains(&first), "{first}");
    dataplane.access_line("first").await;
    let second = tokens_left(&connection.send(&request("second")).await);
    // The model read 1 token and wrote 3.
    assert_eq!(first - second, 4);
}

#[tokio::test]
async fn tokens_are_settled_however_much_follows_their_report() {
    let (model, dataplane) = limits().await;
    let usage = r#""usage":{"prompt_tokens":3,"completion_tokens":4}"#;
    let long = "x".repeat(64 * 1024);
    let body = format!(r#"{{"choices":[],{usage},"prompt_logprobs":["{long}"]}}"#);
    model.script([Rule::respond(200, body)]);
    let mut connection = dataplane.connect().await;
    let request = |id: &str| Request::chat("chat").key(TOKENS).header("x-request-id", id);
    let first = tokens_left(&connection.send(&request("first")).await);
    dataplane.access_line("first").await;
    let second = tokens_left(&connection.send(&request("second")).await);
    assert_eq!(first - second, 7);
}

#[tokio::test]
async fn what_an_aborted_or_failed_request_did_not_use_is_given_back() {
    let (model, dataplane) = limits().await;
    let request = |id: &str| {
        Request::chat_stream("chat")
            .key(TOKENS)
            .header("x-request-id", id)
    };
    model.script([
        Rule::new(Action::Reset).times(1),
        Rule::chat_stream(5).gated().times(1),
    ]);
    let response = dataplane.send(&request("failed")).await;
    assert_eq!(response.status, 502);
    let mut connection = dataplane.connect().await;
    let head = connection.begin(&request("aborted")).await;
    let before = head.header("x-ratelimit-remaining-tokens").unwrap();
    let before: u64 = before.parse().unwrap();
    assert!((900..950).contains(&before), "nothing was used: {before}");
    connection.read_until("word1").await;
    drop(connection);
    dataplane.access_line("aborted").await;
    let after = tokens_left(&dataplane.send(&request("last")).await);
    // The prompt, and the few events that came.
    let used = before - after;
    assert!((5..25).contains(&used), "{used}");
}

#[tokio::test]
async fn a_request_that_can_never_fit_is_not_worth_repeating() {
    let (model, dataplane) = limits().await;
    let body = r#"{"model":"chat","messages":[],"max_completion_tokens":400,"n":3}"#;
    let request = Request::post("/v1/chat/completions", body).key(TOKENS);
    let response = dataplane.send(&request).await;
    assert_eq!(response.status, 429);
    assert_eq!(response.json()["error"]["type"], "tokens");
    assert_eq!(response.header("x-should-retry"), Some("false"));
    assert_eq!(response.header("retry-after"), None);
    assert_eq!(tokens_left(&response), 1000);
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_list_of_prompts_takes_what_all_of_them_may() {
    let (model, dataplane) = limits().await;
    let send = async |prompts: usize| {
        let prompts = vec!["x"; prompts];
        let body = serde_json::json!({ "model": "chat", "prompt": prompts, "max_tokens": 100 });
        let request = Request::post("/v1/completions", body.to_string()).key(TOKENS);
        dataplane.send(&request).await
    };
    // Of a limit of 1,000, which has room for the 100 tokens of one.
    let response = send(100).await;
    assert_eq!(response.status, 429);
    assert_eq!(response.json()["error"]["type"], "tokens");
    assert_eq!(tokens_left(&response), 1000);
    assert!(model.received().is_empty());
    assert_eq!(send(1).await.status, 200);
}

#[tokio::test]
async fn a_place_is_free_again_when_its_client_has_gone() {
    let (model, dataplane) = limits().await;
    let stream = |id: &str| {
        Request::chat_stream("chat")
            .key(SINGLE)
            .header("x-request-id", id)
    };
    for (phase, rule) in [
        ("head", Rule::new(Action::Stall)),
        ("stream", Rule::chat_stream(5).gated()),
    ] {
        model.script([rule.times(1)]);
        let before = model.received().len();
        let mut connection = dataplane.connect().await;
        let request = stream(phase);
        connection
            .write(&[&request.head(), request.body()].concat())
            .await;
        model.wait_for_requests(before + 1).await;
        if phase == "stream" {
            connection.read_head().await;
            connection.read_until("word1").await;
        }
        let response = dataplane.send(&stream("second")).await;
        assert_eq!(response.status, 429, "{phase}");
        assert_eq!(number(&response, "retry-after"), 1);
        assert!(
            response
                .error_message()
                .contains("allows 1 request at once")
        );
        drop(connection);
        dataplane.access_line(phase).await;
        let response = dataplane.send(&stream("third")).await;
        assert_eq!(response.status, 200, "{phase}");
    }
}

/// Sends a request that waits in the queue of `queued`, and returns once it is the `nth` there.
async fn waiting(dataplane: &Dataplane, key: &str, id: &str, nth: u32) -> Connection {
    let mut connection = dataplane.connect().await;
    let request = Request::chat("queued").key(key).header("x-request-id", id);
    connection
        .write(&[&request.head(), request.body()].concat())
        .await;
    wait_for_queue(dataplane, nth).await;
    connection
}

/// Waits until so many stand in the queue.
async fn wait_for_queue(dataplane: &Dataplane, length: u32) {
    patiently("the queue", async {
        loop {
            let metrics = dataplane.metrics().await;
            let waiting = metrics.value("gateway_queue_waiting_requests{limit=\"one-by-one\"}");
            if (waiting - f64::from(length)).abs() < 1e-9 {
                break;
            }
        }
    })
    .await;
}

/// A request that runs until its connection is dropped.
async fn running(model: &FakeModel, dataplane: &Dataplane, name: &str) -> Connection {
    model.script([Rule::new(Action::Stall).times(1)]);
    let mut connection = dataplane.connect().await;
    let request = Request::chat(name).key(FREE);
    connection
        .write(&[&request.head(), request.body()].concat())
        .await;
    model.wait_for_requests(1).await;
    connection
}

#[tokio::test]
async fn who_comes_while_all_run_waits_for_its_turn() {
    let (model, dataplane) = limits().await;
    let first = running(&model, &dataplane, "queued").await;
    let mut second = waiting(&dataplane, FREE, "second", 1).await;
    assert_eq!(model.received().len(), 1);
    drop(first);
    assert_eq!(second.read_response().await.status, 200);
    wait_for_queue(&dataplane, 0).await;
    let metrics = dataplane.metrics().await;
    let waited = metrics.value("gateway_queue_wait_seconds_count{limit=\"one-by-one\"}");
    assert!((waited - 1.0).abs() < 1e-9, "{waited}");
}

#[tokio::test]
async fn a_higher_priority_is_served_first_and_a_full_queue_refuses() {
    let (model, dataplane) = limits().await;
    let first = running(&model, &dataplane, "queued").await;
    let mut normal = waiting(&dataplane, FREE, "normal", 1).await;
    let gone = waiting(&dataplane, FREE, "gone", 2).await;
    let refused = dataplane.send(&Request::chat("queued").key(FREE)).await;
    assert_eq!(refused.status, 429);
    assert!(number(&refused, "retry-after") >= 1);
    let message = refused.error_message();
    assert!(message.contains("as many wait as may"), "{message}");
    let mut high = waiting(&dataplane, HASTY, "high", 3).await;
    drop(gone);
    wait_for_queue(&dataplane, 2).await;
    drop(first);
    assert_eq!(high.read_response().await.status, 200);
    assert_eq!(normal.read_response().await.status, 200);
    let served: Vec<_> = model
        .received()
        .iter()
        .filter_map(|request| request.header("x-request-id").map(str::to_owned))
        .collect();
    assert_eq!(served[1..], ["high", "normal"]);
}

#[tokio::test]
async fn who_waits_in_vain_is_refused_in_time() {
    let (model, dataplane) = limits().await;
    let _first = running(&model, &dataplane, "impatient").await;
    let refused = dataplane.send(&Request::chat("impatient").key(FREE)).await;
    assert_eq!(refused.status, 429);
    let message = refused.error_message();
    assert!(message.contains("none ended while"), "{message}");
    assert_eq!(model.received().len(), 1);
    let metrics = dataplane.metrics().await;
    let sample = "gateway_limit_refused_total{limit=\"no-time\",kind=\"queue_timeout\"}";
    assert!((metrics.value(sample) - 1.0).abs() < 1e-9);
}

//! Limits that replicas share: three dataplanes on one Redis, and what they do without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use end_to_end::{Dataplane, Redis, Request, Response, Start, beside, once_within, patiently};
use fake_model::server::FakeModel;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::subjects::{JWT_SECRET, token};

const BRISK: &str = "brisk-secret-1234567890";
const FREE: &str = "free-secret-1234567890";
const STEADY: &str = "steady-secret-1234567890";
const TOKENS: &str = "tokens-secret-1234567890";
const WEB: &str = "web-secret-1234567890";

/// Replicas of `tests/specs/NAME.toml` on one Redis, with a model behind them.
struct Scene {
    model: FakeModel,
    redis: Redis,
    replicas: Vec<Dataplane>,
}

async fn scene(name: &str, replicas: usize) -> Scene {
    let (model, redis) = (FakeModel::start().await.unwrap(), Redis::start().await);
    let mut scene = Scene {
        model,
        redis,
        replicas: Vec::new(),
    };
    for _ in 0..replicas {
        let start = start(name).upstream("vllm", &scene.model);
        let replica = start.env("REDIS_URL", scene.redis.url()).start().await;
        up(&replica).await;
        scene.replicas.push(replica);
    }
    scene
}

/// Waits until a replica has its store, which it may not have had at first.
async fn up(replica: &Dataplane) {
    let up = async { while replica.metrics().await.value("gateway_store_up") < 0.5 {} };
    patiently("the store to be there", up).await;
}

fn start(name: &str) -> Start {
    let secrets = [
        ("KEY_BRISK", BRISK),
        ("KEY_FREE", FREE),
        ("KEY_STEADY", STEADY),
        ("KEY_TOKENS", TOKENS),
        ("KEY_WEB", WEB),
        ("JWT_SECRET", JWT_SECRET),
    ];
    secrets
        .into_iter()
        .fold(Start::of(name), |start, (name, secret)| {
            start.env(name, secret)
        })
}

fn chat(key: &str) -> Request {
    Request::chat("chat").key(key)
}

fn number(response: &Response, header: &str) -> u64 {
    let value = response.header(header);
    let number = value.and_then(|value| value.parse().ok());
    number.unwrap_or_else(|| panic!("{header}: {value:?} in {:?}", response.head))
}

/// Whether a line is of the store and begins so.
fn says(line: &Value, beginning: &str) -> bool {
    let message = line["message"].as_str();
    let begins = message.is_some_and(|message| message.starts_with(beginning));
    line["logger"] == "nexus.store" && begins
}

/// How many lines of the store begin so.
fn said(dataplane: &Dataplane, beginning: &str) -> usize {
    let lines = dataplane.log().lines().into_iter();
    lines.filter(|line| says(line, beginning)).count()
}

/// How often a store has been away so far, and back: at a start on a machine that stalls, once already.
fn changes(dataplane: &Dataplane) -> [usize; 2] {
    ["away", "back"].map(|change| said(dataplane, change))
}

async fn wait_until_said(dataplane: &Dataplane, beginning: &str) {
    wait_until_said_often(dataplane, beginning, 1).await;
}

async fn wait_until_said_often(dataplane: &Dataplane, beginning: &str, times: usize) {
    let log = dataplane.log();
    log.wait_for_many(times, |line| says(line, beginning)).await;
}

async fn health(dataplane: &Dataplane) -> Value {
    dataplane.send(&Request::get("/health")).await.json()
}

#[tokio::test]
async fn replicas_together_never_admit_more_than_the_limit() {
    let scene = scene("store-refuse", 3).await;
    let mut clients = JoinSet::new();
    for replica in &scene.replicas {
        for _ in 0..8 {
            let mut connection = replica.connect().await;
            clients.spawn(async move {
                let mut admitted = 0;
                for _ in 0..20 {
                    match connection.send(&chat(WEB)).await {
                        response if response.status == 200 => admitted += 1,
                        response => assert_eq!(response.status, 429, "{:?}", response.head),
                    }
                }
                admitted
            });
        }
    }
    let admitted: usize = clients.join_all().await.into_iter().sum();
    assert!((285..=300).contains(&admitted), "{admitted} of 300");
    assert_eq!(scene.model.received().len(), admitted);
    let refused = scene.replicas[0].send(&chat(WEB)).await;
    assert_eq!(refused.status, 429);
    let message = refused.error_message();
    assert!(message.contains("`standard` allows 300 requests per minute"));
    let wait = number(&refused, "retry-after");
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(number(&refused, "x-ratelimit-remaining-requests"), 0);
}

#[tokio::test]
async fn no_window_over_all_replicas_holds_more_than_the_limit() {
    const SECOND: Duration = Duration::from_secs(1);
    let scene = scene("store-refuse", 3).await;
    let begin = Instant::now();
    let count = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for replica in &scene.replicas {
        for _ in 0..4 {
            let mut connection = replica.connect().await;
            let count = Arc::clone(&count);
            clients.spawn(async move {
                let mut admitted = Vec::new();
                // Until windows have gone by, however long a busy machine takes for that.
                while begin.elapsed() < 4 * SECOND || count.load(Ordering::Relaxed) <= 200 {
                    let before = begin.elapsed();
                    let status = connection.send(&chat(BRISK)).await.status;
                    if status == 200 {
                        count.fetch_add(1, Ordering::Relaxed);
                        admitted.push((before, begin.elapsed()));
                    } else {
                        assert_eq!(status, 429);
                    }
                }
                admitted
            });
        }
    }
    let admitted = patiently("more than 200 requests", clients.join_all()).await;
    let mut admitted = admitted.concat();
    admitted.sort_unstable();
    for (index, (start, _)) in admitted.iter().enumerate() {
        // An admission lies between two readings of the clock: those count that lie in the window for certain.
        let later = admitted[index..].iter();
        let certain = later.filter(|(_, after)| *after <= *start + SECOND);
        assert!(certain.count() <= 100, "in the second from {start:?}");
    }
}

#[tokio::test]
async fn what_one_replica_gives_back_another_can_take() {
    let scene = scene("store-refuse", 2).await;
    let [first, second] = &scene.replicas[..] else {
        panic!("two replicas")
    };
    let left = number(
        &first.send(&chat(TOKENS)).await,
        "x-ratelimit-remaining-tokens",
    );
    // At first what may be used is taken: the model's default of 50, and the prompt.
    assert!((900..950).contains(&left), "{left}");
    // The model read 1 token and wrote 3; each request that looks takes some 60 and uses 4.
    let settled = async {
        let mut looked = 0;
        loop {
            looked += 1;
            let response = second.send(&chat(TOKENS)).await;
            let left = number(&response, "x-ratelimit-remaining-tokens");
            if left >= 1000 - 70 - 4 * looked {
                return;
            }
        }
    };
    patiently("the first request to be settled", settled).await;
}

#[tokio::test]
async fn a_request_that_the_model_refuses_costs_its_key_nothing_in_any_replica() {
    let scene = scene("store-refuse", 2).await;
    let [first, second] = &scene.replicas[..] else {
        panic!("two replicas")
    };
    let scarce = |key: &str| Request::chat("scarce").key(key);
    for replica in [first, second, first] {
        assert_eq!(replica.send(&scarce(FREE)).await.status, 200);
    }
    for replica in [first, second] {
        let refused = replica.send(&scarce(WEB)).await;
        assert_eq!(refused.status, 429);
        assert!(refused.error_message().contains("`few` allows 3"));
    }
    let response = first.send(&chat(WEB)).await;
    assert_eq!(number(&response, "x-ratelimit-remaining-requests"), 299);
}

#[tokio::test]
async fn a_subject_has_one_count_in_all_replicas() {
    let scene = scene("store-refuse", 3).await;
    let alice = chat(&token("alice"));
    for replica in &scene.replicas {
        assert_eq!(replica.send(&alice).await.status, 200);
    }
    for replica in &scene.replicas {
        assert_eq!(replica.send(&alice).await.status, 429);
        let bob = chat(&token("bob"));
        assert_eq!(replica.send(&bob).await.status, 200);
    }
}

#[tokio::test]
async fn without_the_store_requests_are_refused_where_the_spec_says_so() {
    let mut scene = scene("store-refuse", 1).await;
    let replica = &scene.replicas[0];
    let [away, back] = changes(replica);
    assert_eq!(replica.send(&chat(WEB)).await.status, 200);
    assert_eq!(health(replica).await["dependencies"]["redis"], "ok");
    scene.redis.kill().await;
    wait_until_said_often(replica, "away", away + 1).await;
    for _ in 0..5 {
        let response = replica.send(&chat(WEB)).await;
        assert_eq!(response.status, 503);
        assert_eq!(response.header("retry-after"), Some("1"));
        assert_eq!(response.json()["error"]["code"], "limits_unavailable");
    }
    // Who has no limit does not need it.
    assert_eq!(replica.send(&chat(FREE)).await.status, 200);
    let body = health(replica).await;
    assert_eq!(body["status"], "degraded");
    assert_eq!(body["dependencies"]["redis"], "away");
    let metrics = replica.metrics().await;
    assert!(metrics.value("gateway_store_up").abs() < 1e-9);
    assert!(metrics.value("gateway_store_errors_total") >= 5.0);

    scene.redis.start_again().await;
    wait_until_said_often(replica, "back", back + 1).await;
    assert_eq!(replica.send(&chat(WEB)).await.status, 200);
    assert_eq!(health(replica).await["status"], "ok");
    let metrics = replica.metrics().await;
    assert!((metrics.value("gateway_store_up") - 1.0).abs() < 1e-9);
    assert_eq!(changes(replica), [away + 1, back + 1]);
}

#[tokio::test]
async fn a_store_that_is_there_again_is_used_again_soon() {
    let mut scene = scene("store-refuse", 1).await;
    let attempt = async || {
        let replica = &scene.replicas[0];
        let [away, back] = changes(replica);
        scene.redis.kill().await;
        wait_until_said_often(replica, "away", away + 1).await;
        scene.redis.start_again().await;
        let since = Instant::now();
        wait_until_said_often(replica, "back", back + 1).await;
        since.elapsed()
    };
    once_within(Duration::from_secs(4), attempt).await;
}

#[tokio::test]
async fn without_the_store_each_replica_keeps_the_limit_by_itself_where_the_spec_says_so() {
    let mut scene = scene("store-admit", 2).await;
    let before: Vec<_> = scene.replicas.iter().map(changes).collect();
    scene.redis.kill().await;
    for (replica, [away, _]) in scene.replicas.iter().zip(&before) {
        wait_until_said_often(replica, "away", away + 1).await;
        let scarce = Request::chat("scarce").key(WEB);
        for _ in 0..3 {
            assert_eq!(replica.send(&scarce).await.status, 200);
        }
        assert_eq!(replica.send(&scarce).await.status, 429);
        assert_eq!(replica.send(&chat(WEB)).await.status, 200);
        assert_eq!(said(replica, "away"), away + 1);
    }
    scene.redis.start_again().await;
    for (replica, [away, back]) in scene.replicas.iter().zip(&before) {
        wait_until_said_often(replica, "back", back + 1).await;
        assert_eq!(replica.send(&chat(WEB)).await.status, 200);
        assert_eq!(changes(replica), [away + 1, back + 1]);
    }
}

#[tokio::test]
async fn a_store_that_is_killed_and_comes_back_fails_no_request_where_the_spec_says_so() {
    let mut scene = scene("store-admit", 1).await;
    let (model, replica) = (&scene.model, &scene.replicas[0]);
    let [away, back] = changes(replica);
    let over = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let (mut connection, over) = (replica.connect().await, Arc::clone(&over));
        clients.spawn(async move {
            let mut answered = 0;
            while !over.load(Ordering::Relaxed) {
                let response = connection.send(&chat(STEADY)).await;
                assert_eq!(response.status, 200, "{}", response.text());
                answered += 1;
            }
            answered
        });
    }
    let more = async || model.wait_for_requests(model.received().len() + 100).await;
    let (answered, cost) = beside(replica, &chat(STEADY), async {
        more().await;
        scene.redis.kill().await;
        wait_until_said_often(replica, "away", away + 1).await;
        more().await;
        scene.redis.start_again().await;
        wait_until_said_often(replica, "back", back + 1).await;
        more().await;
        over.store(true, Ordering::Relaxed);
        clients.join_all().await.into_iter().sum::<usize>()
    })
    .await;
    println!("Redis killed and back under {answered} of {answered} requests: {cost}");
    assert!(cost.median() < Duration::from_millis(500), "{cost}");
    assert_eq!(changes(replica), [away + 1, back + 1]);
}

#[tokio::test]
async fn nobody_waits_long_for_a_store_that_is_silent() {
    let scene = scene("store-admit", 1).await;
    let replica = &scene.replicas[0];
    scene.redis.freeze().await;
    // More than there are workers: each of them waits once for `timeout`, five seconds.
    let mut waits = Vec::new();
    for _ in 0..9 {
        let since = Instant::now();
        assert_eq!(replica.send(&chat(WEB)).await.status, 200);
        waits.push(since.elapsed());
    }
    waits.sort_unstable();
    assert!(waits[4] < Duration::from_secs(1), "{waits:?}");
    wait_until_said(replica, "away: it does not answer within").await;
    scene.redis.thaw().await;
    wait_until_said(replica, "back").await;
    assert_eq!(replica.send(&chat(WEB)).await.status, 200);
}

#[tokio::test]
async fn a_store_that_is_away_does_not_stop_the_start() {
    let model = FakeModel::start().await.unwrap();
    let start = start("store-admit").upstream("vllm", &model);
    let replica = start.env("REDIS_URL", "redis://127.0.0.1:1").start().await;
    wait_until_said(&replica, "away: it refuses connections").await;
    assert_eq!(replica.send(&chat(WEB)).await.status, 200);
}

#[tokio::test]
async fn a_store_that_refuses_the_password_is_away() {
    let redis = Redis::start().await;
    let url = redis.url().replace("password", "pa55word");
    let replica = loop {
        let start = start("store-refuse").env("REDIS_URL", &url);
        let replica = start.start().await;
        wait_until_said(&replica, "away").await;
        // Which is what a machine that stalls makes of it.
        if said(&replica, "away: it does not answer within") == 0 {
            break replica;
        }
    };
    let reason = "away: it does not accept the user or the password";
    assert_eq!(said(&replica, reason), 1);
    assert!(!format!("{:?}", replica.log().lines()).contains("pa55word"));
    assert_eq!(replica.send(&chat(WEB)).await.status, 503);
}

#[tokio::test]
async fn a_url_that_is_none_stops_the_start_and_is_not_shown() {
    for (url, problem) in [
        ("", "REDIS_URL: not set"),
        (
            "cache.internal:6379",
            "REDIS_URL: is not a URL like redis://",
        ),
        ("rediss://cache.internal", "REDIS_URL: is a rediss:// URL"),
    ] {
        for arguments in [&[][..], &["--check"]] {
            let start = start("store-refuse").env("REDIS_URL", url);
            let output = start.run(arguments).await;
            let errors = String::from_utf8(output.stderr).unwrap();
            assert!(
                !output.status.success() && errors.contains(problem),
                "{errors}"
            );
            assert!(!errors.contains("cache.internal"), "{errors}");
        }
    }
}

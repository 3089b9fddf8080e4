//! How requests are shared among the upstreams of a route.

use end_to_end::{Connection, FULL, Request, faults};
use fake_model::server::FakeModel;

/// Sends so many requests for `model` over a few connections, and counts what the two upstreams got.
async fn shares(model: &str, upstreams: [&str; 2], requests: usize) -> [usize; 2] {
    let models = [
        FakeModel::start().await.unwrap(),
        FakeModel::start().await.unwrap(),
    ];
    let start = faults()
        .upstream(upstreams[0], &models[0])
        .upstream(upstreams[1], &models[1]);
    let dataplane = start.start().await;
    let mut connections: Vec<Connection> = Vec::new();
    for _ in 0..8 {
        connections.push(dataplane.connect().await);
    }
    let request = Request::chat(model).key(FULL);
    for number in 0..requests {
        let connection = &mut connections[number % 8];
        assert_eq!(connection.send(&request).await.status, 200);
    }
    models.map(|model| model.received().len())
}

#[tokio::test]
async fn a_canary_takes_its_percentage() {
    let [stable, candidate] = shares("trial", ["stable", "candidate"], 400).await;
    assert_eq!(stable + candidate, 400);
    assert!(
        (14..=26).contains(&candidate),
        "5 % of 400 is 20, the canary got {candidate}"
    );
}

#[tokio::test]
async fn weights_set_the_shares() {
    let [left, right] = shares("shared", ["left", "right"], 400).await;
    assert_eq!(left + right, 400);
    assert!(
        (90..=110).contains(&right),
        "a quarter of 400 is 100, it got {right}"
    );
}

#[tokio::test]
async fn a_failing_canary_costs_no_request() {
    let stable = FakeModel::start().await.unwrap();
    let dataplane = faults().upstream("stable", &stable).start().await;
    let mut connection = dataplane.connect().await;
    for _ in 0..100 {
        let response = connection.send(&Request::chat("trial").key(FULL)).await;
        assert_eq!(
            (response.status, response.header("x-fallback-model")),
            (200, None)
        );
    }
    assert_eq!(stable.received().len(), 100);
}

//! Nothing is left behind by requests that have ended, however they ended. `cargo xtask endurance` is the same for
//! ten minutes.

use end_to_end::churn::{Churn, REQUESTS};

const ROUNDS: u64 = 150;

/// What may be left of a request, in bytes: far less than the smallest thing that is made for each.
const LEFT: u64 = 256;

#[tokio::test]
async fn twice_as_many_requests_need_no_more_memory() {
    let mut churn = Churn::start().await;
    let mut memory = Vec::new();
    for _ in 0..2 {
        for _ in 0..ROUNDS {
            churn.round().await;
        }
        memory.push(churn.dataplane().memory());
    }
    let (requests, growth) = (ROUNDS * REQUESTS, memory[1].saturating_sub(memory[0]));
    println!(
        "{} KiB after {requests} requests, {} KiB after {}",
        memory[0] / 1024,
        memory[1] / 1024,
        2 * requests
    );
    assert!(growth < requests * LEFT, "it grew by {growth} bytes");
}

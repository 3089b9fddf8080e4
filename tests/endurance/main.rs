//! `cargo xtask endurance`: requests of all kinds for as long as is said, and whether the dataplane's memory or its
//! open files grow meanwhile. They must not.

use std::time::{Duration, Instant};

use end_to_end::churn::{Churn, REQUESTS};
use tokio::runtime::Builder;

/// How many looks are taken at what the dataplane uses. After the first all of it has been in use.
const LOOKS: u32 = 10;

/// By how much memory may have grown from the first look to the last, in bytes: by what an allocator does with the
/// same load.
const GROWTH: u64 = 1 << 20;

fn main() {
    let minutes = std::env::args().find_map(|word| word.strip_prefix("--minutes=")?.parse().ok());
    let time = Duration::from_secs(60) * minutes.unwrap_or(10);
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(endure(time));
}

async fn endure(time: Duration) {
    let mut churn = Churn::start().await;
    let began = Instant::now();
    let mut looks = Vec::new();
    println!("| time | requests | memory | open files |\n|---:|---:|---:|---:|");
    let mut requests = 0;
    for look in 1..=LOOKS {
        while began.elapsed() < time * look / LOOKS {
            churn.round().await;
            requests += REQUESTS;
        }
        let (memory, files) = (churn.dataplane().memory(), churn.dataplane().open_files());
        let seconds = began.elapsed().as_secs();
        println!(
            "| {seconds} s | {requests} | {} KiB | {files} |",
            memory / 1024
        );
        looks.push((memory, files));
    }
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else {
        return;
    };
    let growth = last.0.saturating_sub(first.0);
    assert!(growth < GROWTH, "memory has grown by {growth} bytes");
    assert!(last.1 <= first.1 + 8, "more files are open than at first");
}

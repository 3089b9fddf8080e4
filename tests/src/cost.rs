//! What a fault costs those who have nothing to do with it.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::client::Request;
use crate::dataplane::Dataplane;

/// Between two requests of those who go on as ever.
const PACE: Duration = Duration::from_millis(10);

/// So many requests are measured at least, so that the median is none that met with a machine that stalled.
const AT_LEAST: usize = 9;

/// What was measured while a fault lasted.
#[derive(Debug)]
pub struct Cost {
    /// How long requests took that were well, sorted. None of them was lost.
    pub times: Vec<Duration>,
    /// How much memory the dataplane held before, in bytes.
    pub memory_before: u64,
    /// The most that it held meanwhile, in bytes.
    pub memory_most: u64,
    /// The part of a core that it used.
    pub cpu: f64,
}

/// Sends `request` to `dataplane` again and again, one at a time and each over a connection of its own, until
/// `fault` is over and some requests were measured.
///
/// # Panics
/// When one of them is not answered 200.
pub async fn beside<T>(
    dataplane: &Dataplane,
    request: &Request,
    fault: impl Future<Output = T>,
) -> (T, Cost) {
    let is_over = Cell::new(false);
    let memory_before = dataplane.memory();
    let (began, cpu_before) = (Instant::now(), dataplane.cpu());
    let fault = async {
        let outcome = fault.await;
        is_over.set(true);
        outcome
    };
    let others = async {
        let mut times = Vec::new();
        let mut most = memory_before;
        while times.len() < AT_LEAST || !is_over.get() {
            let sent = Instant::now();
            let response = dataplane.send(request).await;
            assert_eq!(response.status, 200, "{}", response.text());
            times.push(sent.elapsed());
            most = most.max(dataplane.memory());
            sleep(PACE).await;
        }
        times.sort_unstable();
        (times, most)
    };
    let (outcome, (times, memory_most)) = tokio::join!(fault, others);
    let used = dataplane.cpu() - cpu_before;
    let cost = Cost {
        times,
        memory_before,
        memory_most,
        cpu: used.as_secs_f64() / began.elapsed().as_secs_f64(),
    };
    (outcome, cost)
}

impl Cost {
    /// How long the others took as a rule.
    pub fn median(&self) -> Duration {
        let median = self.times.get(self.times.len() / 2);
        median.copied().unwrap_or_default()
    }

    /// How much memory the dataplane needed for each of so many, in bytes.
    pub fn memory_each(&self, count: usize) -> u64 {
        (self.memory_most - self.memory_before) / count as u64
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slowest = self.times.last().copied().unwrap_or_default();
        write!(
            formatter,
            "0 of {} other requests lost, median {:.1?}, slowest {:.1?}; {} KiB of memory; {:.0} % of a core",
            self.times.len(),
            self.median(),
            slowest,
            (self.memory_most - self.memory_before) / 1024,
            self.cpu * 100.0
        )
    }
}

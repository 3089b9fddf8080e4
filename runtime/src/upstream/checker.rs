//! Checks upstreams for as long as the process lives, one task for each that has a health check, all
//! of them on one worker.

use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Log;
use crate::upstream::check::{Check, Unfit};
use crate::upstream::http::Http;
use crate::upstream::live::Live;
use crate::upstream::vitals::{Tally, Vitals};
use crate::worker::Worker;

/// Starts the tasks.
pub(crate) fn start(worker: &Worker) {
    for live in &worker.dataplane.upstreams {
        if let (Some(vitals), Some((check, http))) = (&live.vitals, live.check()) {
            spawn_local(keep_checking(
                live,
                vitals,
                check,
                http,
                Rc::clone(&worker.log),
            ));
        }
    }
}

async fn keep_checking(
    live: &'static Live,
    vitals: &'static Vitals,
    check: &'static Check,
    http: &'static Http,
    log: Rc<Log>,
) {
    let settings = check.settings();
    let mut tally = Tally::new(settings);
    // Neither the upstreams of a gateway nor its replicas are all checked at one moment.
    sleep(part_of(settings.interval)).await;
    loop {
        let outcome = check.run(http).await;
        if let Some(healthy) = tally.count(outcome.is_ok()) {
            vitals.set(healthy);
            tell(&log, live, outcome);
        }
        sleep(settings.interval).await;
    }
}

fn tell(log: &Log, live: &Live, outcome: Result<(), Unfit>) {
    let (level, message) = match outcome {
        Ok(()) => (Level::Info, "healthy again".to_owned()),
        Err(unfit) => (Level::Warn, format!("unhealthy: {unfit}")),
    };
    let mut line = Line::new(level, "nexus.health", &message);
    line.upstream = Some(live.upstream().settings.name);
    log.line(&line);
}

/// A random part of `time`.
fn part_of(time: Duration) -> Duration {
    time.mul_f64(fastrand::f64())
}

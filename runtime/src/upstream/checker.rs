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
        if let Some(healthy) = judge(&mut tally, &outcome) {
            vitals.set(healthy);
            tell(&log, live, outcome);
        }
        sleep(settings.interval).await;
    }
}

/// Counts a check. One that the gateway could not make says nothing about the upstream.
fn judge(tally: &mut Tally, outcome: &Result<(), Unfit>) -> Option<bool> {
    match outcome {
        Err(unfit) if unfit.is_own() => None,
        outcome => tally.count(outcome.is_ok()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{Health, Probe};
    use crate::upstream::failure::Failure;
    use crate::upstream::once::Unanswered;

    static SETTINGS: Health = Health {
        probe: Probe::Path("/health"),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(1),
        unhealthy_after: 2,
        healthy_after: 2,
    };

    #[test]
    fn a_check_that_the_gateway_could_not_make_says_nothing() {
        let failed = |failure| Err(Unfit::Unanswered(Unanswered::Failed(failure)));
        let mut tally = Tally::new(&SETTINGS);
        for _ in 0..5 {
            assert_eq!(judge(&mut tally, &failed(Failure::NoDescriptor)), None);
        }
        assert_eq!(judge(&mut tally, &failed(Failure::Refused)), None);
        // Neither for the upstream nor against it.
        assert_eq!(judge(&mut tally, &failed(Failure::NoDescriptor)), None);
        assert_eq!(judge(&mut tally, &failed(Failure::Refused)), Some(false));
    }
}

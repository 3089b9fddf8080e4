//! An objective's alerts can fire: they have scrapes to look at, and a burn rate that requests can reach.

use std::time::Duration;

use super::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::slo::Indicator;
use crate::plan::burn;
use crate::source::Place;
use crate::unit::{duration, period};

/// A rate needs two scrapes, and one more may be lost at either end.
const SCRAPES: u32 = 4;

pub(super) fn check(context: &mut Context<'_>) {
    let interval = context.topology.deploy.prometheus.scrape_interval;
    for slo in context.topology.slos.iter() {
        let windows = burn::windows(slo.period);
        let place = Place::Value(slo.path.key("objective"));
        let budget = slo.error_budget();
        let [fastest, .., slowest] = windows;
        if budget <= 0.0 {
            let message = format!("`{}` leaves no request that may go wrong", slo.path);
            let help = "its error budget is used up by the first failure: write what users would still be content with, \
                        such as `\"99.9%\"`";
            context.report(Diagnostic::new(Code::NX0707, message, place, "").help(help));
        } else if budget * slowest.factor >= 1.0 {
            let message = format!("`{}` asks for nothing", slo.path);
            let help = "write a part of requests above 0";
            context.report(Diagnostic::new(Code::NX0707, message, place, "").help(help));
        } else if budget * fastest.factor >= 1.0 {
            let message = format!("`{}` has an alert that could never fire", slo.path);
            let label = format!(
                "{} times this error budget is more than all requests",
                fastest.factor
            );
            let help =
                "write at least `\"93.06%\"`; for less, an alert on the failure rate serves better";
            context.report(Diagnostic::new(Code::NX0707, message, place, label).help(help));
        }
        let shortest = windows
            .iter()
            .map(|window| window.short)
            .min()
            .unwrap_or_default();
        if shortest < interval * SCRAPES {
            let message = format!("`{}` has a period too short for its scrapes", slo.path);
            let place = Place::Value(slo.path.key("period"));
            let label = format!(
                "its shortest window is {}, and scrapes are {} apart",
                shown(shortest),
                duration::shown(interval)
            );
            let least = interval * SCRAPES * 720 * 12;
            let help = format!(
                "write at least `\"{}\"`, or shorten `deploy.prometheus.scrape_interval`",
                period::shown(least.max(Duration::from_secs(3600)))
            );
            context.report(Diagnostic::new(Code::NX0707, message, place, label).help(help));
        }
        let (within, longest, field) = match &slo.indicator {
            Some(Indicator::Latency { within }) => {
                (*within, context.topology.longest_request(), "latency")
            }
            Some(Indicator::FirstToken { within, .. }) => {
                (*within, context.topology.longest_attempt(), "first_token")
            }
            Some(Indicator::Availability) | None => continue,
        };
        if let Some(longest) = longest.filter(|longest| within >= *longest) {
            let path = slo.path.key(field).key("within");
            let message = format!("`{}` holds whatever happens", slo.path);
            let label = format!("nothing takes longer than {}", duration::shown(longest));
            let help = "write a shorter time, or longer `timeouts`";
            let place = Place::Value(path);
            context.report(Diagnostic::new(Code::NX0708, message, place, label).help(help));
        }
    }
}

fn shown(window: Duration) -> String {
    duration::shown(Duration::from_millis(
        u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
    ))
}

//! Where the limits of all replicas are counted.

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::{source, time};
use crate::diff::{Changes, Kind, tls};
use crate::ir::{Store, WhenAway};

pub(super) fn compare(before: Option<&Store>, after: Option<&Store>, changes: &mut Changes<'_>) {
    let mut say = |risk, what: String| changes.say(risk, Kind::Store, what);
    let (before, after) = match (before, after) {
        (None, None) => return,
        (None, Some(after)) => {
            let what = format!(
                "all replicas count requests and tokens of limits together, in the Redis that {} names; while it is away \
                 requests are {}",
                source(after.url.as_ref()),
                while_away(after.when_away)
            );
            return say(Risky, what);
        }
        (Some(_), None) => {
            let what = "each replica counts requests and tokens of limits for itself: four replicas admit four times as \
                        many";
            return say(Risky, what.to_owned());
        }
        (Some(before), Some(after)) => (before, after),
    };
    let Store {
        path: _,
        url,
        when_away,
        timeout,
        tls,
    } = after;
    if before.url != *url {
        let what = format!(
            "the address of Redis is read from {} -> {}",
            source(before.url.as_ref()),
            source(url.as_ref())
        );
        say(Risky, what);
    }
    if before.when_away != *when_away {
        let what = format!(
            "while Redis is away requests are {} -> {}",
            while_away(before.when_away),
            while_away(*when_away)
        );
        say(Risky, what);
    }
    if before.timeout != *timeout {
        let what = format!(
            "time that a request waits for Redis: {} -> {}",
            time(before.timeout),
            time(*timeout)
        );
        say(Safe, what);
    }
    match (&before.tls, tls) {
        (None, Some(_)) => say(Risky, "Redis is reached with TLS (`rediss://`)".to_owned()),
        (Some(_), None) => say(
            Risky,
            "Redis is reached without TLS (`redis://`)".to_owned(),
        ),
        _ => {}
    }
    for what in tls::towards_server(before.tls.as_ref(), tls.as_ref()) {
        say(Risky, what);
    }
}

fn while_away(choice: Option<WhenAway>) -> &'static str {
    match choice {
        Some(WhenAway::Refuse) => "answered 503",
        Some(WhenAway::Admit) | None => "admitted by the counts of each replica",
    }
}

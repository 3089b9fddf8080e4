//! What is written and sent about requests: the log, masks, audit records, spans.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::Risk::{Risky, Safe};
use crate::diff::shares::shown_address;
use crate::diff::words::{code, file_or, sample, source};
use crate::diff::{Changes, Kind};
use crate::ir::{Audit, Endpoint, Otlp, Percent, Privacy, Secret, WhenFailing};

pub(super) fn compare_log(
    before: Option<Percent>,
    after: Option<Percent>,
    changes: &mut Changes<'_>,
) {
    if before != after {
        let what = format!(
            "successful requests that are logged: {} -> {}, where no key and no model says otherwise",
            sample(before),
            sample(after)
        );
        changes.say(Safe, Kind::Records, what);
    }
}

pub(super) fn compare_privacy(
    before: Option<&Privacy>,
    after: Option<&Privacy>,
    changes: &mut Changes<'_>,
) {
    fn masks(privacy: Option<&Privacy>) -> BTreeSet<&'static str> {
        let Some(Privacy {
            client_ip,
            email,
            phone,
            key,
        }) = privacy
        else {
            return BTreeSet::new();
        };
        let all = [
            (client_ip, "the last parts of client addresses"),
            (email, "e-mail addresses"),
            (phone, "telephone numbers"),
            (key, "API keys and tokens"),
        ];
        let masked = all.into_iter().filter(|(masked, _)| **masked);
        masked.map(|(_, what)| what).collect()
    }
    let (before, after) = (masks(before), masks(after));
    for what in before.difference(&after) {
        let what = format!("{what} are no longer masked in log lines, audit records and spans");
        changes.say(Risky, Kind::Records, what);
    }
    for what in after.difference(&before) {
        let what = format!("{what} are masked in log lines, audit records and spans");
        changes.say(Safe, Kind::Records, what);
    }
}

pub(super) fn compare_audit(
    before: Option<&Audit>,
    after: Option<&Audit>,
    changes: &mut Changes<'_>,
) {
    let output = "standard output";
    let mut say = |risk, what: String| changes.say(risk, Kind::Records, what);
    let (before, after) = match (before, after) {
        (None, None) => return,
        (None, Some(after)) => {
            let what = format!(
                "each request is recorded in an audit log, on {}; while that fails requests are {}",
                file_or(after.file.as_ref(), output),
                while_failing(after.when_failing)
            );
            return say(Risky, what);
        }
        (Some(_), None) => return say(Risky, "no audit log is written any more".to_owned()),
        (Some(before), Some(after)) => (before, after),
    };
    let Audit {
        path: _,
        salt,
        file,
        when_failing,
    } = after;
    if before.salt != *salt {
        let what = format!(
            "the salt of callers in the audit log is read from {} -> {}: with another one the same callers look like others",
            source(before.salt.as_ref()),
            source(salt.as_ref())
        );
        say(Risky, what);
    }
    if before.file != *file {
        let what = format!(
            "the audit log is written to {} -> {}",
            file_or(before.file.as_ref(), output),
            file_or(file.as_ref(), output)
        );
        say(Risky, what);
    }
    if before.when_failing != *when_failing {
        let what = format!(
            "while the audit log cannot be written requests are {} -> {}",
            while_failing(before.when_failing),
            while_failing(*when_failing)
        );
        say(Risky, what);
    }
}

fn while_failing(choice: Option<WhenFailing>) -> &'static str {
    match choice {
        Some(WhenFailing::Refuse) => "answered 503",
        Some(WhenFailing::Admit) | None => "served",
    }
}

pub(super) fn compare_spans(
    before: Option<&Otlp>,
    after: Option<&Otlp>,
    changes: &mut Changes<'_>,
) {
    let collector = |endpoint: Option<&Endpoint>| endpoint.map_or_else(String::new, shown_address);
    let mut say = |risk, what: String| changes.say(risk, Kind::Records, what);
    let (before, after) = match (before, after) {
        (None, None) => return,
        (None, Some(after)) => {
            let what = format!(
                "spans of {} of requests go to the collector at {}",
                after.sample,
                collector(after.endpoint.as_ref())
            );
            return say(Safe, what);
        }
        (Some(_), None) => {
            return say(
                Risky,
                "no spans are sent to a collector any more".to_owned(),
            );
        }
        (Some(before), Some(after)) => (before, after),
    };
    let Otlp {
        path: _,
        endpoint,
        sample,
        headers,
    } = after;
    if before.endpoint != *endpoint {
        let what = format!(
            "spans go to the collector at {} -> {}",
            collector(before.endpoint.as_ref()),
            collector(endpoint.as_ref())
        );
        say(Risky, what);
    }
    if before.sample != *sample {
        let what = format!(
            "spans are sent of {} -> {sample} of requests",
            before.sample
        );
        say(Safe, what);
    }
    let (old, new) = (by_name(&before.headers), by_name(headers));
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        if old.get(name) == new.get(name) {
            continue;
        }
        let shown = |secret: Option<&&Option<Secret>>| match secret {
            None => "not sent".to_owned(),
            Some(secret) => format!("read from {}", source(secret.as_ref())),
        };
        let what = format!(
            "the header {} for the collector: {} -> {}",
            code(name),
            shown(old.get(name)),
            shown(new.get(name))
        );
        say(Risky, what);
    }
}

fn by_name(headers: &[(String, Option<Secret>)]) -> BTreeMap<&str, &Option<Secret>> {
    let pairs = headers.iter().map(|(name, secret)| (name.as_str(), secret));
    pairs.collect()
}

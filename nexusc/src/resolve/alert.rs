//! `[alerts.NAME]`: the usual alerts that a topology has something for, as far as the spec does not say otherwise.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Topology;
use crate::ir::alert::{Alert, Rule, Severity, Threshold};
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{spec, unit};

/// The most that an alert may count up to; what happens more often is a rate.
const MOST: u64 = 1_000_000;

/// The alerts of `topology`, which is resolved but for them.
pub(super) fn resolve_all(
    written: &BTreeMap<String, spec::alert::Alert>,
    topology: &Topology,
    scope: &mut Scope<'_>,
) -> Vec<Alert> {
    let table = KeyPath::root().key("alerts");
    for (name, alert) in written {
        let path = table.key(name);
        let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.name() == name) else {
            let message = format!("unknown alert {}", shown(name));
            let known = Rule::ALL.into_iter().map(Rule::name);
            let otherwise = || "`nexusc explain NX0701` lists the alerts".to_owned();
            let place = Place::Key(path);
            let diagnostic = Diagnostic::new(Code::NX0101, message, place, "no such alert");
            scope.report(diagnostic.nearest(name, known, otherwise));
            continue;
        };
        let is_on = alert.enabled.unwrap_or(true);
        if let Some(lacking) = rule.lacks(topology).filter(|_| is_on) {
            let message = format!("`{path}` is about something that this gateway never exports");
            let place = Place::Key(path);
            let help = format!("remove it, or add {lacking} to the spec");
            scope.report(Diagnostic::new(Code::NX0701, message, place, "").help(help));
        }
    }
    let known = Rule::ALL
        .into_iter()
        .filter(|rule| rule.lacks(topology).is_none());
    let resolve = |rule: Rule| match written.get(rule.name()) {
        Some(written) => resolve(written, rule.usual_in(topology), scope),
        None => Some(rule.usual_in(topology)),
    };
    known.filter_map(resolve).collect()
}

/// The `usual` alert with what was written, unless it is off.
fn resolve(written: &spec::alert::Alert, usual: Alert, scope: &mut Scope<'_>) -> Option<Alert> {
    let path = usual.path();
    let spec::alert::Alert {
        threshold,
        hold,
        severity,
        enabled,
    } = written;
    let threshold = match threshold {
        Some(text) => self::threshold(text, usual.threshold, &path.key("threshold"), scope),
        None => usual.threshold,
    };
    let severity = match severity {
        Some(name) => self::severity(name, &path.key("severity"), scope).unwrap_or(usual.severity),
        None => usual.severity,
    };
    let hold = scope.duration(hold.as_ref(), usual.hold, &path.key("for"));
    enabled.unwrap_or(true).then_some(Alert {
        rule: usual.rule,
        threshold,
        hold,
        severity,
    })
}

fn threshold(text: &String, usual: Threshold, path: &KeyPath, scope: &mut Scope<'_>) -> Threshold {
    match usual {
        Threshold::State => {
            let message = format!("`{path}` has nothing to be compared with");
            let place = Place::Key(path.clone());
            let help = "remove it: the alert is about something that is so, or not";
            scope.report(Diagnostic::new(Code::NX0702, message, place, "").help(help));
            usual
        }
        Threshold::Share(_) => {
            let share = scope.percent(text, path);
            share.map_or(usual, Threshold::Share)
        }
        // Certificates are looked after for longer than a gateway waits for anything.
        Threshold::Time(time) if time > unit::duration::MAX => {
            let period = scope.period(Some(text), path);
            period.map_or(usual, Threshold::Time)
        }
        Threshold::Time(_) => {
            let time = scope.time(text, path);
            time.map_or(usual, Threshold::Time)
        }
        Threshold::Count(_) => match text.parse() {
            Ok(count) if count <= MOST => Threshold::Count(count),
            _ => {
                let message = format!(
                    "{} is not a number up to {MOST} for `threshold`",
                    shown(text)
                );
                let place = Place::Value(path.clone());
                let help = "write a whole number in quotes: `\"10\"`";
                scope.report(Diagnostic::new(Code::NX0702, message, place, "").help(help));
                usual
            }
        },
    }
}

/// The severity of this name, if there is one.
pub(super) fn severity(name: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Severity> {
    let known = Severity::ALL.into_iter().find(|known| known.name() == name);
    if known.is_none() {
        let message = format!("{} is no severity", shown(name));
        let names = Severity::ALL.map(Severity::name);
        let otherwise = || "write `\"critical\"`, `\"high\"`, `\"medium\"` or `\"low\"`".to_owned();
        let place = Place::Value(path.clone());
        let diagnostic = Diagnostic::new(Code::NX0703, message, place, "");
        scope.report(diagnostic.nearest(name, names.into_iter(), otherwise));
    }
    known
}

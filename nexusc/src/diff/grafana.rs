//! What Grafana shows, and where it finds it.

use crate::diff::Risk::Safe;
use crate::diff::words::code;
use crate::diff::{Changes, Kind};
use crate::ir::grafana::Grafana;

pub(super) fn compare(before: &Grafana, after: &Grafana, changes: &mut Changes<'_>) {
    let Grafana {
        prometheus,
        alertmanager,
        kibana,
        alerting,
    } = after;
    for (name, before, after) in [
        ("Prometheus", &before.prometheus, prometheus),
        ("Alertmanager", &before.alertmanager, alertmanager),
        ("Kibana", &before.kibana, kibana),
    ] {
        if before != after {
            let what = format!("dashboards go to {name} at {}", code(after));
            changes.say(Safe, Kind::Deployment, what);
        }
    }
    match (before.alerting, *alerting) {
        (false, true) => {
            let what = "Grafana evaluates alerts and tells of them, no longer Alertmanager";
            changes.say(Safe, Kind::Deployment, what);
        }
        (true, false) => {
            let what = "Alertmanager tells of alerts, no longer Grafana";
            changes.say(Safe, Kind::Deployment, what);
        }
        _ => {}
    }
}

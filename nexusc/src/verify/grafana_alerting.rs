//! What Grafana demands of alerts and contact points when it starts, and that names lead somewhere: Grafana itself checks
//! that no earlier (<https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/>).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::verify::grafana::ALERTING;
use crate::verify::reading::locate;
use crate::verify::{Own, files_in};

pub(super) static PROVISIONED: Own = Own {
    name: "Grafana alerting",
    files: |files| {
        files_in(files, ALERTING, &[".yaml"])
            .into_iter()
            .map(str::to_owned)
            .collect()
    },
    check: |_, text, _| match serde_saphyr::from_str::<Value>(text) {
        // What is no YAML is found as such.
        Err(_) => Vec::new(),
        Ok(file) => check(&file)
            .into_iter()
            .map(|(place, message)| (locate(text, 1, &place), message))
            .collect(),
    },
};

const NO_DATA: &[&str] = &["Alerting", "NoData", "OK", "KeepLast"];
const ON_ERROR: &[&str] = &["Alerting", "Error", "OK", "KeepLast"];

/// A fault, after words that lead to its line.
type Fault = (String, String);

fn check(file: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut uids = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for group in list(file, "groups") {
        let name = word(group, "name");
        for field in ["name", "folder", "interval"] {
            if word(group, field).is_empty() {
                let message = format!("group `{name}` has no `{field}`");
                faults.push((format!("`{name}`"), message));
            }
        }
        for rule in list(group, "rules") {
            let title = word(rule, "title");
            if title.is_empty() || title.len() > 190 || !titles.insert(title) {
                let message = "a rule has a title of its own, of at most 190 characters";
                faults.push((format!("`{title}`"), message.to_owned()));
            }
            faults.extend(uid(rule, &mut uids));
            let of_rule = |fault| (format!("`{title}`"), format!("rule `{title}`: {fault}"));
            faults.extend(rule_faults(rule).map(of_rule));
        }
    }
    let points: BTreeSet<&str> = list(file, "contactPoints")
        .map(|it| word(it, "name"))
        .collect();
    for point in list(file, "contactPoints") {
        for receiver in list(point, "receivers") {
            faults.extend(uid(receiver, &mut uids));
            if word(receiver, "type").is_empty()
                || !receiver.get("settings").is_some_and(Value::is_object)
            {
                let name = word(point, "name");
                let message = format!("contact point `{name}`: it has a `type` and `settings`");
                faults.push((format!("`{name}`"), message));
            }
        }
    }
    let times: BTreeSet<&str> = list(file, "muteTimes").map(|it| word(it, "name")).collect();
    for policy in list(file, "policies") {
        policy_faults(policy, &points, &times, &mut faults);
    }
    faults
}

fn rule_faults(rule: &Value) -> impl Iterator<Item = &'static str> {
    let condition = word(rule, "condition");
    let mut queries = list(rule, "data");
    let is_known = queries
        .clone()
        .any(|query| word(query, "refId") == condition);
    let all_asked = queries.all(|query| !word(query, "datasourceUid").is_empty());
    [
        (is_known, "`condition` is none of its queries"),
        (all_asked, "a query has no `datasourceUid`"),
        (
            NO_DATA.contains(&word(rule, "noDataState")),
            "`noDataState` is no state",
        ),
        (
            ON_ERROR.contains(&word(rule, "execErrState")),
            "`execErrState` is no state",
        ),
    ]
    .into_iter()
    .filter(|(is_sound, _)| !is_sound)
    .map(|(_, fault)| fault)
}

/// A `uid` is what Grafana knows it by: 40 letters, digits, `-` and `_` at most.
fn uid<'f>(of: &'f Value, others: &mut BTreeSet<&'f str>) -> Option<Fault> {
    let uid = word(of, "uid");
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(1..=40).contains(&uid.len()) || !uid.bytes().all(is_plain) {
        let message = format!("uid `{uid}` is not of 1 to 40 letters, digits, `-` and `_`");
        return Some((format!("`{uid}`"), message));
    }
    (!others.insert(uid)).then(|| {
        let message = format!("uid `{uid}` stands there twice");
        (format!("`{uid}`"), message)
    })
}

fn policy_faults(
    policy: &Value,
    points: &BTreeSet<&str>,
    times: &BTreeSet<&str>,
    faults: &mut Vec<Fault>,
) {
    let receiver = word(policy, "receiver");
    if !points.contains(receiver) {
        let message = format!("policy for `{receiver}`, which is no contact point");
        faults.push((format!("policies `{receiver}`"), message));
    }
    for muted in list(policy, "mute_time_intervals").filter_map(Value::as_str) {
        if !times.contains(muted) {
            let message = format!("policy muted `{muted}`, which is none of the mute times");
            faults.push((format!("policies `{muted}`"), message));
        }
    }
    for route in list(policy, "routes") {
        policy_faults(route, points, times, faults);
    }
}

fn list<'f>(of: &'f Value, field: &str) -> impl Iterator<Item = &'f Value> + Clone {
    of.get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn word<'f>(of: &'f Value, field: &str) -> &'f str {
    of.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(path: &str, value: Value) -> Vec<Fault> {
        let rule = json!({
            "uid": "a", "title": "A", "condition": "firing", "noDataState": "OK", "execErrState": "KeepLast",
            "data": [{ "refId": "firing", "datasourceUid": "__expr__" }],
        });
        let other = json!({ "uid": "b", "name": "B", "type": "webhook", "settings": {} });
        let mut file = json!({
            "groups": [{ "name": "g", "folder": "f", "interval": "1m", "rules": [rule] }],
            "contactPoints": [{ "name": "team", "receivers": [other] }],
            "policies": [{ "receiver": "team", "routes": [{ "receiver": "team", "mute_time_intervals": ["always"] }] }],
            "muteTimes": [{ "name": "always" }],
        });
        if let Some(at) = file.pointer_mut(path) {
            *at = value;
        }
        check(&file)
    }

    #[test]
    fn a_sound_file_has_no_faults() {
        assert_eq!(faults("/none", json!(null)), []);
    }

    #[test]
    fn each_fault_is_told() {
        let long = "a".repeat(41);
        for (path, value) in [
            ("/groups/0/interval", json!(null)),
            ("/groups/0/rules/0/uid", json!(long)),
            ("/groups/0/rules/0/uid", json!("ü")),
            ("/groups/0/rules/0/uid", json!("b")),
            ("/groups/0/rules/0/title", json!("")),
            ("/groups/0/rules/0/condition", json!("other")),
            ("/groups/0/rules/0/noDataState", json!("ok")),
            ("/groups/0/rules/0/execErrState", json!("KeepLastState")),
            ("/groups/0/rules/0/data/0/datasourceUid", json!("")),
            ("/contactPoints/0/receivers/0/type", json!("")),
            ("/contactPoints/0/receivers/0/settings", json!(null)),
            ("/policies/0/receiver", json!("nobody")),
            ("/policies/0/routes/0/receiver", json!("nobody")),
            ("/policies/0/routes/0/mute_time_intervals/0", json!("never")),
        ] {
            assert_eq!(faults(path, value).len(), 1, "{path}");
        }
    }
}

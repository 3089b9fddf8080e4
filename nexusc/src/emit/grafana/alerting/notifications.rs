//! `notifications.yaml`: the receivers as contact points, and the policies that lead alerts to them.

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::yaml::fill;
use crate::ir::Topology;
use crate::ir::alert::Severity;
use crate::ir::receiver::{Receiver, Webhook};

const TEMPLATE: &str =
    include_str!("../../../../../templates/deploy/grafana/alerting/notifications.yaml");

pub(super) fn emit(topology: &Topology, folder: &str, files: &mut FileSet) {
    let receivers = &topology.receivers;
    let is_told_all = |receiver: &&Receiver| receiver.severities.len() == Severity::ALL.len();
    let first = receivers
        .iter()
        .find(is_told_all)
        .or(receivers.iter().next());
    let Some(first) = first else {
        return;
    };
    let is_told_of = |severity: &Severity| {
        let mut receivers = receivers.iter();
        receivers.any(|receiver| receiver.severities.contains(severity))
    };
    let untold: Vec<&str> = Severity::ALL
        .iter()
        .filter(|severity| !is_told_of(severity))
        .map(|severity| severity.name())
        .collect();
    let notifications = Notifications {
        header: conventions::header(&topology.name),
        first: &first.name,
        untold: (!untold.is_empty()).then(|| untold.join("|")),
        receivers: receivers.iter().map(told).collect(),
    };
    files.add(
        format!("{folder}/notifications.yaml"),
        fill(TEMPLATE, &notifications),
    );
}

#[derive(Serialize)]
struct Notifications<'t> {
    header: String,
    first: &'t str,
    /// The severities that no receiver is told of, as a pattern.
    untold: Option<String>,
    receivers: Vec<Told<'t>>,
}

#[derive(Serialize)]
struct Told<'t> {
    path: String,
    name: &'t str,
    severities: String,
    ways: Vec<Way>,
}

/// A way to a receiver.
#[derive(Serialize)]
struct Way {
    uid: String,
    #[serde(rename = "type")]
    kind: &'static str,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    name: &'static str,
    value: String,
}

fn told(receiver: &Receiver) -> Told<'_> {
    let Receiver {
        name,
        path,
        severities,
        slack,
        email,
        webhook,
    } = receiver;
    let way = |kind, settings| Way {
        uid: conventions::grafana_uid(name, kind),
        kind,
        settings,
    };
    let setting = |name, value| Setting { name, value };
    let slack = slack.iter().map(|slack| {
        let settings = vec![
            setting("recipient", literal(&slack.channel)),
            setting("url", file(&slack.url_file)),
        ];
        way("slack", settings)
    });
    // Which server sends mails is a setting of Grafana as a whole: the compose file has it.
    let email = email
        .iter()
        .map(|email| way("email", vec![setting("addresses", literal(&email.to))]));
    let webhook = webhook.iter().map(|webhook| {
        let url = match webhook {
            Webhook::Url(url) => literal(url),
            Webhook::File(path) => file(path),
        };
        way("webhook", vec![setting("url", url)])
    });
    let names: Vec<&str> = severities.iter().map(|severity| severity.name()).collect();
    Told {
        path: path.to_string(),
        name,
        severities: names.join("|"),
        ways: slack.chain(email).chain(webhook).collect(),
    }
}

/// What a file holds, as Grafana reads it when it starts.
fn file(path: &str) -> String {
    format!("$__file{{{path}}}")
}

/// A text as it is: a `$` would begin a variable.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

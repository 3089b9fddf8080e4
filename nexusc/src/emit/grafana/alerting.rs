//! `grafana/provisioning/alerting/`: whom alerts reach that people make in Grafana.
//!
//! The alerts of the topology are Prometheus' and go by Alertmanager: a copy of them here would tell everybody twice,
//! and could not be tried by `promtool`.

use serde::Serialize;

use crate::conventions;
use crate::emit::FileSet;
use crate::emit::yaml::fill;
use crate::ir::Topology;
use crate::ir::alert::Severity;
use crate::ir::receiver::{Receiver, Webhook};

const TEMPLATE: &str = include_str!("../../../../templates/deploy/grafana/alerting.yaml");

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
    let alerting = Alerting {
        header: conventions::header(&topology.name),
        first: &first.name,
        receivers: receivers.iter().map(told).collect(),
    };
    files.add(
        format!("{folder}/provisioning/alerting/nexus.yaml"),
        fill(TEMPLATE, &alerting),
    );
}

#[derive(Serialize)]
struct Alerting<'t> {
    header: String,
    first: &'t str,
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
    // Which server sends mails is a setting of Grafana as a whole.
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

//! `alertmanager/alertmanager.yml`: who is told of what; and a script that sends a test alert.

use serde::Serialize;

use crate::conventions;
use crate::emit::{FileSet, template, yaml};
use crate::ir::Topology;
use crate::ir::alert::{Rule, Severity};
use crate::ir::receiver::{Email, Receiver, Slack, Webhook};

const CONFIGURATION: &str =
    include_str!("../../../../templates/deploy/alertmanager/alertmanager.yml");
const TEST_ALERT: &str = include_str!("../../../../templates/deploy/alertmanager/test-alert.sh");

pub(super) fn emit(topology: &Topology, files: &mut FileSet) {
    let values = Values {
        header: conventions::header(&topology.name),
        job: &topology.name,
        absent: conventions::alert(Rule::MetricsAbsent.name()),
        down: conventions::alert(Rule::GatewayDown.name()),
        receivers: topology.receivers.iter().map(told).collect(),
        severities: Severity::ALL.map(Severity::name),
    };
    let folder = format!(
        "{}/alertmanager",
        conventions::deploy_folder(&topology.name)
    );
    files.add(
        format!("{folder}/alertmanager.yml"),
        yaml::fill(CONFIGURATION, &values),
    );
    files.add(
        format!("{folder}/test-alert.sh"),
        template::fill(TEST_ALERT, &values),
    );
}

#[derive(Serialize)]
struct Values<'t> {
    header: String,
    job: &'t str,
    absent: String,
    down: String,
    receivers: Vec<Told<'t>>,
    severities: [&'static str; 4],
}

/// A receiver, in Alertmanager's terms.
#[derive(Serialize)]
struct Told<'t> {
    path: String,
    name: &'t str,
    /// What its route matches; `None` for all.
    matcher: Option<String>,
    slack: Option<OfSlack<'t>>,
    email: Option<OfEmail<'t>>,
    webhook: Option<OfWebhook<'t>>,
}

#[derive(Serialize)]
struct OfSlack<'t> {
    channel: &'t str,
    url_file: &'t str,
}

#[derive(Serialize)]
struct OfEmail<'t> {
    to: &'t str,
    from: &'t str,
    server: &'t str,
    user: Option<&'t str>,
    password_file: Option<&'t str>,
}

#[derive(Serialize)]
struct OfWebhook<'t> {
    url: Option<&'t str>,
    url_file: Option<&'t str>,
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
    let names: Vec<&str> = severities.iter().map(|severity| severity.name()).collect();
    let is_told_all = names.len() == Severity::ALL.len();
    let slack = slack
        .as_ref()
        .map(|Slack { channel, url_file }| OfSlack { channel, url_file });
    let email = email.as_ref().map(|email| {
        let Email {
            to,
            from,
            server,
            user,
            password_file,
        } = email;
        OfEmail {
            to,
            from,
            server,
            user: user.as_deref(),
            password_file: password_file.as_deref(),
        }
    });
    let webhook = webhook.as_ref().map(|webhook| match webhook {
        Webhook::Url(url) => OfWebhook {
            url: Some(url),
            url_file: None,
        },
        Webhook::File(file) => OfWebhook {
            url: None,
            url_file: Some(file),
        },
    });
    Told {
        path: path.to_string(),
        name,
        matcher: (!is_told_all).then(|| format!("severity=~\"{}\"", names.join("|"))),
        slack,
        email,
        webhook,
    }
}

//! `[receivers.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::secret::SecretFile;

/// Who is told of alerts, by Alertmanager. Set one or more of `slack`, `email` and `webhook`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// The severities that it is told of: some of `"critical"`, `"high"`, `"medium"`, `"low"`. Default: all.
    pub severities: Option<Vec<String>>,
    /// A channel of Slack. Default: none.
    pub slack: Option<Slack>,
    /// An e-mail address. Default: none.
    pub email: Option<Email>,
    /// A server that takes Alertmanager's JSON. Default: none.
    pub webhook: Option<Webhook>,
}

/// A channel of Slack.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// The channel, such as `"#llm-alerts"`.
    pub channel: String,
    /// The file with the URL of Slack's incoming webhook, where Alertmanager reads it.
    pub url: SecretFile,
}

/// An e-mail address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// Who gets it: `"on-call@example.com"`.
    pub to: String,
    /// Who it comes from: `"alertmanager@example.com"`.
    pub from: String,
    /// The mail server with its port: `"smtp.example.com:587"`.
    pub server: String,
    /// The user at the mail server. Default: none, it wants none.
    pub user: Option<String>,
    /// The file with the user's password, where Alertmanager reads it. Default: none.
    pub password: Option<SecretFile>,
}

/// A server that takes Alertmanager's JSON. Set exactly one field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its address, where that is no secret: `"http://relay:9000/alerts"`. Default: none, `file` says.
    pub url: Option<String>,
    /// The file with its address, where Alertmanager reads it. Default: none, `url` says.
    pub file: Option<String>,
}

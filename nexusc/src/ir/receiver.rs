//! Who is told of alerts.

use std::collections::BTreeSet;

use crate::ir::alert::Severity;
use crate::ir::table::Named;
use crate::key_path::KeyPath;

/// Who is told.
#[derive(Debug)]
pub struct Receiver {
    /// Its name.
    pub name: String,
    /// `[receivers.NAME]`.
    pub path: KeyPath,
    /// Of what.
    pub severities: BTreeSet<Severity>,
    /// A channel of Slack.
    pub slack: Option<Slack>,
    /// An e-mail address.
    pub email: Option<Email>,
    /// A server.
    pub webhook: Option<Webhook>,
}

/// A channel of Slack.
#[derive(Debug, PartialEq, Eq)]
pub struct Slack {
    /// The channel.
    pub channel: String,
    /// The file with the URL.
    pub url_file: String,
}

/// An e-mail address.
#[derive(Debug, PartialEq, Eq)]
pub struct Email {
    /// Who gets it.
    pub to: String,
    /// Who it comes from.
    pub from: String,
    /// The mail server, with its port.
    pub server: String,
    /// The user there.
    pub user: Option<String>,
    /// The file with the password.
    pub password_file: Option<String>,
}

/// The address of a server.
#[derive(Debug, PartialEq, Eq)]
pub enum Webhook {
    /// It is no secret.
    Url(String),
    /// It stands in this file.
    File(String),
}

impl Webhook {
    /// The file that it stands in, if it does.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Url(_) => None,
            Self::File(file) => Some(file),
        }
    }
}

impl Named for Receiver {
    fn name(&self) -> &str {
        &self.name
    }
}

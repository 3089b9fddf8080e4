//! `[receivers.NAME]`

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::alert::Severity;
use crate::ir::receiver::{Email, Receiver, Slack, Webhook};
use crate::key_path::KeyPath;
use crate::redact::{may_carry_credentials, shown};
use crate::resolve::alert::severity;
use crate::resolve::scope::{Scope, listed_twice};
use crate::resolve::secret;
use crate::resolve::upstream::is_authority;
use crate::source::Place;
use crate::spec;

pub(super) fn resolve_all(
    receivers: &BTreeMap<String, spec::receiver::Receiver>,
    scope: &mut Scope<'_>,
) -> Vec<Receiver> {
    let table = KeyPath::root().key("receivers");
    let resolve = |(name, written): (&String, &spec::receiver::Receiver)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let spec::receiver::Receiver {
            severities,
            slack,
            email,
            webhook,
        } = written;
        if slack.is_none() && email.is_none() && webhook.is_none() && !scope.lacks(&path) {
            let message = format!("`{path}` says nobody who could be told");
            let place = Place::Key(path.clone());
            let help = "add `slack`, `email` or `webhook`";
            scope.report(Diagnostic::new(Code::NX0006, message, place, "").help(help));
        }
        Receiver {
            name: name.clone(),
            severities: match severities {
                Some(names) => self::severities(names, &path.key("severities"), scope),
                None => Severity::ALL.into(),
            },
            slack: slack
                .as_ref()
                .and_then(|slack| self::slack(slack, &path.key("slack"), scope)),
            email: email
                .as_ref()
                .and_then(|email| self::email(email, &path.key("email"), scope)),
            webhook: webhook
                .as_ref()
                .and_then(|webhook| self::webhook(webhook, &path.key("webhook"), scope)),
            path,
        }
    };
    receivers.iter().map(resolve).collect()
}

fn severities(names: &[String], path: &KeyPath, scope: &mut Scope<'_>) -> BTreeSet<Severity> {
    let mut severities = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let at = path.index(index);
        let Some(severity) = severity(name, &at, scope) else {
            continue;
        };
        if !severities.insert(severity) {
            let first = names.iter().position(|other| other == name).unwrap_or(0);
            scope.report(listed_twice(name, at, Place::Value(path.index(first))));
        }
    }
    severities
}

fn slack(slack: &spec::receiver::Slack, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Slack> {
    let spec::receiver::Slack { channel, url } = slack;
    let name = channel.strip_prefix('#').unwrap_or(channel);
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let url_file = secret::file(&url.file, &path.key("url"), scope);
    if name.is_empty() || !name.chars().all(is_plain) {
        let message = format!("{} is not a channel", shown(channel));
        let help = "write its name, such as `\"#llm-alerts\"`";
        address(message, &path.key("channel"), help, scope);
        return None;
    }
    Some(Slack {
        channel: channel.clone(),
        url_file: url_file?,
    })
}

fn email(email: &spec::receiver::Email, path: &KeyPath, scope: &mut Scope<'_>) -> Option<Email> {
    let spec::receiver::Email {
        to,
        from,
        server,
        user,
        password,
    } = email;
    // Alertmanager takes addresses for templates, and finds a brace that begins none when it has something to tell.
    let is_clean =
        |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '{');
    let is_address = |text: &str| {
        let parts = text.split_once('@');
        let is_host = |host: &str| {
            host.contains('.')
                && !host.contains('@')
                && host.split('.').all(|label| !label.is_empty())
        };
        is_clean(text) && parts.is_some_and(|(user, host)| !user.is_empty() && is_host(host))
    };
    let mut is_sound = true;
    for (field, text) in [("to", to), ("from", from)] {
        if !is_address(text) {
            let message = format!("{} is not an e-mail address", shown(text));
            let help = "write one address, such as `\"on-call@example.com\"`";
            address(message, &path.key(field), help, scope);
            is_sound = false;
        }
    }
    let has_port = server
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.ends_with(']'));
    if !has_port || !is_authority(server) {
        let message = format!("{} is not a mail server", shown(server));
        let help = "write its host and port, such as `\"smtp.example.com:587\"`";
        address(message, &path.key("server"), help, scope);
        is_sound = false;
    }
    let password_file = password
        .as_ref()
        .and_then(|password| secret::file(&password.file, &path.key("password"), scope));
    is_sound.then(|| Email {
        to: to.clone(),
        from: from.clone(),
        server: server.clone(),
        user: user.clone(),
        password_file,
    })
}

fn webhook(
    webhook: &spec::receiver::Webhook,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<Webhook> {
    match (&webhook.url, &webhook.file) {
        (Some(url), None) if may_carry_credentials(url) => {
            let at = path.key("url");
            let message = format!("`{at}` may hold a user, a password or a token");
            let help = "name a file that holds the address: `{ file = \"/run/secrets/pager\" }`; and replace what is secret \
                        in this one, since it has been written down";
            let place = Place::Value(at);
            scope.report(Diagnostic::new(Code::NX0301, message, place, "").help(help));
            None
        }
        (Some(url), None) if is_url(url) => Some(Webhook::Url(url.clone())),
        (Some(url), None) => {
            let message = format!("{} is not the address of a server", shown(url));
            let help = "write one such as `\"http://relay:9000/alerts\"`; if it is a secret, name a file that holds it: \
                        `file = \"/run/secrets/pager\"`";
            address(message, &path.key("url"), help, scope);
            None
        }
        (None, Some(file)) => secret::file(file, path, scope).map(Webhook::File),
        (None, None) if scope.lacks(path) => None,
        (url, _) => {
            let message = match url {
                Some(_) => format!("`{path}` has both `url` and `file`"),
                None => format!("`{path}` has neither `url` nor `file`"),
            };
            let place = Place::Value(path.clone());
            let diagnostic = Diagnostic::new(Code::NX0006, message, place, "");
            scope.report(diagnostic.help("set one: `{ url = \"http://relay:9000/alerts\" }`"));
            None
        }
    }
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>\\^`{|}@".contains(c);
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(is_plain)
    })
}

fn address(message: String, path: &KeyPath, help: &str, scope: &mut Scope<'_>) {
    let place = Place::Value(path.clone());
    scope.report(Diagnostic::new(Code::NX0704, message, place, "").help(help));
}

//! Where Grafana tells of alerts, it is emitted together with what it asks (NX0870), and sends its mails by one server
//! (NX0871).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::deploy::Artifact;
use crate::ir::receiver::Email;
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    if !topology.deploy.grafana.alerting {
        return;
    }
    let alerting = KeyPath::root().key("deploy").key("grafana").key("alerting");
    let artifacts = &topology.deploy.artifacts;
    let mut needed = [Artifact::Grafana, Artifact::Prometheus].into_iter();
    if let Some(missing) = needed.find(|artifact| !artifacts.contains(artifact)) {
        let message = format!(
            "Grafana is to tell of alerts, and `{}` is not emitted",
            missing.name()
        );
        let help = format!(
            "add `\"{}\"`: Grafana asks for what the rules of Prometheus record",
            missing.name()
        );
        let place = Place::Value(topology.deploy.path.key("artifacts"));
        let diagnostic = Diagnostic::new(Code::NX0870, message, place, "");
        let diagnostic = diagnostic.conflict(Place::Value(alerting.clone()), "asks for both");
        context.report(diagnostic.help(help));
    }
    let mut mails = topology.receivers.iter().filter_map(|receiver| {
        let email = receiver.email.as_ref()?;
        Some((receiver.path.key("email"), email))
    });
    let Some((first, usual)) = mails.next() else {
        return;
    };
    for (path, email) in mails {
        if way(email) != way(usual) {
            let message = format!("Grafana sends all mails in one way, and `{path}` has another");
            let help = format!(
                "give it the `server`, `from`, `user` and `password` of `{first}`, or leave mails to Alertmanager: \
                 `{alerting} = false`"
            );
            let diagnostic = Diagnostic::new(Code::NX0871, message, Place::Value(path), "");
            let diagnostic = diagnostic.conflict(Place::Value(first.clone()), "the other way");
            context.report(diagnostic.help(help));
        }
    }
}

/// All of it but who gets it.
fn way(email: &Email) -> (&str, &str, Option<&str>, Option<&str>) {
    let Email {
        to: _,
        from,
        server,
        user,
        password_file,
    } = email;
    (from, server, user.as_deref(), password_file.as_deref())
}

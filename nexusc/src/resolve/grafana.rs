//! `[deploy.grafana]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::compose::Ports;
use crate::ir::grafana::Grafana;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;

pub(super) fn resolve(
    written: &spec::grafana::Grafana,
    ports: Ports,
    scope: &mut Scope<'_>,
) -> Grafana {
    let path = KeyPath::root().key("deploy").key("grafana");
    let spec::grafana::Grafana {
        prometheus,
        alertmanager,
        kibana,
        alerting,
    } = written;
    let mut address = |written: &Option<String>, field, usual: &str| {
        let Some(address) = written else {
            return usual.to_owned();
        };
        if !is_address(address) {
            let message = format!("{} is not the address of a service", shown(address));
            let help =
                format!("write its scheme and host, such as `\"{usual}\"`, without user or query");
            let place = Place::Value(path.key(field));
            scope.report(Diagnostic::new(Code::NX0830, message, place, "").help(help));
        }
        address.trim_end_matches('/').to_owned()
    };
    let of_compose = format!("http://localhost:{}", ports.kibana);
    Grafana {
        prometheus: address(prometheus, "prometheus", "http://prometheus:9090"),
        alertmanager: address(alertmanager, "alertmanager", "http://alertmanager:9093"),
        kibana: address(kibana, "kibana", &of_compose),
        alerting: alerting.unwrap_or(false),
    }
}

/// `http` or `https`, a host, perhaps a path. No `$`, which Grafana would take for a variable.
fn is_address(address: &str) -> bool {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%+".contains(c);
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && rest.chars().all(is_plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_and_a_host_and_no_more_than_a_path() {
        for address in [
            "http://prometheus:9090",
            "https://metrics.example.com/prometheus/",
            "http://[::1]:9090",
        ] {
            assert!(is_address(address), "{address}");
        }
        for address in [
            "prometheus:9090",
            "http://",
            "http:///metrics",
            "ftp://prometheus",
            "http://admin:secret@prometheus",
            "http://prometheus?x=1",
            "http://$PROMETHEUS",
            "http://a b",
        ] {
            assert!(!is_address(address), "{address}");
        }
    }
}

//! `[deploy.prometheus]`

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::deploy::Prometheus;
use crate::key_path::KeyPath;
use crate::redact::{asks_with_secret, shown};
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;

const DEFAULT_INTERVAL: Duration = Duration::from_secs(15);

pub(super) fn resolve(written: &spec::prometheus::Prometheus, scope: &mut Scope<'_>) -> Prometheus {
    let path = KeyPath::root().key("deploy").key("prometheus");
    let spec::prometheus::Prometheus {
        scrape_interval,
        runbooks,
    } = written;
    let at = path.key("scrape_interval");
    let interval = scope.duration(scrape_interval.as_ref(), DEFAULT_INTERVAL, &at);
    if !(1..=60).contains(&interval.as_secs()) || interval.subsec_nanos() > 0 {
        let message = format!("`{at}` is not from 1 to 60 whole seconds");
        let help = "alerts look at five minutes and need some scrapes in them: write `\"15s\"`";
        scope.report(Diagnostic::new(Code::NX0705, message, Place::Value(at), "").help(help));
    }
    if let Some(address) = runbooks {
        let is_plain = |c: char| c.is_ascii_graphic() && !"\"'<>\\^`{|}@#".contains(c);
        let is_web = address.starts_with("https://") || address.starts_with("http://");
        let place = Place::Value(path.key("runbooks"));
        if asks_with_secret(address) {
            let message = format!("`{}` may hold a token", path.key("runbooks"));
            let help = "write the address without it, since each alert shows it; and replace the token wherever it is in use";
            scope.report(Diagnostic::new(Code::NX0301, message, place, "").help(help));
        } else if !is_web || !address.chars().all(is_plain) {
            let message = format!("{} is not an address of runbooks", shown(address));
            let help = "write where people read the emitted `runbooks.md`, without a `#`: \
                        `\"https://git.example.com/llm/blob/main/deploy/chat/runbooks.md\"`";
            scope.report(Diagnostic::new(Code::NX0704, message, place, "").help(help));
        }
    }
    Prometheus {
        scrape_interval: interval,
        runbooks: runbooks.clone(),
    }
}

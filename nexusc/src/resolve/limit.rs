//! `[limits.NAME]`

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec};

const DEFAULT_LENGTH: u64 = 64;
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

pub(super) fn resolve_all(
    limits: &BTreeMap<String, spec::limit::Limit>,
    scope: &mut Scope<'_>,
) -> Vec<ir::Limit> {
    let table = KeyPath::root().key("limits");
    let resolve = |(name, limit): (&String, &spec::limit::Limit)| {
        let path = table.key(name);
        scope.check_name(name, &path);
        let spec::limit::Limit {
            requests,
            tokens,
            concurrent,
            queue,
        } = limit;
        let is_empty = requests.is_none() && tokens.is_none() && concurrent.is_none();
        if is_empty && !scope.lacks(&path) {
            let message = format!("limit `{name}` limits nothing");
            let diagnostic = Diagnostic::new(Code::NX0511, message, Place::Key(path.clone()), "");
            scope.report(diagnostic.help("set `requests`, `tokens` or `concurrent`"));
        }
        ir::Limit {
            name: name.clone(),
            requests: scope.rate(requests.as_ref(), &path.key("requests")),
            tokens: scope.rate(tokens.as_ref(), &path.key("tokens")),
            concurrent: concurrent
                .map(|most| scope.within(most, 1..=1_000_000, &path.key("concurrent"))),
            queue: queue
                .as_ref()
                .map(|queue| self::queue(queue, path.key("queue"), scope)),
            path,
        }
    };
    limits.iter().map(resolve).collect()
}

fn queue(queue: &spec::limit::Queue, path: KeyPath, scope: &mut Scope<'_>) -> ir::Queue {
    let spec::limit::Queue { length, wait } = queue;
    let length = length.unwrap_or(DEFAULT_LENGTH);
    ir::Queue {
        length: scope.within(length, 1..=100_000, &path.key("length")),
        wait: scope.duration(wait.as_ref(), DEFAULT_WAIT, &path.key("wait")),
        path,
    }
}

//! `[gateway.stream]`

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec};

/// More comments than that would be a load, and help nobody.
const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(1);

pub(super) fn resolve(
    stream: &spec::stream::Stream,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Stream {
    let spec::stream::Stream { keep_alive, usage } = stream;
    if keep_alive.is_none() && usage.is_none() && !scope.lacks(path) {
        let place = Place::Key(path.clone());
        let diagnostic = Diagnostic::new(
            Code::NX0562,
            "`[gateway.stream]` changes nothing",
            place,
            "has no field",
        )
        .help("set `keep_alive` or `usage`, or remove the table");
        scope.report(diagnostic);
    }
    ir::Stream {
        path: path.clone(),
        keep_alive: keep_alive
            .as_ref()
            .map(|text| self::keep_alive(text, &path.key("keep_alive"), scope)),
        usage: usage.unwrap_or(false),
    }
}

fn keep_alive(text: &String, path: &KeyPath, scope: &mut Scope<'_>) -> Duration {
    let every = scope.duration(Some(text), SHORTEST_KEEP_ALIVE, path);
    if every < SHORTEST_KEEP_ALIVE {
        let diagnostic = Diagnostic::new(
            Code::NX0560,
            format!("a comment every {every:?} is more than a silent client needs"),
            Place::Value(path.clone()),
            "shorter than a second",
        )
        .help("proxies and clients give up after a minute or so: `\"15s\"` is usual");
        scope.report(diagnostic);
    }
    every
}

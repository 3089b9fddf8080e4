//! `[store]`

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::WhenAway;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::resolve::{secret, tls};
use crate::source::Place;
use crate::{ir, spec};

const DEFAULT_TIMEOUT: Duration = Duration::from_millis(50);

pub(super) fn resolve(store: &spec::store::Store, scope: &mut Scope<'_>) -> Option<ir::Store> {
    let path = KeyPath::root().key("store").key("redis");
    let spec::store::Redis {
        url,
        when_away,
        timeout,
        tls,
    } = store.redis.as_ref()?;
    Some(ir::Store {
        url: secret::resolve(url, &path.key("url"), scope),
        when_away: self::when_away(when_away, &path.key("when_away"), scope),
        timeout: scope.duration(timeout.as_ref(), DEFAULT_TIMEOUT, &path.key("timeout")),
        tls: tls
            .as_ref()
            .map(|tls| tls::towards_a_server(tls, &path.key("tls"), scope)),
        path,
    })
}

fn when_away(name: &str, path: &KeyPath, scope: &mut Scope<'_>) -> Option<WhenAway> {
    let known = WhenAway::ALL.into_iter().find(|known| known.name() == name);
    if known.is_none() {
        let message = format!("`when_away` cannot be {}", shown(name));
        let names = WhenAway::ALL.map(WhenAway::name);
        let otherwise = || {
            "write `\"admit\"` to go by the counts of each replica, or `\"refuse\"` to answer 503"
                .to_owned()
        };
        let place = Place::Value(path.clone());
        let diagnostic = Diagnostic::new(Code::NX0530, message, place, "");
        scope.report(diagnostic.nearest(name, names.into_iter(), otherwise));
    }
    known
}

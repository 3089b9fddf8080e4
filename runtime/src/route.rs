//! What the tables say about routes, and what a request's headers do. Which upstreams a request tries, in which
//! order, is settled by `decide`.

use decide::Candidate;
use decide::order::{Order, order};

use crate::message::headers::Headers;
use crate::topology::{Hedge, Route, Rule, Topology, Upstream};

/// The header that names a session.
const SESSION_ID: &str = "x-session-id";

impl Candidate for &'static Upstream {
    fn identity(self) -> u64 {
        self.identity
    }
}

/// The id of the session that `headers` name.
pub(crate) fn session(headers: &Headers) -> Option<&[u8]> {
    headers.get(SESSION_ID)
}

/// All upstreams of `rule`, in any order.
pub(crate) fn upstreams(rule: &Rule) -> Order<'static, &'static Upstream> {
    order(rule, 0, |_| 0)
}

/// The routes that hedge, each once.
pub(crate) fn hedged(topology: &Topology) -> Vec<(&'static Route, &'static Hedge)> {
    with(topology, |route| route.hedge.as_ref())
}

/// The routes that have this `part`, each once, with it.
pub(crate) fn with<T>(
    topology: &Topology,
    part: impl Fn(&'static Route) -> Option<&'static T>,
) -> Vec<(&'static Route, &'static T)> {
    let mut found: Vec<(&'static Route, &'static T)> = Vec::new();
    for model in topology.models {
        let route = model.settings.route;
        if let Some(part) = part(route)
            && !found.iter().any(|(known, _)| std::ptr::eq(*known, route))
        {
            found.push((route, part));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_what_its_header_says() {
        assert_eq!(session(&Headers::default()), None);
        let headers = Headers::from_iter([(SESSION_ID, "alice")]);
        assert_eq!(session(&headers), Some(b"alice".as_slice()));
    }
}

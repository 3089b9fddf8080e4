//! The tests of a spec: requests, and what is expected to become of them.

use std::time::Duration;

use crate::ir::table::Id;
use crate::ir::{Key, Limit, Model, Percent, Route, Upstream};
use crate::key_path::KeyPath;

/// A request, and what is expected to become of it.
#[derive(Debug)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// `tests[0]`.
    pub path: KeyPath,
    /// The request.
    pub request: Request,
    /// The draw of every choice that the request does not decide; `None` for any.
    pub draw: Option<Percent>,
    /// How upstreams are meanwhile.
    pub fleet: Fleet,
    /// Requests like it that came before.
    pub after: Option<After>,
    /// What is expected.
    pub expect: Expect,
}

/// A request, as far as anything is decided by it.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// The model that it names.
    pub model: String,
    /// The id of its session.
    pub session: Option<String>,
    /// The beginning of its prompt, as JSON.
    pub prompt: Option<String>,
    /// The length of its prompt in bytes of JSON.
    pub prompt_length: u64,
    /// The most tokens that it asks for.
    pub max_tokens: Option<u64>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody who is known.
    Nobody,
    /// The holder of a key.
    Key(Id<Key>),
    /// The bearer of a token.
    Subject {
        /// Its subject.
        name: String,
        /// The models that it names, if it has that claim.
        claims: Option<Vec<String>>,
    },
}

/// How upstreams are while a request is made. What is not named is well and idle.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// Those that take no connection.
    pub down: Vec<Id<Upstream>>,
    /// Those whose health checks fail.
    pub unhealthy: Vec<Id<Upstream>>,
    /// The statuses that they answer with.
    pub answers: Vec<(Id<Upstream>, u16)>,
    /// The requests that they have in flight.
    pub in_flight: Vec<(Id<Upstream>, u32)>,
}

/// Requests that came before.
#[derive(Clone, Copy, Debug)]
pub struct After {
    /// How many.
    pub requests: u64,
    /// How long before.
    pub ago: Duration,
}

/// What is expected; a field that is not set may be anything.
#[derive(Debug, Default)]
pub struct Expect {
    /// The status.
    pub status: Option<u16>,
    /// The route whose upstream answers.
    pub route: Option<Id<Route>>,
    /// The upstream that answers.
    pub upstream: Option<Id<Upstream>>,
    /// The upstreams that are asked.
    pub order: Option<Vec<Id<Upstream>>>,
    /// The model that stands in.
    pub fallback: Option<Id<Model>>,
    /// The limit that refuses.
    pub limit: Option<Id<Limit>>,
    /// The parts that upstreams answer, sorted by upstream.
    pub shares: Option<Vec<(Id<Upstream>, Percent)>>,
    /// Headers with their values, sorted by name.
    pub headers: Vec<(String, String)>,
}

impl Expect {
    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        let Self {
            status,
            route,
            upstream,
            order,
            fallback,
            limit,
            shares,
            headers,
        } = self;
        status.is_none()
            && route.is_none()
            && upstream.is_none()
            && order.is_none()
            && fallback.is_none()
            && limit.is_none()
            && shares.is_none()
            && headers.is_empty()
    }
}

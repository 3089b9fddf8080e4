//! The values of labels that come from closed sets.

use hyper::{Method, StatusCode};

use crate::endpoint::Endpoint;
use crate::observe::outcome::Outcome;

/// The methods that have a label of their own.
pub(super) const METHODS: [Method; 7] = [
    Method::GET,
    Method::POST,
    Method::HEAD,
    Method::PUT,
    Method::DELETE,
    Method::PATCH,
    Method::OPTIONS,
];

/// The statuses whose series have a place; any other is looked up.
pub(super) const STATUSES: [u16; 23] = [
    200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 499, 500, 501, 502,
    503, 504, 301, 307,
];

pub(super) const ENDPOINTS: usize = Endpoint::ALL.len();
pub(super) const METHOD_LABELS: usize = METHODS.len() + 1;
pub(super) const OUTCOMES: usize = STATUSES.len() + Outcome::WORDS.len();

/// What a request is refused for holding.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RefusedInput {
    /// Too many messages.
    Messages,
    /// A forbidden word.
    ForbiddenWord,
}

/// The labels of [`RefusedInput`], in its order.
pub(super) const REFUSED_INPUT: [&str; 2] = ["messages", "forbidden_word"];

/// What comes of a request whose `Idempotency-Key` is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repeated {
    /// It got the answer of the first.
    Replayed,
    /// The first was being answered.
    Running,
    /// The first had asked something else.
    Reused,
}

/// The labels of [`Repeated`], in its order.
pub(super) const REPEATED: [&str; 3] = ["replayed", "running", "reused"];

/// What can come of a hedge.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hedged {
    /// A second attempt was made.
    Sent,
    /// It answered first.
    Won,
    /// There was none, as the budget was used up.
    OverBudget,
}

impl Hedged {
    pub(super) const ALL: [Self; 3] = [Self::Sent, Self::Won, Self::OverBudget];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Won => "won",
            Self::OverBudget => "over_budget",
        }
    }
}

/// The place of a status among [`STATUSES`].
pub(super) fn place_of(status: StatusCode) -> Option<usize> {
    STATUSES.iter().position(|known| *known == status.as_u16())
}

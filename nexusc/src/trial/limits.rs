//! What callers and models have taken of their limits, in the windows that gateways count by.

use std::collections::BTreeMap;
use std::time::Duration;

use decide::limit::Rate;
use decide::limit::demand::{ASSUMED_OUTPUT, prompt};
use decide::limit::window::{Tick, Window};

use crate::ir;
use crate::ir::table::Id;
use crate::ir::test::Request;
use crate::ir::{Key, Limit, Model, Topology};

/// Whose count it is: whoever names a limit has one of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Key(Id<Key>),
    Subject(String),
    Model(Id<Model>),
}

/// The counts of all owners that have asked.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<Owner, Count>);

struct Count {
    limit: Id<Limit>,
    requests: Option<Window>,
    tokens: Option<Window>,
}

/// A request that a limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The limit.
    pub limit: Id<Limit>,
    /// What of it is used up.
    pub kind: Kind,
    /// After which time there is room; `None` for never.
    pub wait: Option<Duration>,
}

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Requests in a window of time.
    Requests,
    /// Tokens in a window of time.
    Tokens,
}

impl Kind {
    /// As it is printed, and as the gateway's metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }
}

impl Refused {
    /// The seconds after which to come again, as `retry-after` says them.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let seconds = |wait: Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.wait.map(|wait| seconds(wait).max(1))
    }
}

/// What a request was granted, to be settled once it is known what it used.
#[derive(Default)]
pub(super) struct Granted(Vec<(Owner, Option<Tick>, Option<Tick>)>);

/// What is left of the limits that apply to a request: of each kind the limit of which least is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// The limit on requests, and what is left of it.
    pub(super) requests: Option<(u64, u64)>,
    /// The same of tokens.
    pub(super) tokens: Option<(u64, u64)>,
}

/// The most tokens that `request` to `model` may take: read and written.
pub(super) fn demand(request: &Request, model: &Model) -> u64 {
    let mut defaults = model.defaults.iter();
    let default = defaults.find(|parameter| parameter.field == "max_tokens");
    let assumed = default.and_then(|parameter| parameter.json.parse().ok());
    let output = request.max_tokens.or(assumed).unwrap_or(ASSUMED_OUTPUT);
    prompt(request.prompt_length, 0).saturating_add(output)
}

impl Counts {
    /// Takes a request of so many `tokens` out of the counts of all its `owners`, or nothing of any. Time is what
    /// has passed since the counts began.
    pub(super) fn take(
        &mut self,
        owners: &[(Owner, Id<Limit>)],
        tokens: u64,
        now: Duration,
        topology: &Topology,
    ) -> Result<Granted, Refused> {
        let mut granted = Granted::default();
        for (owner, limit) in owners {
            let count = self
                .0
                .entry(owner.clone())
                .or_insert_with(|| Count::new(*limit, topology));
            match count.take(tokens, now) {
                Ok((requests, of_tokens)) => {
                    granted.0.push((owner.clone(), requests, of_tokens));
                }
                Err(refused) => {
                    self.settle(&granted, tokens, 0, now);
                    self.give_back_requests(&granted);
                    return Err(self.longest(refused, owners, tokens, now));
                }
            }
        }
        Ok(granted)
    }

    /// Who waits as long as it is told shall not be refused again: of all that stands in the way, what stands
    /// longest.
    fn longest(
        &self,
        refused: Refused,
        owners: &[(Owner, Id<Limit>)],
        tokens: u64,
        now: Duration,
    ) -> Refused {
        let counts = owners.iter().filter_map(|(owner, _)| self.0.get(owner));
        let obstacles = counts.filter_map(|count| count.obstacle(tokens, now));
        let length = |refused: &Refused| refused.wait.unwrap_or(Duration::MAX);
        let all = obstacles.chain([refused]);
        all.max_by_key(length).unwrap_or(refused)
    }

    /// Puts the tokens that were `used` in place of those that were `taken`.
    pub(super) fn settle(&self, granted: &Granted, taken: u64, used: u64, now: Duration) {
        for (owner, _, tick) in &granted.0 {
            let window = self.0.get(owner).and_then(|count| count.tokens.as_ref());
            if let (Some(window), Some(tick)) = (window, tick) {
                if used < taken {
                    window.give_back(*tick, taken - used);
                } else {
                    window.charge(used - taken, now);
                }
            }
        }
    }

    fn give_back_requests(&self, granted: &Granted) {
        for (owner, tick, _) in &granted.0 {
            let window = self.0.get(owner).and_then(|count| count.requests.as_ref());
            if let (Some(window), Some(tick)) = (window, tick) {
                window.give_back(*tick, 1);
            }
        }
    }

    /// What is left for who asks as one of these `owners`.
    pub(super) fn left(&self, owners: &[(Owner, Id<Limit>)], now: Duration) -> Left {
        let counts = || owners.iter().filter_map(|(owner, _)| self.0.get(owner));
        let least = |windows: &mut dyn Iterator<Item = &Window>| {
            let left = windows.map(|window| (window.limit(), window.remaining(now)));
            left.min_by_key(|(_, remaining)| *remaining)
        };
        Left {
            requests: least(&mut counts().filter_map(|count| count.requests.as_ref())),
            tokens: least(&mut counts().filter_map(|count| count.tokens.as_ref())),
        }
    }
}

impl Count {
    fn new(id: Id<Limit>, topology: &Topology) -> Self {
        let window = |rate: ir::Rate| {
            Window::new(&Rate {
                amount: rate.amount,
                per: rate.per,
            })
        };
        let limit = topology.limits.get(id);
        Self {
            limit: id,
            requests: limit.requests.map(window),
            tokens: limit.tokens.map(window),
        }
    }

    fn take(&self, tokens: u64, now: Duration) -> Result<(Option<Tick>, Option<Tick>), Refused> {
        let requests = self.requests.as_ref().map(|window| window.take(1, now));
        let requests = requests
            .transpose()
            .map_err(|full| self.refused(Kind::Requests, full.wait()))?;
        let of_tokens = self.tokens.as_ref().map(|window| window.take(tokens, now));
        match of_tokens.transpose() {
            Ok(of_tokens) => Ok((requests, of_tokens)),
            Err(full) => {
                if let (Some(window), Some(tick)) = (&self.requests, requests) {
                    window.give_back(tick, 1);
                }
                Err(self.refused(Kind::Tokens, full.wait()))
            }
        }
    }

    fn obstacle(&self, tokens: u64, now: Duration) -> Option<Refused> {
        let full = |window: &Option<Window>, kind, amount| {
            let full = window.as_ref()?.room_for(amount, now).err()?;
            Some(self.refused(kind, full.wait()))
        };
        let requests = full(&self.requests, Kind::Requests, 1);
        let tokens = full(&self.tokens, Kind::Tokens, tokens);
        let length = |refused: &Refused| refused.wait.unwrap_or(Duration::MAX);
        requests.into_iter().chain(tokens).max_by_key(length)
    }

    fn refused(&self, kind: Kind, wait: Option<Duration>) -> Refused {
        Refused {
            limit: self.limit,
            kind,
            wait,
        }
    }
}

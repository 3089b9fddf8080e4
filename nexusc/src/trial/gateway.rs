//! What a gateway makes of a request: the decisions of [`decide`], over a topology and upstreams that are as a test
//! says. Nobody is asked anything.

use std::cell::Cell;
use std::collections::BTreeMap;

use decide::admit::{Denied, admit};
use decide::draw::Sequence;
use decide::outcome::{self, Cause, is_relayed, may_pass};
use decide::rule::Rule;
use decide::walk::{Sight, Turn, Walk};

use crate::ir::table::Id;
use crate::ir::test::{Caller, Fleet, Request};
use crate::ir::{Access, Endpoint, Limit, Model, Topology, Upstream};
use crate::lower::{self, Choice, Rules};
use crate::trial::limits::Owner;
use crate::trial::story::{Event, Said};

/// In a token's claim: every model.
const ALL: &str = "*";

/// The status of an upstream that answers as it should.
const OK: u16 = 200;

/// A gateway that decides.
pub(super) struct Gateway<'t> {
    pub(super) topology: &'t Topology,
    rules: &'t Rules<'t>,
    /// Models by name and alias.
    names: BTreeMap<&'t str, Id<Model>>,
}

/// Why a request is not for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdmitted {
    /// Nobody knows who asks.
    UnknownCaller,
    /// There is no such model.
    UnknownModel,
    /// The caller may not ask for it.
    NotAllowed(Id<Model>),
}

impl NotAdmitted {
    /// The status of the request.
    pub(super) fn status(self) -> u16 {
        match self {
            Self::UnknownCaller => 401,
            Self::UnknownModel => 404,
            Self::NotAllowed(_) => 403,
        }
    }
}

/// What became of a request that was admitted.
#[derive(Debug)]
pub(super) struct Forwarded {
    /// Who answers, or why nobody does.
    pub(super) end: Result<Answering, Cause>,
    /// Whom it asked, in this order, each once.
    pub(super) asked: Vec<Id<Upstream>>,
    /// How it went.
    pub(super) events: Vec<Event>,
}

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answering {
    pub(super) model: Id<Model>,
    pub(super) upstream: Id<Upstream>,
    pub(super) status: u16,
}

impl<'t> Gateway<'t> {
    pub(super) fn new(topology: &'t Topology, rules: &'t Rules<'t>) -> Self {
        let ids = || topology.models.ids();
        let aliases = ids()
            .flat_map(|(id, model)| model.aliases.iter().map(move |alias| (alias.as_str(), id)));
        let names = ids().map(|(id, model)| (model.name.as_str(), id));
        Self {
            topology,
            rules,
            names: aliases.chain(names).collect(),
        }
    }

    /// The model that `request` is for.
    pub(super) fn admit(&self, request: &Request) -> Result<Id<Model>, NotAdmitted> {
        if request.caller == Caller::Nobody && !self.topology.gateway.development {
            return Err(NotAdmitted::UnknownCaller);
        }
        let named = self.names.get(request.model.as_str()).copied();
        let default = self.topology.gateway.default_model;
        let may_use = |model| self.may_use(&request.caller, model);
        admit(named, default, may_use).map_err(|denied| match denied {
            Denied::Unknown => NotAdmitted::UnknownModel,
            Denied::NotAllowed(model) => NotAdmitted::NotAllowed(model),
        })
    }

    fn may_use(&self, caller: &Caller, model: Id<Model>) -> bool {
        let allows = |access: &Access| match access {
            Access::All => true,
            Access::Only(models) => models.contains(&model),
        };
        match caller {
            Caller::Nobody => self.topology.gateway.development,
            Caller::Key(key) => allows(&self.topology.keys.get(*key).models),
            Caller::Subject { claims: None, .. } => {
                let jwt = self.topology.jwt.as_ref();
                jwt.is_some_and(|jwt| allows(&jwt.models))
            }
            Caller::Subject {
                claims: Some(names),
                ..
            } => names.iter().any(|name| {
                name == ALL || self.names.get(name.as_str()).is_some_and(|id| *id == model)
            }),
        }
    }

    /// Whose counts a request for `model` is taken from, and by which limit: the caller's before the model's.
    pub(super) fn limits(&self, caller: &Caller, model: Id<Model>) -> Vec<(Owner, Id<Limit>)> {
        let topology = self.topology;
        let of_caller = match caller {
            Caller::Nobody => None,
            Caller::Key(key) => {
                let limit = topology.keys.get(*key).limit;
                limit.map(|limit| (Owner::Key(*key), limit))
            }
            Caller::Subject { name, .. } => {
                let limit = topology.jwt.as_ref().and_then(|jwt| jwt.limit);
                limit.map(|limit| (Owner::Subject(name.clone()), limit))
            }
        };
        let of_model = topology.models.get(model).limit;
        let of_model = of_model.map(|limit| (Owner::Model(model), limit));
        of_caller.into_iter().chain(of_model).collect()
    }

    /// The models that may answer for `model`, itself first.
    pub(super) fn chain(&self, model: Id<Model>) -> impl Iterator<Item = Id<Model>> {
        let fallback = self.topology.models.get(model).fallback.iter().copied();
        std::iter::once(model).chain(fallback)
    }

    /// What the choice among the upstreams of `model` goes by, where `request` decides that.
    fn decided(&self, request: &Request, model: Id<Model>) -> Option<u64> {
        let route = self.topology.models.get(model).route?;
        let draw = lower::draw(self.topology.routes.get(route).draw);
        let identity = |name: &str| decide::hash::stable(name.as_bytes());
        let caller = match &request.caller {
            Caller::Nobody => None,
            Caller::Key(key) => Some(identity(&self.topology.keys.get(*key).name)),
            Caller::Subject { name, .. } => Some(identity(name)),
        };
        let session = || request.session.as_deref().map(str::as_bytes);
        draw.of(
            caller,
            session,
            request.prompt.as_deref().map(str::as_bytes),
        )
    }

    /// The rule of the route of `model`.
    fn rule(&self, model: Id<Model>) -> Rule<'t, Choice> {
        let route = self.topology.models.get(model).route;
        self.rules
            .of(route.expect("checked: a model without a route is reported"))
    }

    /// Draws that show everything that may become of a request for `model`: one where the request decides all
    /// choices, else some that lie evenly, and where each share begins.
    pub(super) fn draws(&self, request: &Request, model: Id<Model>) -> Vec<u64> {
        const EVENLY: usize = 256;
        let mut beginnings = Vec::new();
        let mut is_open = false;
        for model in self.chain(model) {
            let rule = self.rule(model);
            if matches!(rule, Rule::Direct(_)) || self.decided(request, model).is_some() {
                continue;
            }
            is_open = true;
            match rule {
                Rule::Canary { share, .. } => {
                    beginnings.push(beginning(share.basis_points(), decide::share::Share::WHOLE));
                }
                Rule::Weighted(weighted) => {
                    let mut sum = 0;
                    for target in weighted.targets() {
                        beginnings.push(beginning(sum, weighted.total()));
                        sum += target.weight;
                    }
                }
                Rule::Direct(_)
                | Rule::Priority(_)
                | Rule::LeastInFlight(_)
                | Rule::Prefix { .. } => {}
            }
        }
        if !is_open {
            return vec![0];
        }
        let sequence = Sequence::starting_at(0);
        let evenly = std::iter::repeat_with(|| sequence.draw()).take(EVENLY);
        beginnings.into_iter().chain(evenly).collect()
    }

    /// Whom an admitted request for `model` asks, until somebody answers; `draw` is that of each choice which the
    /// request leaves open.
    pub(super) fn forward(
        &self,
        request: &Request,
        model: Id<Model>,
        fleet: &Fleet,
        draw: impl Fn(Id<Model>) -> u64,
    ) -> Forwarded {
        let seen = Seen {
            gateway: self,
            request,
            fleet,
            draw: &draw,
            drawn: Cell::new(0),
        };
        let mut attempts = Attempts {
            left: self.topology.gateway.max_attempts,
            misses: Vec::new(),
            asked: Vec::new(),
            events: Vec::new(),
        };
        let mut first = 0;
        for turn in Walk::new(&seen, model, &self.topology.models.get(model).fallback) {
            let (model, choice) = match turn {
                Turn::Begin(model) => {
                    first = attempts.misses.len();
                    attempts.events.push(Event::Route {
                        model,
                        draw: seen.drawn.get(),
                        is_decided: self.decided(request, model).is_some(),
                    });
                    continue;
                }
                Turn::End(model) => {
                    self.repeat(model, first, &mut attempts);
                    continue;
                }
                Turn::Ask(model, choice) => (model, choice),
                Turn::Last(model, choice) => {
                    attempts.events.push(Event::Last(choice.id));
                    (model, choice)
                }
            };
            let upstream = self.topology.upstreams.get(choice.id);
            let is_asked = |missed: &Missed| missed.upstream == choice.id;
            if upstream.served_model.is_some() && attempts.misses.iter().any(is_asked) {
                continue;
            }
            if attempts.left == 0 {
                attempts.events.push(Event::NoAttemptLeft);
                break;
            }
            let said = said(choice.id, upstream, fleet);
            attempts.note(choice.id, said);
            if let Said::Status(status) = said
                && is_relayed(status)
            {
                let answering = Answering {
                    model,
                    upstream: choice.id,
                    status,
                };
                return attempts.end(Ok(answering));
            }
        }
        let cause = Cause::of(attempts.misses.iter().map(|missed| missed.miss));
        attempts.end(Err(cause))
    }

    /// The rounds of retries after the misses from `first` on: they fail as before, and use up attempts.
    fn repeat(&self, model: Id<Model>, first: usize, attempts: &mut Attempts) {
        let route = self.topology.models.get(model).route;
        let retry = route.and_then(|route| self.topology.routes.get(route).retry.as_ref());
        let missed = attempts.misses.get(first..).unwrap_or_default();
        let passing = missed.iter().filter(|missed| missed.may_pass).count() as u64;
        if let Some(retry) = retry
            && passing > 0
        {
            let most = passing.saturating_mul(retry.attempts.saturating_sub(1));
            let repeated = most.min(attempts.left);
            attempts.left -= repeated;
            attempts.events.push(Event::Retried(repeated));
        }
    }
}

/// The lowest draw of the part that begins at `point` of `whole`.
fn beginning(point: u32, whole: u32) -> u64 {
    let draw = (u128::from(point) << 64).div_ceil(u128::from(whole).max(1));
    u64::try_from(draw).unwrap_or(u64::MAX)
}

/// The draw at so many hundredths of a percent.
pub(super) fn draw_at(basis_points: u32) -> u64 {
    beginning(basis_points, decide::share::Share::WHOLE)
}

/// The attempts of one request.
struct Attempts {
    left: u64,
    misses: Vec<Missed>,
    asked: Vec<Id<Upstream>>,
    events: Vec<Event>,
}

struct Missed {
    upstream: Id<Upstream>,
    miss: outcome::Miss,
    may_pass: bool,
}

impl Attempts {
    fn note(&mut self, upstream: Id<Upstream>, said: Said) {
        self.left -= 1;
        self.asked.push(upstream);
        self.events.push(Event::Asked(upstream, said));
        let (miss, may_pass) = match said {
            Said::NoConnection => (outcome::Miss::Broken, true),
            Said::Status(status) if is_relayed(status) => return,
            Said::Status(status) => (outcome::Miss::of_status(status), may_pass(status)),
        };
        self.misses.push(Missed {
            upstream,
            miss,
            may_pass,
        });
    }

    fn end(self, end: Result<Answering, Cause>) -> Forwarded {
        Forwarded {
            end,
            asked: self.asked,
            events: self.events,
        }
    }
}

/// What an upstream says to a request.
fn said(id: Id<Upstream>, upstream: &Upstream, fleet: &Fleet) -> Said {
    if fleet.down.contains(&id) {
        return Said::NoConnection;
    }
    let answer = fleet.answers.iter().find(|(other, _)| *other == id);
    match (answer, &upstream.endpoint) {
        (Some((_, status)), _) => Said::Status(*status),
        (None, Endpoint::MockFail) => Said::Status(500),
        (None, Endpoint::MockLocal | Endpoint::Http(_) | Endpoint::Https(_)) => Said::Status(OK),
    }
}

/// What the turns of a request go by.
struct Seen<'s, 't, D> {
    gateway: &'s Gateway<'t>,
    request: &'s Request,
    fleet: &'s Fleet,
    draw: &'s D,
    /// The last draw.
    drawn: Cell<u64>,
}

impl<'t, D: Fn(Id<Model>) -> u64> Sight<'t> for &Seen<'_, 't, D> {
    type Model = Id<Model>;
    type Upstream = Choice;

    fn rule(&self, model: Id<Model>) -> Rule<'t, Choice> {
        self.gateway.rule(model)
    }

    fn draw(&self, model: Id<Model>) -> u64 {
        let decided = self.gateway.decided(self.request, model);
        let draw = decided.unwrap_or_else(|| (self.draw)(model));
        self.drawn.set(draw);
        draw
    }

    fn in_flight(&self, upstream: Choice) -> u32 {
        let mut counts = self.fleet.in_flight.iter();
        let count = counts.find(|(other, _)| *other == upstream.id);
        count.map_or(0, |(_, count)| *count)
    }

    fn comes_last(&self, upstream: Choice) -> bool {
        let is_checked = || {
            let upstream = self.gateway.topology.upstreams.get(upstream.id);
            upstream.health.is_some()
        };
        self.fleet.unhealthy.contains(&upstream.id) && is_checked()
    }
}

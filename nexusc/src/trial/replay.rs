//! Recorded requests, decided again by a topology.
//!
//! Time is that of the recording: windows of limits and requests in flight are as they were then. What a log does not
//! say is taken as follows: a request without a session is drawn for; a token names the model that it was for;
//! upstreams answer 200, unless they are named as down.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use decide::draw::Sequence;
use decide::hash;

use crate::ir::table::Id;
use crate::ir::test::{Caller, Fleet, Request};
use crate::ir::{Model, Topology, Upstream};
use crate::lower::with_rules;
use crate::redact::shown;
use crate::trial::gateway::{Gateway, NotAdmitted};
use crate::trial::limits::{Counts, demand};
use crate::trial::recording::Recorded;

/// What became of recorded requests, by name and number.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// The requests that each upstream answers.
    pub upstreams: BTreeMap<String, u64>,
    /// The requests that a fallback model answers: "`chat` -> `small`".
    pub fallbacks: BTreeMap<String, u64>,
    /// The requests that are refused, by reason: "limit `batch`, tokens".
    pub refused: BTreeMap<String, u64>,
    /// The requests that no upstream answers, by status.
    pub unanswered: BTreeMap<String, u64>,
}

/// A part of what became of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Those that an upstream answers.
    Upstreams,
    /// Those that a fallback model answers.
    Fallbacks,
    /// Those that are refused.
    Refused,
    /// Those that no upstream answers.
    Unanswered,
}

impl Part {
    /// Every part, in the order of printing.
    pub const ALL: [Self; 4] = [
        Self::Upstreams,
        Self::Fallbacks,
        Self::Refused,
        Self::Unanswered,
    ];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstreams => "upstreams",
            Self::Fallbacks => "fallbacks",
            Self::Refused => "refused",
            Self::Unanswered => "unanswered",
        }
    }
}

impl Replayed {
    /// The numbers of a part.
    pub fn part(&self, part: Part) -> &BTreeMap<String, u64> {
        match part {
            Part::Upstreams => &self.upstreams,
            Part::Fallbacks => &self.fallbacks,
            Part::Refused => &self.refused,
            Part::Unanswered => &self.unanswered,
        }
    }
}

/// Decides about `requests`, which are in the order of their beginnings, while the upstreams that are `down` take no
/// connection.
pub fn replay(topology: &Topology, requests: &[Recorded], down: &[Id<Upstream>]) -> Replayed {
    with_rules(topology, |rules| {
        let gateway = Gateway::new(topology, rules);
        let sequence = |model: &Model| Sequence::starting_at(hash::stable(model.name.as_bytes()));
        let mut player = Player {
            sequences: topology.models.iter().map(sequence).collect(),
            gateway,
            counts: Counts::default(),
            fleet: Fleet {
                down: down.to_vec(),
                ..Fleet::default()
            },
            running: BinaryHeap::new(),
            replayed: Replayed::default(),
        };
        for recorded in requests {
            player.play(recorded);
        }
        player.replayed
    })
}

struct Player<'t> {
    gateway: Gateway<'t>,
    sequences: Vec<Sequence>,
    counts: Counts,
    fleet: Fleet,
    /// When requests end, and at which upstream.
    running: BinaryHeap<Reverse<(Duration, Id<Upstream>)>>,
    replayed: Replayed,
}

impl Player<'_> {
    fn play(&mut self, recorded: &Recorded) {
        self.end_until(recorded.began);
        let topology = self.gateway.topology;
        let request = self.request(recorded);
        let model = match self.gateway.admit(&request) {
            Ok(model) => model,
            Err(reason) => {
                let reason = refusal(reason, recorded, topology);
                return count(&mut self.replayed.refused, reason);
            }
        };
        let owners = self.gateway.limits(&request.caller, model);
        let tokens = demand(&request, topology.models.get(model));
        let taken = self.counts.take(&owners, tokens, recorded.began, topology);
        let granted = match taken {
            Ok(granted) => granted,
            Err(refused) => {
                let limit = &topology.limits.get(refused.limit).name;
                let reason = format!("limit `{limit}`, {}", refused.kind.name());
                return count(&mut self.replayed.refused, reason);
            }
        };
        let draw = |model: Id<Model>| {
            let sequence = self.sequences.get(model.index());
            sequence.map_or(0, Sequence::draw)
        };
        let forwarded = self.gateway.forward(&request, model, &self.fleet, draw);
        let answering = match forwarded.end {
            Ok(answering) => answering,
            Err(cause) => {
                self.counts.settle(&granted, tokens, 0, recorded.began);
                return count(&mut self.replayed.unanswered, cause.status().to_string());
            }
        };
        if let Some(used) = recorded.used {
            // As if it had ended at once: what it has used is known now.
            self.counts.settle(&granted, tokens, used, recorded.began);
        }
        let upstream = &topology.upstreams.get(answering.upstream).name;
        count(&mut self.replayed.upstreams, upstream.clone());
        if answering.model != model {
            let name = |id| &topology.models.get(id).name;
            let pair = format!("`{}` -> `{}`", name(model), name(answering.model));
            count(&mut self.replayed.fallbacks, pair);
        }
        self.begin(answering.upstream, recorded);
    }

    fn request(&self, recorded: &Recorded) -> Request {
        let topology = self.gateway.topology;
        let caller = match &recorded.user {
            None => Caller::Nobody,
            Some(_) if topology.gateway.development => Caller::Nobody,
            Some(user) => match topology.keys.find(user) {
                Some(key) => Caller::Key(key),
                None if topology.jwt.is_some() => Caller::Subject {
                    name: user.clone(),
                    claims: Some(vec![recorded.model.clone()]),
                },
                None => Caller::Nobody,
            },
        };
        Request {
            caller,
            model: recorded.model.clone(),
            session: recorded.session.clone(),
            prompt: recorded.prompt.clone(),
            prompt_length: recorded.prompt_length,
            max_tokens: recorded.max_tokens,
        }
    }

    /// Counts a request in flight until its end.
    fn begin(&mut self, upstream: Id<Upstream>, recorded: &Recorded) {
        if recorded.ended <= recorded.began {
            return;
        }
        let counts = &mut self.fleet.in_flight;
        match counts.iter_mut().find(|(other, _)| *other == upstream) {
            Some((_, number)) => *number += 1,
            None => counts.push((upstream, 1)),
        }
        self.running.push(Reverse((recorded.ended, upstream)));
    }

    /// Takes out of the counts what has ended by `now`.
    fn end_until(&mut self, now: Duration) {
        while let Some(Reverse((end, upstream))) = self.running.peek().copied()
            && end <= now
        {
            self.running.pop();
            let counts = &mut self.fleet.in_flight;
            if let Some((_, number)) = counts.iter_mut().find(|(other, _)| *other == upstream) {
                *number -= 1;
            }
            counts.retain(|(_, number)| *number > 0);
        }
    }
}

/// Why a request is not for a model, by name. What a client wrote is shown as it can be printed.
fn refusal(reason: NotAdmitted, recorded: &Recorded, topology: &Topology) -> String {
    let who = recorded.user.as_deref().map_or("nobody".to_owned(), shown);
    match reason {
        NotAdmitted::UnknownCaller => format!("unknown caller {who}"),
        NotAdmitted::UnknownModel => format!("unknown model {}", shown(&recorded.model)),
        NotAdmitted::NotAllowed(model) => {
            format!("{who} may not use `{}`", topology.models.get(model).name)
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, what: String) {
    *counts.entry(what).or_default() += 1;
}

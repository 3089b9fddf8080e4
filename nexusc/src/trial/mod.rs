//! Topology -> what becomes of requests: the tests of a spec, and recorded requests.
//!
//! Everything is decided by the crate `decide`, which gateways run too, over the rules that are emitted
//! ([`crate::lower`]); in place of upstreams stands what a test says of them. Never here: a rule of routing, IO,
//! a clock.
//!
//! What takes time is not tried: hedges, deadlines, queues, requests at once, circuits that open.

mod answer;
pub mod coverage;
mod expectation;
mod gateway;
mod limits;
pub mod recording;
pub mod replay;
mod story;

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Topology;
use crate::ir::table::Id;
use crate::ir::test::{Caller, Test};
use crate::key_path::KeyPath;
use crate::lower::with_rules;
use crate::redact::scrubbed;
use crate::source::Place;
use crate::trial::answer::{Answer, End};
use crate::trial::coverage::Coverage;
use crate::trial::gateway::{Gateway, draw_at};
use crate::trial::limits::{Counts, Left, demand};

pub use limits::{Kind, Refused};

/// What became of the tests of a spec.
#[derive(Clone, Debug)]
pub struct Report {
    /// Each test, in the order of the spec.
    pub tests: Vec<Tried>,
    /// What they have shown anything about.
    pub coverage: Coverage,
}

/// What became of a test.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What it shows.
    pub name: String,
    /// `tests[0]`.
    pub path: KeyPath,
    /// The expectations that were not met; none where it passed.
    pub unmet: Vec<Unmet>,
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// `tests[0].expect.upstream`.
    pub path: KeyPath,
    /// What was expected: "`chat-a` answers".
    pub expected: String,
    /// What became of it: "`chat-b` answers".
    pub instead: String,
    /// How it came to that.
    pub because: String,
}

/// Tries every test of a topology without errors.
pub fn run(topology: &Topology) -> Report {
    with_rules(topology, |rules| {
        let gateway = Gateway::new(topology, rules);
        let mut coverage = Coverage::of(topology);
        let tests = topology.tests.iter().map(|test| {
            let trial = Trial::of(&gateway, test);
            coverage.note(test, &trial.answers, topology);
            Tried {
                name: scrubbed(&test.name).into_owned(),
                path: test.path.clone(),
                unmet: expectation::unmet(&gateway, test, &trial),
            }
        });
        let tests = tests.collect();
        Report { tests, coverage }
    })
}

impl Report {
    /// Whether every test has passed.
    pub fn passed(&self) -> bool {
        self.tests.iter().all(|test| test.unmet.is_empty())
    }

    /// A finding for each expectation that was not met.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let findings = self.tests.iter().flat_map(|test| {
            test.unmet.iter().map(|unmet| {
                let message = format!("test `{}` fails: {}", test.name, unmet.instead);
                let place = Place::Value(unmet.path.clone());
                let label = format!("expected: {}", unmet.expected);
                let help = format!("it went: {}", unmet.because);
                Diagnostic::new(Code::NX0910, message, place, label).help(help)
            })
        });
        findings.collect()
    }
}

/// A test that was tried, with every draw that it leaves open.
struct Trial {
    /// What became of it, one for each draw.
    answers: Vec<Answer>,
}

impl Trial {
    fn of(gateway: &Gateway<'_>, test: &Test) -> Self {
        let request = &test.request;
        let not_admitted = |reason| Answer {
            end: End::NotAdmitted(reason),
            left: Left::default(),
        };
        let model = match gateway.admit(request) {
            Ok(model) => model,
            Err(reason) => {
                return Self {
                    answers: vec![not_admitted(reason)],
                };
            }
        };
        let topology = gateway.topology;
        let owners = gateway.limits(&request.caller, model);
        let tokens = demand(request, topology.models.get(model));
        let mut counts = Counts::default();
        let mut now = Duration::ZERO;
        if let Some(after) = test.after
            && !owners.is_empty()
        {
            for _ in 0..after.requests {
                // Some of them may be refused themselves.
                let _ = counts.take(&owners, tokens, now, topology);
            }
            now = after.ago;
        }
        let taken = counts.take(&owners, tokens, now, topology);
        let left = counts.left(&owners, now);
        if let Err(refused) = taken {
            let end = End::Limited(refused);
            return Self {
                answers: vec![Answer { end, left }],
            };
        }
        let draws = match test.draw {
            Some(draw) => vec![draw_at(draw.0)],
            None => gateway.draws(request, model),
        };
        let answer = |draw| {
            let forwarded = gateway.forward(request, model, &test.fleet, |_| draw);
            Answer {
                end: End::Forwarded(model, forwarded),
                left,
            }
        };
        Self {
            answers: draws.into_iter().map(answer).collect(),
        }
    }
}

/// The key that asks, if one does.
fn key_of(caller: &Caller) -> Option<Id<crate::ir::Key>> {
    match caller {
        Caller::Key(key) => Some(*key),
        Caller::Nobody | Caller::Subject { .. } => None,
    }
}

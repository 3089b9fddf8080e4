//! Of which routes and keys the tests of a spec have shown anything.

use crate::ir::table::{Named, Table};
use crate::ir::test::Test;
use crate::ir::{Percent, Topology};
use crate::trial::answer::{Answer, End};
use crate::trial::key_of;
use crate::trial::story::Event;

/// Of which routes and keys the tests have shown anything.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Routes by which a test has chosen.
    pub routes: Covered,
    /// Keys that have asked in a test.
    pub keys: Covered,
}

/// The entries of one table.
#[derive(Clone, Debug)]
pub struct Covered(Vec<(String, bool)>);

impl Coverage {
    pub(super) fn of(topology: &Topology) -> Self {
        Self {
            routes: Covered::none_of(&topology.routes),
            keys: Covered::none_of(&topology.keys),
        }
    }

    /// Notes what a test with these `answers` has shown.
    pub(super) fn note(&mut self, test: &Test, answers: &[Answer], topology: &Topology) {
        if let Some(key) = key_of(&test.request.caller) {
            self.keys.note(key.index());
        }
        for answer in answers {
            let End::Forwarded(_, forwarded) = &answer.end else {
                continue;
            };
            for event in &forwarded.events {
                if let Event::Route { model, .. } = event
                    && let Some(route) = topology.models.get(*model).route
                {
                    self.routes.note(route.index());
                }
            }
        }
    }

    /// The smaller part of the two that is covered.
    pub fn least(&self) -> Percent {
        let (routes, keys) = (self.routes.part(), self.keys.part());
        if routes.0 < keys.0 { routes } else { keys }
    }
}

impl Covered {
    fn none_of<T: Named>(table: &Table<T>) -> Self {
        let names = table.iter().map(|entry| (entry.name().to_owned(), false));
        Self(names.collect())
    }

    fn note(&mut self, index: usize) {
        if let Some((_, is_covered)) = self.0.get_mut(index) {
            *is_covered = true;
        }
    }

    /// How many are covered.
    pub fn count(&self) -> usize {
        self.0.iter().filter(|(_, is_covered)| *is_covered).count()
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.0.len()
    }

    /// The names of those that are not covered, in order.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let missing = self.0.iter().filter(|(_, is_covered)| !is_covered);
        missing.map(|(name, _)| name.as_str())
    }

    /// The part that is covered, rounded down; all where there is nothing to cover.
    pub fn part(&self) -> Percent {
        let part = (self.count() * 10_000).checked_div(self.all());
        Percent(
            part.and_then(|part| u32::try_from(part).ok())
                .unwrap_or(10_000),
        )
    }
}

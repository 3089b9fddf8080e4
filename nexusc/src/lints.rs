//! `[lints]` applied: which findings a spec allows, and which it makes errors.
//!
//! Every phase has reported all that it found; here, last, the author's own levels come over it. What is allowed
//! is not lost: it is handed on with its reason, for reports that list it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::ir::{Level, Lint};
use crate::source::Place;

/// A finding that the spec allows.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// The finding.
    pub diagnostic: Diagnostic,
    /// Why the author allows it.
    pub reason: String,
}

/// The findings that are left, and those that are allowed.
pub(crate) fn apply(
    lints: &BTreeMap<Code, Lint>,
    found: Vec<Diagnostic>,
) -> (Vec<Diagnostic>, Vec<Allowed>) {
    let mut left = Vec::new();
    let mut allowed = Vec::new();
    let mut settle = |found: Vec<Diagnostic>, left: &mut Vec<Diagnostic>| {
        for diagnostic in found {
            match lints.get(&diagnostic.code) {
                None => left.push(diagnostic),
                Some(lint) => match lint.level {
                    Level::Allow => allowed.push(Allowed {
                        diagnostic,
                        reason: lint.reason.clone(),
                    }),
                    Level::Deny => {
                        let place = Place::Key(lint.path.clone());
                        let label = format!("denied here: {}", lint.reason);
                        left.push(diagnostic.denied().conflict(place, label));
                    }
                },
            }
        }
    };
    let silenced: BTreeSet<Code> = found.iter().map(|diagnostic| diagnostic.code).collect();
    settle(found, &mut left);
    // Among errors many rules hold back, so nobody knows yet what an entry is for.
    if !has_errors(&left) {
        let is_idle = |(code, lint): &(&Code, &Lint)| {
            lint.level == Level::Allow && !silenced.contains(code) && **code != Code::NX0908
        };
        let idle = lints.iter().filter(is_idle).map(idle).collect();
        settle(idle, &mut left);
    }
    (left, allowed)
}

fn idle((code, lint): (&Code, &Lint)) -> Diagnostic {
    let message = format!("`[lints]` allows {code}, and nothing is found of it");
    Diagnostic::new(Code::NX0908, message, Place::Key(lint.path.clone()), "")
        .help("remove it, so that the next finding is heard")
        .fix(Fix::safe(Change::Remove(lint.path.clone())))
}

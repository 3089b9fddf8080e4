//! Rules over the topology: is what was understood also sound as a whole?
//!
//! One file a rule, with its documentation, its code and its reasons. A rule never complains about what an
//! earlier phase has reported: `left_out` holds what the parser could not read.

mod aliasing_keys;
mod authentication;
mod canary;
mod constants;
mod fallback_cycle;
mod idle_keys;
mod mock_fields;
mod model_routes;
mod models;
mod overlay_addresses;
mod production;
mod token_limits;
mod unused_limits;
mod unused_upstreams;

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::ir::Topology;
use crate::key_path::{KeyPath, Segment};

/// What a rule may look at, and where it reports.
struct Context<'t> {
    topology: &'t Topology,
    left_out: &'t BTreeSet<KeyPath>,
    diagnostics: Vec<Diagnostic>,
}

/// Applies every rule.
pub fn check(topology: &Topology, left_out: &BTreeSet<KeyPath>) -> Vec<Diagnostic> {
    const RULES: &[fn(&mut Context<'_>)] = &[
        aliasing_keys::check,
        authentication::check,
        canary::check,
        constants::check,
        fallback_cycle::check,
        idle_keys::check,
        mock_fields::check,
        model_routes::check,
        models::check,
        overlay_addresses::check,
        production::check,
        token_limits::check,
        unused_limits::check,
        unused_upstreams::check,
    ];
    let mut context = Context {
        topology,
        left_out,
        diagnostics: Vec::new(),
    };
    for rule in RULES {
        rule(&mut context);
    }
    context.diagnostics
}

impl Context<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Whether anything of this table was left out, so that "nothing refers to it" cannot be said.
    fn is_partial(&self, table: &str) -> bool {
        let in_table = |path: &KeyPath| matches!(path.segments().first(), Some(Segment::Key(first)) if first == table);
        self.left_out.iter().any(in_table)
    }
}

//! Rules over the topology: is what was understood also sound as a whole?
//!
//! One file a rule, with its documentation, its code and its reasons. A rule never complains about what an
//! earlier phase has reported: `left_out` holds what the parser could not read.

mod administrators;
mod alerting;
mod alerts;
mod aliasing_keys;
mod authentication;
mod breaker_resets;
mod canary;
mod capacities;
mod constants;
mod containers;
mod default_model;
mod default_outputs;
mod encryption;
mod engine_contexts;
mod fallback_capabilities;
mod fallback_cycle;
mod gpu_numbers;
mod gpus;
mod health_times;
mod hedges;
mod hosts;
mod idle_breakers;
mod idle_circumstances;
mod idle_keys;
mod ingress;
mod issuer_keys;
mod load_factor;
mod log_samples;
mod mock_fields;
mod model_routes;
mod models;
mod nameless_probes;
mod objectives;
mod overlay_addresses;
mod overlay_profiles;
mod own_address;
mod production;
mod queues;
mod replicas;
mod request_times;
mod retries;
mod same_server;
mod shadows;
mod short_memory;
mod single_attempt;
mod single_upstream;
mod sticky;
mod store;
mod streams;
mod token_limits;
mod tokens;
mod unchecked_health;
mod uniform_priority;
mod unreached_fallbacks;
mod unused_limits;
mod unused_upstreams;
mod upstream_keys;

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::ir::Topology;
use crate::key_path::{KeyPath, Segment};
use crate::plan::Plan;

/// What a rule may look at, and where it reports.
struct Context<'t> {
    topology: &'t Topology,
    plan: &'t Plan,
    left_out: &'t BTreeSet<KeyPath>,
    diagnostics: Vec<Diagnostic>,
}

/// Applies every rule.
pub fn check(topology: &Topology, plan: &Plan, left_out: &BTreeSet<KeyPath>) -> Vec<Diagnostic> {
    const RULES: &[fn(&mut Context<'_>)] = &[
        administrators::check,
        alerting::check,
        alerts::check,
        aliasing_keys::check,
        authentication::check,
        breaker_resets::check,
        canary::check,
        capacities::check,
        constants::check,
        containers::check,
        default_model::check,
        default_outputs::check,
        encryption::check,
        engine_contexts::check,
        fallback_capabilities::check,
        fallback_cycle::check,
        gpu_numbers::check,
        gpus::check,
        health_times::check,
        hedges::check,
        hosts::check,
        idle_breakers::check,
        idle_circumstances::check,
        idle_keys::check,
        ingress::check,
        issuer_keys::check,
        load_factor::check,
        log_samples::check,
        mock_fields::check,
        model_routes::check,
        models::check,
        nameless_probes::check,
        overlay_addresses::check,
        overlay_profiles::check,
        objectives::check,
        own_address::check,
        production::check,
        queues::check,
        replicas::check,
        request_times::check,
        retries::check,
        same_server::check,
        single_attempt::check,
        shadows::check,
        short_memory::check,
        single_upstream::check,
        sticky::check,
        store::check,
        streams::check,
        token_limits::check,
        tokens::check,
        unchecked_health::check,
        uniform_priority::check,
        unreached_fallbacks::check,
        unused_limits::check,
        unused_upstreams::check,
        upstream_keys::check,
    ];
    let mut context = Context {
        topology,
        plan,
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

//! A limit on tokens has room for a request (NX0513).
//!
//! A request is admitted if there is room for the most that it may write. Where the model's default alone is
//! more than the limit, every request that does not set `max_tokens` itself would be refused forever.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Access, Limit, Model};
use crate::key_path::KeyPath;
use crate::source::Place;

/// What the gateway assumes that a request writes which does not say, of a model that has no default.
const ASSUMED_OUTPUT: u64 = 1024;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for model in topology.models.iter() {
        if let Some(limit) = model.limit {
            check_pair(context, limit, &model.path, [model].into_iter());
        }
    }
    // A token may claim any model.
    if let Some(jwt) = &topology.jwt
        && let Some(limit) = jwt.limit
    {
        check_pair(context, limit, &jwt.path, topology.models.iter());
    }
    for key in topology.keys.iter() {
        let Some(limit) = key.limit else { continue };
        match &key.models {
            Access::All => check_pair(context, limit, &key.path, topology.models.iter()),
            Access::Only(models) => {
                let models = models.iter().map(|&id| topology.models.get(id));
                check_pair(context, limit, &key.path, models);
            }
        }
    }
}

/// Reports the first of `models` that does not fit into the limit of what is written at `path`.
fn check_pair<'t>(
    context: &mut Context<'t>,
    limit: Id<Limit>,
    path: &KeyPath,
    mut models: impl Iterator<Item = &'t Model>,
) {
    let limit = context.topology.limits.get(limit);
    let Some(tokens) = &limit.tokens else { return };
    // One token is the shortest prompt.
    let Some((model, output)) = models.find_map(|model| {
        let output = model.default_output().unwrap_or(ASSUMED_OUTPUT);
        (output >= tokens.amount).then_some((model, output))
    }) else {
        return;
    };
    let default = model.path.key("defaults").key("max_tokens");
    let (place, label) = match model.default_output() {
        Some(_) => (
            Place::Value(default),
            "assumed of a request that does not say".to_owned(),
        ),
        None => (
            Place::Key(model.path.clone()),
            format!("has no default `max_tokens`, so {output} are assumed"),
        ),
    };
    let diagnostic = Diagnostic::new(
        Code::NX0513,
        format!(
            "limit `{}` has no room for a request to model `{}`",
            limit.name, model.name
        ),
        Place::Value(limit.path.key("tokens")),
        format!("fewer than the {output} tokens that it may write, and a prompt"),
    )
    .conflict(place, label)
    .conflict(Place::Value(path.key("limit")), "applies here")
    .help("raise `tokens`, or set a smaller `defaults.max_tokens` for the model");
    context.report(diagnostic);
}

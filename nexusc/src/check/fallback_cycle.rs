//! Fallbacks never lead back to where they came from (NX0403).
//!
//! A fallback goes from what is wanted to what is good enough; two models that back each other up have no
//! last resort, and when one is overloaded its traffic returns to it through the other.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::{Model, Topology};
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    for cycle in cycles(context.topology) {
        let models = &context.topology.models;
        let names: Vec<String> = cycle
            .iter()
            .map(|edge| format!("`{}`", models.get(edge.from).name))
            .collect();
        let first = names.first().cloned().unwrap_or_default();
        let place = |edge: &Edge| {
            Place::Value(
                models
                    .get(edge.from)
                    .path
                    .key("fallback")
                    .index(edge.position),
            )
        };
        let Some((closing, others)) = cycle.split_last() else {
            continue;
        };
        let mut diagnostic = Diagnostic::new(
            Code::NX0403,
            format!("fallback cycle: {} -> {first}", names.join(" -> ")),
            place(closing),
            "leads back",
        )
        .help("remove one step, so that the chain has a last resort");
        for edge in others {
            diagnostic = diagnostic.conflict(place(edge), "");
        }
        context.report(diagnostic);
    }
}

/// One entry of a model's `fallback`.
#[derive(Clone, Copy)]
struct Edge {
    from: Id<Model>,
    position: usize,
}

/// Every cycle that a depth-first walk closes, each as the edges along it. Iterative: a chain can be as long
/// as the spec.
fn cycles(topology: &Topology) -> Vec<Vec<Edge>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Colour {
        New,
        Open,
        Done,
    }
    let mut colours = vec![Colour::New; topology.models.len()];
    let mut found = Vec::new();
    for (start, _) in topology.models.ids() {
        let mut path = vec![Edge {
            from: start,
            position: 0,
        }];
        if colours.get(start.index()) != Some(&Colour::New) {
            continue;
        }
        while let Some(edge) = path.last_mut() {
            let (from, position) = (edge.from, edge.position);
            let colour = |id: Id<Model>| colours.get(id.index()).copied().unwrap_or(Colour::Done);
            let Some(&to) = topology.models.get(from).fallback.get(position) else {
                if let Some(colour) = colours.get_mut(from.index()) {
                    *colour = Colour::Done;
                }
                path.pop();
                if let Some(previous) = path.last_mut() {
                    previous.position += 1;
                }
                continue;
            };
            let to_colour = if to == from { Colour::Open } else { colour(to) };
            if let Some(colour) = colours.get_mut(from.index()) {
                *colour = Colour::Open;
            }
            match to_colour {
                Colour::New => path.push(Edge {
                    from: to,
                    position: 0,
                }),
                Colour::Done => edge.position += 1,
                Colour::Open => {
                    let begin = path.iter().position(|edge| edge.from == to).unwrap_or(0);
                    found.push(path.iter().skip(begin).copied().collect());
                    if let Some(edge) = path.last_mut() {
                        edge.position += 1;
                    }
                }
            }
        }
    }
    found
}

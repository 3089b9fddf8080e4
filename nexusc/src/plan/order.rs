//! In which order services start: what a spec says, and for the rest their names.

use crate::ir::Engine;
use crate::ir::Upstream;
use crate::ir::table::Id;

/// What decides where a spec leaves it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By name.
    ByName,
    /// The other way round.
    Reversed,
}

/// The services in the order in which they start. Those that wait for each other, which is reported, come last.
pub fn of<'t>(
    engines: &[(Id<Upstream>, &'t Engine)],
    order: Order,
) -> Vec<(Id<Upstream>, &'t Engine)> {
    let mut waiting = engines.to_vec();
    if order == Order::Reversed {
        waiting.reverse();
    }
    let mut started = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_ready = |(_, engine): &(Id<Upstream>, &Engine)| {
            let waits_for = |other: &Id<Upstream>| waiting.iter().any(|(id, _)| id == other);
            !engine.after.iter().any(waits_for)
        };
        let next = waiting.iter().position(is_ready).unwrap_or(0);
        started.push(waiting.remove(next));
    }
    started
}

/// The services that wait for themselves.
pub fn cycles(engines: &[(Id<Upstream>, &Engine)]) -> Vec<Id<Upstream>> {
    let waits_for_itself = |start: Id<Upstream>| {
        let (mut seen, mut next) = (Vec::new(), vec![start]);
        while let Some(id) = next.pop() {
            let engine = engines.iter().find(|(other, _)| *other == id);
            for after in engine.iter().flat_map(|(_, engine)| &engine.after) {
                if *after == start {
                    return true;
                }
                if !seen.contains(after) {
                    seen.push(*after);
                    next.push(*after);
                }
            }
        }
        false
    };
    engines
        .iter()
        .map(|(id, _)| *id)
        .filter(|id| waits_for_itself(*id))
        .collect()
}

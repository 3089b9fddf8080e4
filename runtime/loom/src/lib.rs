//! The lock-free parts of the runtime under loom: every order in which the steps of two threads may come, and
//! every value that memory may show them, within the bounds that loom is given.
//!
//! The files are the runtime's own, compiled here once more with loom's atomics (`sync.rs`).

#![cfg(test)]

#[path = "../../src/upstream/circuit.rs"]
#[expect(dead_code, reason = "the models use a part of it")]
mod circuit;
mod circuit_model;
#[path = "../../src/upstream/in_flight.rs"]
mod in_flight;
mod in_flight_model;
#[path = "../../src/limit/places.rs"]
#[expect(dead_code, reason = "the models use a part of it")]
mod places;
mod places_model;
#[path = "../../src/shadow/room.rs"]
#[expect(dead_code, reason = "the models use a part of it")]
mod room;
mod room_model;
#[path = "../../src/sync.rs"]
mod sync;
#[path = "../../decide/src/limit/window.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the models use a part of it, and nobody else"
)]
#[allow(
    unfulfilled_lint_expectations,
    reason = "in tests an index needs no excuse"
)]
mod window;
mod window_model;

/// As the files know them.
use decide::limit;
use runtime::topology;

/// Tries what two threads do at once, and then `after`, in every order with at most three switches that neither
/// asked for, which takes seconds.
fn model<S, A, B>(
    start: impl Fn() -> S + Send + Sync + 'static,
    threads: [fn(&S) -> A; 2],
    after: impl Fn(&S, [A; 2]) -> B + Send + Sync + 'static,
) where
    S: Send + Sync + 'static,
    A: Send + 'static,
{
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let shared = loom::sync::Arc::new(start());
        let other = loom::thread::spawn({
            let shared = loom::sync::Arc::clone(&shared);
            move || threads[1](&shared)
        });
        let first = threads[0](&shared);
        let second = other.join().expect("a thread of a model does not panic");
        after(&shared, [first, second]);
    });
}

//! What is counted in is counted out.

use crate::in_flight::InFlight;
use crate::model;

#[test]
fn two_that_end_at_once_leave_nothing_behind() {
    // It is counted for as long as the process lives.
    let start = || &*Box::leak(Box::new(InFlight::default()));
    let pass = |count: &&'static InFlight| {
        let entered = count.enter();
        let now = count.now();
        drop(entered);
        now
    };
    model(start, [pass, pass], |count, seen| {
        assert!(seen.iter().all(|now| (1..=2).contains(now)), "{seen:?}");
        assert_eq!(count.now(), 0);
    });
}

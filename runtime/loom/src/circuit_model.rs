//! Of many that come at once, one tries a circuit, one opens it, and no verdict is about somebody else's trial.

use crate::circuit::{Circuit, Entry, State, Ticket};
use crate::model;

const RESET: u64 = 100;

const PATIENCE: u64 = 1_000;

/// When the trial that is under way has had its time.
const TOO_LATE: u64 = RESET + PATIENCE;

fn closed() -> Circuit {
    Circuit::new(2, RESET, PATIENCE)
}

fn open() -> Circuit {
    let circuit = closed();
    circuit.failed(None, 0);
    circuit.failed(None, 0);
    circuit
}

/// An open circuit that somebody tries.
fn on_trial() -> (Circuit, Ticket) {
    let circuit = open();
    let ticket = enter(&circuit, RESET).expect("its time has come");
    (circuit, ticket)
}

fn enter(circuit: &Circuit, now: u64) -> Option<Ticket> {
    match circuit.enter(now) {
        Entry::Trial { ticket, .. } => Some(ticket),
        Entry::Free | Entry::Shut(_) => None,
    }
}

#[test]
fn of_two_that_come_when_its_time_is_over_one_tries() {
    let try_it = |circuit: &Circuit| enter(circuit, RESET).is_some();
    model(open, [try_it, try_it], |circuit, tried| {
        assert_ne!(tried[0], tried[1]);
        assert_eq!(circuit.snapshot(RESET).state, State::HalfOpen);
    });
}

#[test]
fn of_two_failures_one_opens_it() {
    let fail = |circuit: &Circuit| circuit.failed(None, 0).is_some();
    model(closed, [fail, fail], |circuit, opened| {
        assert_ne!(opened[0], opened[1]);
        assert_eq!(circuit.snapshot(0).failures, 2);
        assert_eq!(circuit.snapshot(0).state, State::Open);
    });
}

#[test]
fn a_verdict_that_comes_too_late_ends_nobody_elses_trial() {
    model(
        on_trial,
        [
            |(circuit, lost): &(Circuit, Ticket)| (circuit.succeeded(Some(*lost)).is_some(), None),
            |(circuit, _)| (false, enter(circuit, TOO_LATE)),
        ],
        |(circuit, _), [(closed, _), (_, trial)]| {
            assert_ne!(closed, trial.is_some(), "one of them came first");
            if let Some(trial) = trial {
                assert!(circuit.succeeded(Some(trial)).is_some(), "it goes on");
            }
            assert!(circuit.is_closed());
        },
    );
}

#[test]
fn a_failure_beside_a_success_is_not_lost_half_way() {
    model(
        closed,
        [
            |circuit| circuit.succeeded(None).is_some(),
            |circuit| circuit.failed(None, 0).is_some(),
        ],
        |circuit, _| {
            let snapshot = circuit.snapshot(0);
            assert_eq!(snapshot.state, State::Closed);
            assert!(snapshot.failures <= 1);
        },
    );
}

//! Of many that come at once, one tries a circuit, one opens it, and no verdict is about somebody else's trial.

use crate::circuit::{Circuit, Entry, State, Ticket};
use crate::model;

const RESET: u64 = 100;

const PATIENCE: u64 = 1_000;

/// When the trial that is under way has had its time.
const TOO_LATE: u64 = RESET + PATIENCE;

/// The ticket of whoever came before it opened for the first time.
fn before() -> Ticket {
    Ticket::default()
}

fn closed() -> Circuit {
    Circuit::new(2, RESET, PATIENCE)
}

fn open() -> Circuit {
    let circuit = closed();
    circuit.failed(before(), 0);
    circuit.failed(before(), 0);
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
        Entry::Free(_) | Entry::Shut(_) => None,
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
    let fail = |circuit: &Circuit| circuit.failed(before(), 0).is_some();
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
            |(circuit, lost): &(Circuit, Ticket)| (circuit.succeeded(*lost).is_some(), None),
            |(circuit, _)| (false, enter(circuit, TOO_LATE)),
        ],
        |(circuit, _), [(closed, _), (_, trial)]| {
            assert_ne!(closed, trial.is_some(), "one of them came first");
            if let Some(trial) = trial {
                assert!(circuit.succeeded(trial).is_some(), "it goes on");
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
            |circuit| circuit.succeeded(before()).is_some(),
            |circuit| circuit.failed(before(), 0).is_some(),
        ],
        |circuit, _| {
            let snapshot = circuit.snapshot(0);
            assert_eq!(snapshot.state, State::Closed);
            assert!(snapshot.failures <= 1);
        },
    );
}

#[test]
fn what_was_sent_before_it_opened_says_nothing_of_a_trial_or_what_comes_after() {
    model(
        on_trial,
        [
            |(circuit, trial): &(Circuit, Ticket)| circuit.answered(*trial).is_some(),
            |(circuit, _)| {
                circuit.failed(before(), RESET).is_some() || circuit.succeeded(before()).is_some()
            },
        ],
        |(circuit, trial), [closed, said]| {
            assert!(closed && !said);
            assert!(circuit.is_closed());
            assert_eq!(circuit.snapshot(RESET).failures, 2, "nothing is forgiven");
            assert!(
                circuit.failed(*trial, RESET).is_some(),
                "its own word counts"
            );
        },
    );
}

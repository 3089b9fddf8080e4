//! The states of a circuit breaker, and the steps between them. Pure: who calls says what time it
//! is.
//!
//! Everything is one word that all cores share, so that each step is one atomic exchange and no
//! state is ever half changed. While the circuit is closed the word is only read.

use std::fmt;
use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds since some beginning, the same for all calls.
pub(crate) type Millis = u64;

/// The states of one circuit breaker.
#[derive(Debug)]
pub(crate) struct Circuit {
    /// So many failures in a row open it.
    limit: u16,
    /// How long it stays open then.
    reset: Millis,
    /// How long a trial may go without a sign of life before another may begin.
    patience: Millis,
    word: AtomicU64,
    /// When it was closed last, where it is not: only shown.
    since: AtomicU64,
}

/// Which time of the circuit a verdict is about: that of one trial and of the closed circuit which it leaves
/// behind. No two have the same, but for trials of which the first was over without a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticket(Millis);

/// What somebody is told who wants to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Go on.
    Free(Ticket),
    /// Go on: you are the one that finds out.
    Trial {
        ticket: Ticket,
        /// Nobody has tried since the circuit was open.
        is_first: bool,
    },
    /// Not now.
    Shut(Shut),
}

/// Why nobody passes, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// It failed too often, and is left alone for this long.
    Open(Millis),
    /// It said that it is busy for this long.
    Busy(Millis),
    /// One request is trying it.
    OnTrial {
        /// Whether it was shut for being busy.
        was_busy: bool,
    },
}

/// A step from one state to another that is worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It opened after so many failures in a row.
    Opened { failures: u16, retry: Millis },
    /// It opened because the upstream asked for it.
    Parked { retry: Millis },
    /// Its time is over, and one request tries it.
    HalfOpened,
    /// It works.
    Closed,
}

/// What a circuit is like at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) state: State,
    /// Failures since the last success.
    pub(crate) failures: u16,
    /// How long ago it opened, where it is not closed.
    pub(crate) opened: Option<Millis>,
    /// How long until it may be tried, where it is open.
    pub(crate) retry: Option<Millis>,
    /// Whether it is shut for what the upstream failed to do, and not for being busy.
    pub(crate) failed: bool,
}

/// The state of a circuit breaker, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    Open,
    HalfOpen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Everybody passes, with the ticket `time`: that of the trial that closed it.
    Closed,
    /// Nobody passes until `time`.
    Shut,
    /// One request tries it; another may from `time` on.
    Trial,
}

/// The word, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word {
    phase: Phase,
    /// Whether it was shut for being busy by its own word, and not for its failures; never while it is closed.
    is_busy: bool,
    /// In a row, also those that did not open it.
    failures: u16,
    /// What it means is up to the phase. It has 45 bits, which is a thousand years.
    time: Millis,
}

/// The time of a circuit that may be tried and has been half-open before.
const TRIED_BEFORE: Millis = 0;

impl Circuit {
    /// A closed circuit.
    pub(crate) fn new(limit: u16, reset: Millis, patience: Millis) -> Self {
        let closed = Word {
            phase: Phase::Closed,
            is_busy: false,
            failures: 0,
            time: 0,
        };
        Self {
            limit,
            reset,
            patience,
            word: AtomicU64::new(closed.bits()),
            since: AtomicU64::new(0),
        }
    }

    /// Whether everybody may pass.
    pub(crate) fn is_closed(&self) -> bool {
        self.free().is_some()
    }

    /// The ticket of whoever comes while everybody may pass.
    pub(crate) fn free(&self) -> Option<Ticket> {
        let word = self.read();
        (word.phase == Phase::Closed).then_some(Ticket(word.time))
    }

    /// Asks to pass at `now`.
    pub(crate) fn enter(&self, now: Millis) -> Entry {
        let until = now + self.patience;
        let before = self.step(|word| {
            (word.phase != Phase::Closed && word.time <= now).then_some(Word {
                phase: Phase::Trial,
                time: until,
                ..word
            })
        });
        if let Some(before) = before {
            return Entry::Trial {
                ticket: Ticket(until),
                is_first: before.phase != Phase::Trial && before.time != TRIED_BEFORE,
            };
        }
        let word = self.read();
        match word.phase {
            Phase::Closed => Entry::Free(Ticket(word.time)),
            Phase::Shut if word.is_busy => Entry::Shut(Shut::Busy(word.time.saturating_sub(now))),
            Phase::Shut => Entry::Shut(Shut::Open(word.time.saturating_sub(now))),
            Phase::Trial => Entry::Shut(Shut::OnTrial {
                was_busy: word.is_busy,
            }),
        }
    }

    /// A request was answered well, to its end.
    pub(crate) fn succeeded(&self, ticket: Ticket) -> Option<Change> {
        let closed = Word {
            phase: Phase::Closed,
            is_busy: false,
            failures: 0,
            time: ticket.0,
        };
        let before = self.step(|word| (word.is_for(ticket) && word != closed).then_some(closed))?;
        (before.phase != Phase::Closed).then_some(Change::Closed)
    }

    /// The upstream of a trial has shown that it answers. Its failures are not forgiven yet: until a
    /// request has succeeded, the next failure opens the circuit again.
    pub(crate) fn answered(&self, trial: Ticket) -> Option<Change> {
        self.step(|word| {
            word.is_trial(trial).then_some(Word {
                phase: Phase::Closed,
                is_busy: false,
                ..word
            })
        })?;
        Some(Change::Closed)
    }

    /// A request failed at `now`.
    pub(crate) fn failed(&self, ticket: Ticket, now: Millis) -> Option<Change> {
        let after = |word: Word| {
            let failures = word.failures.saturating_add(1);
            if word.phase == Phase::Trial || failures >= self.limit {
                Word {
                    phase: Phase::Shut,
                    is_busy: false,
                    failures,
                    time: now + self.reset,
                }
            } else {
                Word { failures, ..word }
            }
        };
        let before = self.step(|word| word.is_for(ticket).then(|| after(word)))?;
        self.note_opening(before, now);
        let after = after(before);
        (after.phase == Phase::Shut).then_some(Change::Opened {
            failures: after.failures,
            retry: self.reset,
        })
    }

    /// The upstream said at `now` that it is busy for `retry`.
    pub(crate) fn busy(&self, ticket: Ticket, now: Millis, retry: Millis) -> Option<Change> {
        let until = now + retry;
        let before = self.step(|word| {
            // It says so now, whenever it was asked.
            let later = word.is_parked() && word.time < until;
            (word.is_for(ticket) || later).then_some(Word {
                phase: Phase::Shut,
                is_busy: true,
                time: until,
                ..word
            })
        })?;
        self.note_opening(before, now);
        (!before.is_parked()).then_some(Change::Parked { retry })
    }

    /// A trial is over without a verdict: another may begin, for the same reason.
    pub(crate) fn release(&self, trial: Ticket) {
        self.step(|word| {
            word.is_trial(trial).then_some(Word {
                phase: Phase::Shut,
                time: TRIED_BEFORE,
                ..word
            })
        });
    }

    /// What it is like at `now`.
    pub(crate) fn snapshot(&self, now: Millis) -> Snapshot {
        let word = self.read();
        let retry = word.time.checked_sub(now).filter(|left| *left > 0);
        let (state, retry) = match (word.phase, retry) {
            (Phase::Closed, _) => (State::Closed, None),
            (Phase::Shut, Some(left)) => (State::Open, Some(left)),
            (Phase::Shut | Phase::Trial, _) => (State::HalfOpen, None),
        };
        Snapshot {
            state,
            failures: word.failures,
            opened: (word.phase != Phase::Closed)
                .then(|| now.saturating_sub(self.since.load(Ordering::Relaxed))),
            retry,
            failed: word.phase != Phase::Closed && !word.is_busy,
        }
    }

    fn note_opening(&self, before: Word, now: Millis) {
        if before.phase == Phase::Closed {
            self.since.store(now, Ordering::Relaxed);
        }
    }

    // Nothing else is published by the word, so no order with other memory is needed.

    fn read(&self) -> Word {
        Word::of(self.word.load(Ordering::Relaxed))
    }

    /// Takes the step that `next` allows from the state that is found then, and returns that state.
    fn step(&self, next: impl Fn(Word) -> Option<Word>) -> Option<Word> {
        let next = |bits| next(Word::of(bits)).map(Word::bits);
        let taken = self
            .word
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.ok().map(Word::of)
    }
}

impl Word {
    fn bits(self) -> u64 {
        let (failures, is_busy) = (u64::from(self.failures), u64::from(self.is_busy));
        self.time << 19 | failures << 3 | is_busy << 2 | self.phase as u64
    }

    fn of(bits: u64) -> Self {
        let phase = match bits & 3 {
            0 => Phase::Closed,
            1 => Phase::Shut,
            _ => Phase::Trial,
        };
        Self {
            phase,
            is_busy: bits >> 2 & 1 == 1,
            failures: (bits >> 3) as u16,
            time: bits >> 19,
        }
    }

    /// Whether a verdict counts: that of the trial while there is one; of those who passed since the circuit was
    /// closed, and of the trial that closed it, while it is; and nobody's in between. What was under way when it
    /// opened says nothing new, neither then nor when it is closed again.
    fn is_for(self, ticket: Ticket) -> bool {
        self.is_trial(ticket) || (self.phase == Phase::Closed && self.time == ticket.0)
    }

    /// Whether nobody passes because the upstream said that it is busy.
    fn is_parked(self) -> bool {
        self.phase == Phase::Shut && self.is_busy
    }

    /// Whether it is on trial, by the holder of `ticket`.
    fn is_trial(self, ticket: Ticket) -> bool {
        self.phase == Phase::Trial && self.time == ticket.0
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { failures, retry } => write!(
                formatter,
                "circuit opened after {failures} failures in a row, for {:?}",
                Duration::from_millis(*retry)
            ),
            Self::Parked { retry } => write!(
                formatter,
                "circuit opened because the upstream is busy, for {:?}",
                Duration::from_millis(*retry)
            ),
            Self::HalfOpened => formatter.write_str("circuit half-open: this request tries it"),
            Self::Closed => formatter.write_str("circuit closed"),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashMap;
    use std::sync::Barrier;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: u16 = 3;
    const RESET: Millis = 100;
    const PATIENCE: Millis = 1_000;

    /// The ticket of whoever came before it opened for the first time.
    const BEFORE: Ticket = Ticket(0);

    const ON_TRIAL: Shut = Shut::OnTrial { was_busy: false };

    fn circuit() -> Circuit {
        Circuit::new(LIMIT, RESET, PATIENCE)
    }

    fn opened_at(now: Millis) -> Circuit {
        let circuit = circuit();
        for _ in 0..LIMIT {
            circuit.failed(BEFORE, now);
        }
        assert_eq!(circuit.snapshot(now).state, State::Open);
        circuit
    }

    fn trial(circuit: &Circuit, now: Millis) -> Ticket {
        match circuit.enter(now) {
            Entry::Trial { ticket, .. } => ticket,
            entry => panic!("{entry:?}"),
        }
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let circuit = circuit();
        assert_eq!(circuit.failed(BEFORE, 5), None);
        assert_eq!(circuit.failed(BEFORE, 5), None);
        assert_eq!(circuit.succeeded(BEFORE), None);
        assert_eq!(circuit.failed(BEFORE, 5), None);
        assert_eq!(circuit.failed(BEFORE, 5), None);
        let (failures, retry) = (LIMIT, RESET);
        let opened = Change::Opened { failures, retry };
        assert_eq!(circuit.failed(BEFORE, 5), Some(opened));
        assert_eq!(circuit.enter(6), Entry::Shut(Shut::Open(99)));
    }

    #[test]
    fn what_was_under_way_when_it_opened_changes_nothing() {
        let circuit = opened_at(0);
        assert_eq!(circuit.succeeded(BEFORE), None);
        assert_eq!(circuit.failed(BEFORE, 90), None);
        assert_eq!(circuit.busy(BEFORE, 90, 5_000), None);
        let ticket = trial(&circuit, RESET);
        assert_eq!(circuit.succeeded(BEFORE), None);
        assert_eq!(circuit.failed(BEFORE, RESET), None);
        assert_eq!(circuit.enter(RESET), Entry::Shut(ON_TRIAL));
        assert_eq!(circuit.succeeded(ticket), Some(Change::Closed));
        assert_eq!(circuit.snapshot(RESET).failures, 0);
    }

    #[test]
    fn a_failed_trial_opens_it_again() {
        let circuit = opened_at(0);
        let ticket = trial(&circuit, RESET);
        assert!(circuit.failed(ticket, RESET).is_some());
        assert_eq!(circuit.enter(2 * RESET - 1), Entry::Shut(Shut::Open(1)));
        assert_eq!(circuit.snapshot(2 * RESET).opened, Some(2 * RESET));
        trial(&circuit, 2 * RESET);
    }

    #[test]
    fn an_answer_lets_all_pass_and_forgives_nothing() {
        let circuit = opened_at(0);
        let ticket = trial(&circuit, RESET);
        assert_eq!(circuit.answered(ticket), Some(Change::Closed));
        assert_eq!(circuit.enter(RESET), Entry::Free(ticket));
        assert!(circuit.failed(ticket, RESET).is_some());
        assert_eq!(circuit.enter(RESET), Entry::Shut(Shut::Open(RESET)));
    }

    #[test]
    fn what_was_under_way_when_it_opened_changes_nothing_after_a_trial_either() {
        let circuit = opened_at(0);
        let ticket = trial(&circuit, RESET);
        assert_eq!(circuit.answered(ticket), Some(Change::Closed));
        assert_eq!(circuit.failed(BEFORE, RESET), None);
        assert_eq!(circuit.busy(BEFORE, RESET, 5_000), None);
        assert_eq!(circuit.succeeded(BEFORE), None);
        assert_eq!(circuit.snapshot(RESET).failures, LIMIT);
        assert_eq!(circuit.enter(RESET), Entry::Free(ticket));
        assert_eq!(circuit.succeeded(ticket), None);
        assert_eq!(circuit.failed(BEFORE, RESET), None);
        assert_eq!(circuit.snapshot(RESET).failures, 0);
        // What is under way when it opens once more belongs to the past in its turn.
        for _ in 0..LIMIT {
            circuit.failed(ticket, RESET);
        }
        let next = trial(&circuit, 2 * RESET);
        assert_eq!(circuit.answered(next), Some(Change::Closed));
        assert_eq!(circuit.failed(ticket, 2 * RESET), None);
        assert_eq!(circuit.enter(2 * RESET), Entry::Free(next));
    }

    #[test]
    fn a_trial_without_a_verdict_is_followed_by_another() {
        let circuit = opened_at(0);
        let Entry::Trial { ticket, is_first } = circuit.enter(RESET) else {
            panic!("the time is over")
        };
        assert!(is_first);
        circuit.release(ticket);
        assert_eq!(circuit.snapshot(RESET).state, State::HalfOpen);
        let second = circuit.enter(RESET);
        assert!(matches!(
            second,
            Entry::Trial {
                is_first: false,
                ..
            }
        ));
    }

    #[test]
    fn a_trial_that_is_never_heard_of_again_is_given_up() {
        let circuit = opened_at(0);
        let lost = trial(&circuit, RESET);
        assert_eq!(circuit.enter(RESET + PATIENCE - 1), Entry::Shut(ON_TRIAL));
        let next = trial(&circuit, RESET + PATIENCE);
        assert_eq!(circuit.failed(lost, RESET + PATIENCE), None);
        assert_eq!(circuit.succeeded(next), Some(Change::Closed));
    }

    #[test]
    fn a_busy_upstream_is_left_alone_until_the_latest_time_it_said() {
        let circuit = circuit();
        let parked = Change::Parked { retry: 50 };
        assert_eq!(circuit.busy(BEFORE, 0, 50), Some(parked));
        assert_eq!(circuit.busy(BEFORE, 10, 60), None);
        assert_eq!(circuit.busy(BEFORE, 10, 20), None);
        assert_eq!(circuit.enter(69), Entry::Shut(Shut::Busy(1)));
        assert!(!circuit.snapshot(69).failed);
        let ticket = trial(&circuit, 70);
        let on_trial = Shut::OnTrial { was_busy: true };
        assert_eq!(circuit.enter(70), Entry::Shut(on_trial));
        assert!(!circuit.snapshot(70).failed);
        let parked = Change::Parked { retry: 10 };
        assert_eq!(circuit.busy(ticket, 70, 10), Some(parked));
        // Nor has it failed by what nobody waits for.
        circuit.release(trial(&circuit, 80));
        assert_eq!(circuit.snapshot(80).state, State::HalfOpen);
        assert!(!circuit.snapshot(80).failed);
        let ticket = trial(&circuit, 80);
        assert!(circuit.failed(ticket, 80).is_some());
        assert!(circuit.snapshot(80).failed);
        // Whoever has failed is not believed to be well before a trial has shown it.
        circuit.release(trial(&circuit, 80 + RESET));
        assert!(circuit.snapshot(80 + RESET).failed);
    }

    #[test]
    fn of_many_that_come_at_once_one_tries() {
        const THREADS: usize = 8;
        for _ in 0..200 {
            let circuit = opened_at(0);
            let barrier = Barrier::new(THREADS);
            let trials: usize = std::thread::scope(|scope| {
                let enter = || {
                    barrier.wait();
                    let entry = circuit.enter(RESET);
                    usize::from(matches!(entry, Entry::Trial { .. }))
                };
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(enter)).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .sum()
            });
            assert_eq!(trials, 1);
        }
    }

    #[test]
    fn of_many_failures_at_once_one_opens_it() {
        const THREADS: u16 = 8;
        for _ in 0..200 {
            let circuit = Circuit::new(THREADS, RESET, PATIENCE);
            let changes: usize = std::thread::scope(|scope| {
                let fail = || usize::from(circuit.failed(BEFORE, 0).is_some());
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(fail)).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .sum()
            });
            assert_eq!(changes, 1);
        }
    }

    /// What happens to a circuit, one thing after the other.
    #[derive(Clone, Debug)]
    enum Event {
        Time(Millis),
        Enter,
        /// The verdict of one of the requests that are under way.
        End(usize, Verdict),
    }

    #[derive(Clone, Copy, Debug)]
    enum Verdict {
        Success,
        Answer,
        Failure,
        Busy(Millis),
        Nothing,
    }

    fn event() -> impl Strategy<Value = Event> {
        let verdict = prop_oneof![
            2 => Just(Verdict::Success),
            1 => Just(Verdict::Answer),
            4 => Just(Verdict::Failure),
            1 => (1..300_u64).prop_map(Verdict::Busy),
            1 => Just(Verdict::Nothing),
        ];
        prop_oneof![
            2 => (0..RESET * 2).prop_map(Event::Time),
            4 => Just(Event::Enter),
            4 => (0..8_usize, verdict).prop_map(|(request, verdict)| Event::End(request, verdict)),
        ]
    }

    /// The breaker as one would explain it to somebody: no word, no atomics, one caller.
    #[derive(Default)]
    struct Model {
        failures: u16,
        /// Until when it is shut, and whether for being busy; absent while it is closed.
        shut: Option<(Millis, bool)>,
        /// Which request tries it, since when.
        trial: Option<(usize, Millis)>,
        /// How often it has opened.
        generation: usize,
        /// In which generation each request passed, or its trial closed the circuit.
        births: HashMap<usize, usize>,
    }

    impl Model {
        /// Whether the request `number` passes, and as a trial.
        fn enter(&mut self, number: usize, now: Millis) -> (bool, bool) {
            let Some((until, _)) = self.shut else {
                self.births.insert(number, self.generation);
                return (true, false);
            };
            let given_up = self.trial.is_none_or(|(_, since)| now >= since + PATIENCE);
            if until <= now && given_up {
                self.trial = Some((number, now));
                return (true, true);
            }
            (false, false)
        }

        fn end(&mut self, number: usize, verdict: Verdict, now: Millis) {
            let tries = self.trial.is_some_and(|(trial, _)| trial == number);
            let is_of_now = self.births.get(&number) == Some(&self.generation);
            let counts = tries || (self.shut.is_none() && is_of_now);
            match verdict {
                Verdict::Success if counts => {
                    self.failures = 0;
                    self.close(number);
                }
                Verdict::Answer if tries => self.close(number),
                Verdict::Failure if counts => {
                    self.failures += 1;
                    if tries || self.failures >= LIMIT {
                        self.open((now + RESET, false));
                    }
                }
                Verdict::Busy(retry) if counts => self.open((now + retry, true)),
                Verdict::Busy(retry) if self.trial.is_none() => {
                    if let Some((until, true)) = &mut self.shut {
                        *until = (*until).max(now + retry);
                    }
                }
                Verdict::Nothing if tries => {
                    self.trial = None;
                    let was_busy = self.shut.is_some_and(|(_, is_busy)| is_busy);
                    self.shut = Some((TRIED_BEFORE, was_busy));
                }
                _ => {}
            }
        }

        fn close(&mut self, number: usize) {
            self.births.insert(number, self.generation);
            self.shut = None;
            self.trial = None;
        }

        fn open(&mut self, shut: (Millis, bool)) {
            self.generation += 1;
            self.shut = Some(shut);
            self.trial = None;
        }
    }

    proptest! {
        #[test]
        fn does_what_the_model_does(events in prop::collection::vec(event(), 0..200)) {
            let (circuit, mut model) = (circuit(), Model::default());
            let mut now = 1;
            let mut number = 0;
            let mut under_way: Vec<(usize, Ticket)> = Vec::new();
            for event in events {
                match event {
                    Event::Time(passed) => now += passed,
                    Event::Enter => {
                        number += 1;
                        let (passes, tries) = match circuit.enter(now) {
                            Entry::Free(ticket) => {
                                under_way.push((number, ticket));
                                (true, false)
                            }
                            Entry::Trial { ticket, .. } => {
                                under_way.push((number, ticket));
                                (true, true)
                            }
                            Entry::Shut(_) => (false, false),
                        };
                        prop_assert_eq!((passes, tries), model.enter(number, now));
                    }
                    Event::End(_, _) if under_way.is_empty() => {}
                    Event::End(request, verdict) => {
                        let (number, ticket) = under_way.remove(request % under_way.len());
                        match verdict {
                            Verdict::Success => drop(circuit.succeeded(ticket)),
                            Verdict::Answer => {
                                circuit.answered(ticket);
                                // That was its first piece.
                                under_way.push((number, ticket));
                            }
                            Verdict::Failure => drop(circuit.failed(ticket, now)),
                            Verdict::Busy(retry) => drop(circuit.busy(ticket, now, retry)),
                            Verdict::Nothing => circuit.release(ticket),
                        }
                        model.end(number, verdict, now);
                    }
                }
                let snapshot = circuit.snapshot(now);
                prop_assert_eq!(snapshot.failures, model.failures);
                prop_assert_eq!(snapshot.state == State::Closed, model.shut.is_none());
                let failed = model.shut.is_some_and(|(_, is_busy)| !is_busy);
                prop_assert_eq!(snapshot.failed, failed);
            }
        }

        #[test]
        fn a_word_is_put_together_as_it_was_taken_apart(
            phase in 0..3_u64,
            is_busy: bool,
            failures: u16,
            time in 0..1_u64 << 45,
        ) {
            let bits = time << 19 | u64::from(failures) << 3 | u64::from(is_busy) << 2 | phase;
            let word = Word::of(bits);
            prop_assert_eq!(word.bits(), bits);
            prop_assert_eq!((word.is_busy, word.failures, word.time), (is_busy, failures, time));
        }
    }
}

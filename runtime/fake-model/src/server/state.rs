//! What the connections of a server share: the script, the gate, and what was received.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::server::options::Options;
use crate::server::record::{Outcome, Received};
use crate::server::script::{Action, Rule};

/// The most requests that are remembered; the oldest are forgotten first.
const MAX_RECEIVED: usize = 10_000;

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    /// One permit for each chunk that may leave a gated stream, and for each answer that is held.
    gate: Semaphore,
    memory: Mutex<Memory>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Memory {
    rules: VecDeque<Rule>,
    received: VecDeque<Received>,
    /// How many requests were forgotten from the front of `received`.
    forgotten: u64,
    /// How many of all requests have ended.
    ended: usize,
    /// Told apart from requests of before a reset by this.
    generation: u64,
}

/// A request that is being answered. Dropping it before [`InFlight::answered`] means that the client went
/// away.
pub(super) struct InFlight<'a> {
    state: &'a State,
    generation: u64,
    number: u64,
    since: Instant,
    aborted: bool,
}

impl InFlight<'_> {
    /// The answer was sent as the script wanted it.
    pub(super) fn answered(mut self) {
        self.aborted = false;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let elapsed_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.state.end(
            self,
            Outcome {
                aborted: self.aborted,
                elapsed_ms,
            },
        );
    }
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            gate: Semaphore::new(0),
            memory: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(super) fn set_rules(&self, rules: impl IntoIterator<Item = Rule>) {
        self.memory().rules = rules.into_iter().collect();
    }

    pub(super) fn release(&self, chunks: usize) {
        // More permits than a semaphore can hold would panic.
        let room = Semaphore::MAX_PERMITS - self.gate.available_permits();
        self.gate.add_permits(chunks.min(room));
    }

    pub(super) fn reset(&self) {
        let mut memory = self.memory();
        *memory = Memory {
            generation: memory.generation + 1,
            ..Memory::default()
        };
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.memory().received.iter().cloned().collect()
    }

    /// Waits for a permit to send the next chunk of a gated stream, or an answer that is held.
    pub(super) async fn pass_gate(&self) {
        let permit = self.gate.acquire().await.expect("the gate is never closed");
        permit.forget();
    }

    /// Remembers a request and says what to do with it.
    pub(super) fn begin(&self, received: Received) -> (InFlight<'_>, Rule) {
        let mut memory = self.memory();
        let rule = memory.rule_for(received.bare_path());
        let number = memory.forgotten + memory.received.len() as u64;
        if memory.received.len() == MAX_RECEIVED {
            memory.received.pop_front();
            memory.forgotten += 1;
        }
        memory.received.push_back(received);
        let generation = memory.generation;
        drop(memory);
        self.changed.notify_waiters();
        let since = Instant::now();
        (
            InFlight {
                state: self,
                generation,
                number,
                since,
                aborted: true,
            },
            rule,
        )
    }

    /// Waits until that many requests were received and have ended, and returns all of them; `None` when
    /// `patience` has run out.
    pub(super) async fn wait(
        &self,
        count: usize,
        ended: usize,
        patience: Duration,
    ) -> Option<Vec<Received>> {
        let enough = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // From here on no change is missed.
                changed.as_mut().enable();
                {
                    let memory = self.memory();
                    if memory.count() >= count && memory.ended >= ended {
                        return memory.received.iter().cloned().collect();
                    }
                }
                changed.await;
            }
        };
        timeout(patience, enough).await.ok()
    }

    fn end(&self, request: &InFlight<'_>, outcome: Outcome) {
        let mut memory = self.memory();
        if memory.generation != request.generation {
            return;
        }
        memory.ended += 1;
        let index = request.number.checked_sub(memory.forgotten);
        let index = index.and_then(|index| usize::try_from(index).ok());
        if let Some(received) = index.and_then(|index| memory.received.get_mut(index)) {
            received.outcome = Some(outcome);
        }
        drop(memory);
        self.changed.notify_waiters();
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing panics while it is held; a poisoned memory would still be whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn count(&self) -> usize {
        self.received.len() + usize::try_from(self.forgotten).unwrap_or(usize::MAX)
    }

    /// The first rule for `path`, which is used up by one request.
    fn rule_for(&mut self, path: &str) -> Rule {
        let matches = |rule: &Rule| rule.path.as_ref().is_none_or(|wanted| wanted == path);
        self.rules.retain(|rule| rule.times != Some(0));
        let Some(rule) = self.rules.iter_mut().find(|rule| matches(rule)) else {
            return Rule::new(Action::Model);
        };
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        rule.clone()
    }
}

//! A count for each subject of tokens, in bounded memory.
//!
//! Tokens are signed, so nobody invents subjects; but an issuer may have millions, and any of them
//! may ask. The table holds so many at once. A subject is forgotten only to make room, only while
//! nobody holds its count, and only when nothing is taken of it, so that to be forgotten changes
//! nothing. Where there is no such subject, whoever is new is refused: counting it together with
//! others would make one subject pay for another, and not counting it would break the promise.
//!
//! The table is cut into shards by the subject's digest, each under a lock of its own that is held for
//! one look-up. That costs far less than the signature check before it, and two cores wait for each other
//! only when they look up subjects of one shard in the same tenth of a microsecond.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limit::limiter::{Held, Limiter};
use crate::limit::owner::{Digest, Owner};
use crate::limit::refusal::{Kind, Refusal};
use crate::topology::Limit;

/// How many subjects are counted at once: less than 2 KiB each, made when they are first seen.
const CAPACITY: usize = 64 * 1024;

/// At most 256: a digest's first byte says which.
const SHARDS: usize = 64;

const IN_A_SHARD: usize = CAPACITY / SHARDS;

/// How many are looked at to find one that can be forgotten: each newcomer goes on where the last one
/// stopped, so all are looked at in turn.
const LOOKED_AT: usize = 16;

/// How soon a newcomer may come again for whom there was no room.
const WAIT_FOR_ROOM: Duration = Duration::from_secs(1);

/// The counts of all subjects.
pub(crate) struct Subjects {
    limit: &'static Limit,
    spec: &'static str,
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Default)]
#[repr(align(64))]
struct Shard {
    counts: HashMap<Digest, Arc<Limiter>>,
    /// All of them, the one first that is to be looked at next.
    turns: VecDeque<Digest>,
}

impl Subjects {
    /// A table for the subjects of `spec`, each under `limit`; empty.
    pub(crate) fn new(limit: &'static Limit, spec: &'static str) -> Self {
        let shards = std::iter::repeat_with(Mutex::default).take(SHARDS);
        Self {
            limit,
            spec,
            shards: shards.collect(),
        }
    }

    /// The count of `subject`, or why there is none.
    pub(super) fn find(&self, subject: Digest, now: Instant) -> Result<Held, Refusal> {
        let [first, ..] = subject;
        let shard = self.shards.get(usize::from(first) % SHARDS);
        let shard = shard.expect("there is a shard for each remainder");
        // What a panic could leave behind is a digest without a count, which is passed over.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = shard.counts.get(&subject) {
            return Ok(Held::Subject(Arc::clone(count)));
        }
        if shard.counts.len() >= IN_A_SHARD && !shard.forget_one(now) {
            return Err(Refusal {
                limit: self.limit,
                kind: Kind::Subjects,
                wait: Some(WAIT_FOR_ROOM),
            });
        }
        let owner = Owner::Subject(subject);
        let count = Arc::new(Limiter::new(self.limit, self.spec, owner, now));
        shard.counts.insert(subject, Arc::clone(&count));
        shard.turns.push_back(subject);
        Ok(Held::Subject(count))
    }
}

impl Shard {
    /// Forgets a subject that has nothing taken, if one of the next few is such.
    fn forget_one(&mut self, now: Instant) -> bool {
        for _ in 0..LOOKED_AT {
            let Some(next) = self.turns.pop_front() else {
                return false;
            };
            let Some(count) = self.counts.get_mut(&next) else {
                continue;
            };
            // Nobody else holds it, nor can anybody get hold of it while the shard is locked.
            if Arc::get_mut(count).is_some_and(|count| count.is_unused(now)) {
                self.counts.remove(&next);
                return true;
            }
            self.turns.push_back(next);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;
    use crate::limit::headers::Headers;
    use crate::limit::owner::digest;
    use crate::topology::{LimitSettings, Rate};

    static STANDARD: Limit = Limit::new(LimitSettings {
        name: "standard",
        requests: Some(Rate {
            amount: 3,
            per: Duration::from_secs(60),
        }),
        tokens: None,
        concurrent: Some(2),
        queue: None,
    });

    fn subjects() -> Subjects {
        Subjects::new(&STANDARD, "test")
    }

    /// So many digests of one shard.
    fn of_one_shard(count: usize) -> Vec<Digest> {
        let all = (0..).map(|number: u64| digest(&number.to_string()));
        let of_first = all.filter(|digest| usize::from(digest[0]) % SHARDS == 0);
        of_first.take(count).collect()
    }

    /// Takes one request that is over at once.
    fn take(subjects: &Subjects, subject: Digest) -> Result<(), Kind> {
        let now = Instant::now();
        let count = subjects
            .find(subject, now)
            .map_err(|refusal| refusal.kind)?;
        let grant = count.admit(0, now);
        grant.map(drop).map_err(|refusal| refusal.kind)
    }

    fn find(subjects: &Subjects, subject: Digest) -> Held {
        subjects.find(subject, Instant::now()).unwrap()
    }

    fn left(subjects: &Subjects, subject: Digest) -> u64 {
        let mut told = Headers::default();
        find(subjects, subject).tell(&mut told, Instant::now());
        told.requests.unwrap().remaining
    }

    #[test]
    fn each_subject_has_a_count_of_its_own() {
        let subjects = subjects();
        let (alice, bob) = (digest("alice"), digest("bob"));
        for _ in 0..3 {
            take(&subjects, alice).unwrap();
        }
        assert_eq!(take(&subjects, alice), Err(Kind::Requests));
        assert_eq!(take(&subjects, bob), Ok(()));
        assert_eq!((left(&subjects, alice), left(&subjects, bob)), (0, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_forgotten_who_has_something_taken() {
        let subjects = subjects();
        let [all @ .., newcomer] = &of_one_shard(IN_A_SHARD + 1)[..] else {
            panic!("there are some")
        };
        for subject in all {
            take(&subjects, *subject).unwrap();
        }
        for _ in 0..IN_A_SHARD {
            assert_eq!(take(&subjects, *newcomer), Err(Kind::Subjects));
        }
        assert!(all.iter().all(|subject| left(&subjects, *subject) == 2));
        let refusal = subjects.find(*newcomer, Instant::now()).unwrap_err();
        assert_eq!(refusal.retry_after(), Some(1));
        assert_eq!(
            refusal.to_string(),
            "rate limit reached: the limit `standard` counts as many callers as it has room for; try \
             again in 1 second"
        );
        // A window and a cell later, there is room again.
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(take(&subjects, *newcomer), Ok(()));
        assert_eq!(left(&subjects, *newcomer), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_forgotten_whose_request_still_runs() {
        let subjects = subjects();
        let [slow, others @ .., newcomer] = &of_one_shard(IN_A_SHARD + 1)[..] else {
            panic!("there are some")
        };
        let place = |subject| find(&subjects, subject).free_place();
        let running = place(*slow);
        for subject in others {
            find(&subjects, *subject);
        }
        tokio::time::advance(Duration::from_secs(600)).await;
        take(&subjects, *newcomer).unwrap();
        let second = place(*slow);
        assert!(second.is_some() && place(*slow).is_none(), "two at once");
        drop(running);
        assert!(place(*slow).is_some());
    }

    #[test]
    fn a_table_never_grows_beyond_its_bound() {
        let subjects = subjects();
        for subject in of_one_shard(IN_A_SHARD * 3) {
            // Looked up and nothing taken: forgotten for the next one.
            find(&subjects, subject);
        }
        let shard = subjects.shards[0].lock().unwrap();
        assert_eq!(shard.counts.len(), IN_A_SHARD);
        assert_eq!(shard.turns.len(), IN_A_SHARD);
        // Nobody grows a count without being seen to.
        assert!(size_of::<Limiter>() <= 1536, "{}", size_of::<Limiter>());
    }

    /// More subjects than the shard has room for, from four cores, while a clock runs: whatever is
    /// forgotten in between, none takes more than its limit in a window.
    #[test]
    fn cores_together_never_admit_more_of_a_subject_than_its_limit() {
        let subjects = subjects();
        let all = of_one_shard(IN_A_SHARD + 200);
        let start = Instant::now();
        // In milliseconds.
        let clock = AtomicU64::new(0);
        let read = || Duration::from_millis(clock.load(Ordering::SeqCst));
        let work = |seed: u64| {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut taken = Vec::new();
            for _ in 0..40_000 {
                clock.fetch_add(random.u64(0..20), Ordering::SeqCst);
                let subject = random.usize(..all.len());
                let before = read();
                let now = start + before;
                if let Ok(count) = subjects.find(all[subject], now)
                    && count.admit(0, now).is_ok()
                {
                    taken.push((subject, before, read()));
                }
            }
            taken
        };
        let mut taken: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|seed| scope.spawn(move || work(seed))).collect();
            let taken = threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap());
            taken.collect()
        });
        taken.sort_unstable();
        let minute = Duration::from_secs(60);
        for four in taken.windows(4) {
            let ((first, start, _), (last, ..)) = (four[0], four[3]);
            let end = four.iter().map(|(.., after)| *after).max();
            let apart = first != last || end > Some(start + minute);
            assert!(apart, "four requests within a minute of {start:?}");
        }
    }
}

//! The answers that are kept, of all cores, bounded in time and in bytes.
//!
//! A lock is shared between cores here, and nowhere else on the way of a request: for a look-up
//! before an upstream is asked and an insertion after it has answered, of requests with a key alone.
//! It is one of twelve, by the request, and held for neither IO nor a copy.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::idempotency::{BadRepeat, Claimed, Digest, Kept};
use crate::room::Room;
use crate::topology::Idempotency;

/// What part of the memory one answer may have at most, as the spec's reference says.
const SHARES: usize = 16;

/// How many parts a store has, each with a lock and a share of the memory. The other shares are for answers that are on
/// their way.
const PARTS: usize = 12;

/// What an entry takes beside the content of its answer, in bytes: rather too much.
const ENTRY: usize = 512;

/// Answers that are kept.
pub(crate) struct Store {
    parts: [Mutex<Part>; PARTS],
    ttl: Duration,
    /// The most bytes in one part.
    room: usize,
    /// For the answers on their way to their clients, of which copies grow.
    growing: Room,
}

/// Some of the answers.
#[derive(Default)]
struct Part {
    entries: HashMap<Digest, Entry>,
    /// Those that are kept, the oldest first, and when they were.
    kept: VecDeque<(Instant, Digest)>,
    bytes: usize,
}

struct Entry {
    /// What was asked.
    asks: Digest,
    /// `None` while it is being answered. There are as many of these as there are requests.
    kept: Option<Kept>,
}

impl Store {
    /// A store without an answer.
    pub(crate) fn new(settings: &Idempotency) -> Self {
        Self {
            parts: Default::default(),
            ttl: settings.ttl,
            room: settings.max_bytes / SHARES,
            growing: Room::new((SHARES - PARTS) * (settings.max_bytes / SHARES)),
        }
    }

    /// Claims what is `known_by` this for a request that `asks` that, unless somebody has.
    pub(super) fn claim(
        &'static self,
        known_by: Digest,
        asks: Digest,
        now: Instant,
    ) -> Result<Claimed, BadRepeat> {
        let mut part = self.part(&known_by);
        part.forget_before(now.checked_sub(self.ttl));
        match part.entries.get(&known_by) {
            Some(entry) if entry.asks != asks => Err(BadRepeat::Reused),
            Some(Entry { kept: None, .. }) => Err(BadRepeat::Running),
            Some(Entry {
                kept: Some(kept), ..
            }) => Ok(Claimed::Before(kept.clone())),
            None => {
                part.entries.insert(known_by, Entry { asks, kept: None });
                Ok(Claimed::First(Claim {
                    store: self,
                    known_by,
                }))
            }
        }
    }

    fn part(&self, known_by: &Digest) -> MutexGuard<'_, Part> {
        let [first, ..] = *known_by;
        let part = self.parts.get(usize::from(first) % PARTS);
        let part = part.expect("a remainder is less than what was divided by");
        // Nothing that holds a lock can panic between two changes that belong together.
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    /// Forgets what was kept before `moment`.
    fn forget_before(&mut self, moment: Option<Instant>) {
        while let Some((since, _)) = self.kept.front()
            && moment.is_some_and(|moment| *since <= moment)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.kept.pop_front();
        let entry = oldest.and_then(|(_, known_by)| self.entries.remove(&known_by));
        let size = entry.and_then(|entry| entry.kept).map(|kept| kept.size());
        self.bytes -= size.map_or(0, |size| size + ENTRY);
    }
}

/// A request that has its key for itself. Dropped, it leaves the key free.
pub(crate) struct Claim {
    store: &'static Store,
    known_by: Digest,
}

impl Claim {
    /// The most bytes that an answer may have to be kept.
    pub(super) fn room(&self) -> usize {
        self.store.room.saturating_sub(ENTRY)
    }

    /// The room that the copies of answers share while they grow.
    pub(super) fn growing(&self) -> &'static Room {
        &self.store.growing
    }

    /// Keeps the answer, where there is room for it: the oldest make some.
    pub(super) fn keep(self, kept: Kept, now: Instant) {
        let size = kept.size() + ENTRY;
        if size > self.store.room {
            return;
        }
        let mut part = self.store.part(&self.known_by);
        while part.bytes + size > self.store.room && !part.kept.is_empty() {
            part.forget_oldest();
        }
        if let Some(entry) = part.entries.get_mut(&self.known_by) {
            entry.kept = Some(kept);
            part.bytes += size;
            part.kept.push_back((now, self.known_by));
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What was kept meanwhile stays.
        let mut part = self.store.part(&self.known_by);
        let entry = part.entries.get(&self.known_by);
        if entry.is_some_and(|entry| entry.kept.is_none()) {
            part.entries.remove(&self.known_by);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::topology::MIB;

    const TTL: Duration = Duration::from_secs(60);

    fn store() -> &'static Store {
        Box::leak(Box::new(Store::new(&Idempotency {
            ttl: TTL,
            max_bytes: MIB,
        })))
    }

    /// What a request is known by, in the part `part`.
    fn known_by(part: u8, number: u8) -> Digest {
        let mut digest = [number; 32];
        digest[0] = part;
        digest
    }

    fn first(store: &'static Store, known_by: Digest, now: Instant) -> Claim {
        match store.claim(known_by, [0; 32], now) {
            Ok(Claimed::First(claim)) => claim,
            _ => panic!("it is not the first"),
        }
    }

    fn is_kept(store: &'static Store, known_by: Digest, now: Instant) -> bool {
        matches!(store.claim(known_by, [0; 32], now), Ok(Claimed::Before(_)))
    }

    #[test]
    fn the_second_of_two_waits_and_then_gets_the_answer() {
        let (store, id, now) = (store(), known_by(0, 1), Instant::now());
        let claim = first(store, id, now);
        assert_eq!(
            store.claim(id, [0; 32], now).err(),
            Some(BadRepeat::Running)
        );
        assert_eq!(store.claim(id, [1; 32], now).err(), Some(BadRepeat::Reused));
        claim.keep(Kept::of_size(10), now);
        assert!(is_kept(store, id, now));
        assert_eq!(store.claim(id, [1; 32], now).err(), Some(BadRepeat::Reused));
    }

    #[test]
    fn a_request_that_fails_leaves_its_key_free() {
        let (store, id, now) = (store(), known_by(0, 1), Instant::now());
        drop(first(store, id, now));
        drop(first(store, id, now));
        assert!(store.part(&id).entries.is_empty());
    }

    #[test]
    fn what_is_older_than_its_time_is_forgotten() {
        let (store, id, now) = (store(), known_by(0, 1), Instant::now());
        first(store, id, now).keep(Kept::of_size(10), now);
        assert!(is_kept(store, id, now + TTL - Duration::from_millis(1)));
        drop(first(store, id, now + TTL));
        let part = store.part(&id);
        assert_eq!((part.bytes, part.kept.len()), (0, 0));
    }

    #[test]
    fn a_request_that_takes_longer_than_answers_are_kept_stays_claimed() {
        let (store, id, now) = (store(), known_by(0, 1), Instant::now());
        let _claim = first(store, id, now);
        let late = store.claim(id, [0; 32], now + 2 * TTL);
        assert_eq!(late.err(), Some(BadRepeat::Running));
    }

    #[test]
    fn the_oldest_make_room_and_what_never_fits_is_not_kept() {
        let (store, now) = (store(), Instant::now());
        let [old, new, other] = [known_by(0, 1), known_by(0, 2), known_by(1, 1)];
        let most = first(store, old, now).room();
        first(store, old, now).keep(Kept::of_size(most), now);
        first(store, other, now).keep(Kept::of_size(most), now);
        assert!(is_kept(store, old, now));
        first(store, new, now).keep(Kept::of_size(1), now);
        assert!(is_kept(store, new, now) && is_kept(store, other, now));
        drop(first(store, old, now));
        first(store, old, now).keep(Kept::of_size(most + 1), now);
        assert!(is_kept(store, new, now));
        drop(first(store, old, now));
    }

    #[test]
    fn of_many_at_once_one_is_the_first() {
        let store = store();
        for round in 0..50 {
            let firsts = AtomicUsize::new(0);
            let claims = Mutex::new(Vec::new());
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let claimed = store.claim(known_by(3, round), [0; 32], Instant::now());
                        if let Ok(claimed) = claimed {
                            firsts.fetch_add(1, Ordering::Relaxed);
                            claims.lock().unwrap().push(claimed);
                        }
                    });
                }
            });
            assert_eq!(firsts.into_inner(), 1);
        }
    }

    proptest! {
        #[test]
        fn no_part_ever_holds_more_than_its_share(
            steps in prop::collection::vec((0..2_u8, 0..8_u8, 0..70_000_usize, 0..20_u64), 0..60),
        ) {
            let store = store();
            let mut now = Instant::now();
            for (part, number, size, pause) in steps {
                now += Duration::from_secs(pause);
                if let Ok(Claimed::First(claim)) = store.claim(known_by(part, number), [0; 32], now) {
                    claim.keep(Kept::of_size(size), now);
                }
                let part = store.part(&known_by(part, 0));
                prop_assert!(part.bytes <= store.room);
                prop_assert_eq!(part.kept.len(), part.entries.len());
                let held = part.entries.values().filter_map(|entry| entry.kept.as_ref());
                prop_assert_eq!(part.bytes, held.map(|kept| kept.size() + ENTRY).sum::<usize>());
            }
        }
    }
}

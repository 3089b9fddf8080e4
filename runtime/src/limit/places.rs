//! The places of a limit on requests at once, and the queue of those who wait for one.
//!
//! A word that all cores share holds how many run and how many wait. As long as a place is free and nobody
//! waits, a request takes it and gives it back with one atomic operation each. The lock behind it is touched
//! only when places are handed from one request to the next: a place that is given back while somebody waits
//! goes to them and is never free in between, so nobody who comes later overtakes them.

use std::collections::VecDeque;
use std::sync::PoisonError;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};
use crate::topology::{PriorityClass, Queue};

/// The places of one limit.
#[derive(Debug)]
pub(super) struct Places {
    most: u32,
    state: AtomicU64,
    queue: Option<Line>,
}

/// Who waits, where somebody may.
#[derive(Debug)]
struct Line {
    settings: &'static Queue,
    waiters: Mutex<Waiters>,
}

/// Those who wait, by priority, each class in the order in which they came.
#[derive(Debug, Default)]
struct Waiters {
    classes: [Class; PriorityClass::COUNT],
    next: u64,
}

#[derive(Debug, Default)]
struct Class {
    waiting: VecDeque<Waiter>,
    /// How much it is owed, for its turn to come.
    credit: i64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    called: oneshot::Sender<()>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All are taken, and nobody may wait.
    Taken,
    /// As many wait already as may.
    QueueFull,
    /// None became free in the time that a request may wait.
    WaitedInVain,
}

/// How many run and how many wait, as they share a word.
#[derive(Clone, Copy)]
struct Count {
    running: u32,
    waiting: u32,
}

impl Count {
    fn of(word: u64) -> Self {
        Self {
            running: (word >> 32) as u32,
            waiting: word as u32,
        }
    }

    fn word(self) -> u64 {
        u64::from(self.running) << 32 | u64::from(self.waiting)
    }
}

impl Places {
    /// So many places, all free.
    pub(super) fn new(most: u32, queue: Option<&'static Queue>) -> Self {
        Self {
            most,
            state: AtomicU64::new(0),
            queue: queue.map(|settings| Line {
                settings,
                waiters: Mutex::default(),
            }),
        }
    }

    /// Takes a place that is free, if nobody waits for one.
    pub(super) fn take(&self) -> bool {
        let one_more = |word| {
            let count = Count::of(word);
            let is_free = count.waiting == 0 && count.running < self.most;
            is_free.then(|| {
                Count {
                    running: count.running + 1,
                    ..count
                }
                .word()
            })
        };
        self.change(one_more)
    }

    /// Takes a place, and waits for one if it may. Dropped while it waits, it waits no more.
    ///
    /// Each place that is taken is to be given back.
    pub(super) async fn wait(&self, priority: PriorityClass) -> Result<(), NoPlace> {
        if self.take() {
            return Ok(());
        }
        let line = self.queue.as_ref().ok_or(NoPlace::Taken)?;
        let Some(mut waiting) = self.stand_in(line, priority)? else {
            return Ok(());
        };
        match timeout(line.settings.wait, &mut waiting.call).await {
            Ok(_) => {
                waiting.place_is_mine = true;
                Ok(())
            }
            Err(_) => Err(NoPlace::WaitedInVain),
        }
    }

    /// Gives a place back: to the next who waits, if anybody does.
    pub(super) fn give_back(&self) {
        let one_less = |word| {
            let count = Count::of(word);
            (count.waiting == 0).then(|| {
                Count {
                    running: count.running - 1,
                    ..count
                }
                .word()
            })
        };
        if self.change(one_less) {
            return;
        }
        let line = self.queue.as_ref();
        let line = line.expect("nobody waits where nobody may");
        let mut waiters = line.lock();
        match waiters.next() {
            Some(next) => {
                self.state.fetch_sub(1, Ordering::AcqRel);
                drop(waiters);
                // Whoever has stopped waiting since gives the place back.
                let _ = next.called.send(());
            }
            // The last of them has stopped waiting since.
            None => {
                let is_free = self.change(one_less);
                debug_assert!(is_free, "who waits is in the queue, while it is locked");
            }
        }
    }

    /// How many wait.
    #[cfg(test)]
    fn waiting(&self) -> u32 {
        Count::of(self.state.load(Ordering::Relaxed)).waiting
    }

    /// Joins the queue, unless a place is free after all.
    fn stand_in<'a>(
        &'a self,
        line: &'a Line,
        priority: PriorityClass,
    ) -> Result<Option<Waiting<'a>>, NoPlace> {
        let mut waiters = line.lock();
        let number = waiters.next;
        let class = waiters.class(priority);
        if class.waiting.len() >= line.settings.length as usize {
            return Err(NoPlace::QueueFull);
        }
        let one_more_waits = |word| {
            let count = Count::of(word);
            let is_free = count.waiting == 0 && count.running < self.most;
            (!is_free).then(|| {
                Count {
                    waiting: count.waiting + 1,
                    ..count
                }
                .word()
            })
        };
        // Who waits is counted and queued under one lock, so whoever sees the count finds them.
        while !self.change(one_more_waits) {
            if self.take() {
                return Ok(None);
            }
        }
        let (called, call) = oneshot::channel();
        class.waiting.push_back(Waiter { number, called });
        waiters.next += 1;
        Ok(Some(Waiting {
            places: self,
            line,
            priority,
            number,
            call,
            place_is_mine: false,
        }))
    }

    fn change(&self, to: impl Fn(u64) -> Option<u64>) -> bool {
        self.state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, to)
            .is_ok()
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        // Nothing under the lock can panic half way.
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiters {
    fn class(&mut self, priority: PriorityClass) -> &mut Class {
        let class = self.classes.get_mut(priority.index());
        class.expect("there is a class for each priority")
    }

    /// Takes out who is to have the next place: smooth weighted round robin over the classes in which
    /// somebody waits, as nginx spreads requests over servers. A class gets its part of the places, in
    /// turns as even as can be, so none waits for ever.
    fn next(&mut self) -> Option<Waiter> {
        let mut owed = 0;
        let mut chosen: Option<&mut Class> = None;
        for (class, weight) in self.classes.iter_mut().zip(PriorityClass::WEIGHTS) {
            if class.waiting.is_empty() {
                // Nothing is owed to nobody.
                class.credit = 0;
                continue;
            }
            class.credit += weight;
            owed += weight;
            if chosen
                .as_ref()
                .is_none_or(|best| class.credit > best.credit)
            {
                chosen = Some(class);
            }
        }
        let chosen = chosen?;
        chosen.credit -= owed;
        chosen.waiting.pop_front()
    }
}

/// Somebody who waits. Dropped, they wait no more, and a place that they were called to goes on.
struct Waiting<'a> {
    places: &'a Places,
    line: &'a Line,
    priority: PriorityClass,
    number: u64,
    call: oneshot::Receiver<()>,
    place_is_mine: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.place_is_mine {
            return;
        }
        let mut waiters = self.line.lock();
        let class = waiters.class(self.priority);
        // Numbers grow along the queue.
        let found = class
            .waiting
            .binary_search_by_key(&self.number, |waiter| waiter.number);
        match found {
            Ok(position) => {
                class.waiting.remove(position);
                self.places.state.fetch_sub(1, Ordering::AcqRel);
            }
            Err(_) => {
                drop(waiters);
                self.places.give_back();
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    static QUEUE: Queue = Queue {
        length: 100,
        wait: Duration::from_secs(5),
    };

    static SHORT: Queue = Queue {
        length: 1,
        wait: Duration::from_secs(5),
    };

    fn places(most: u32, queue: Option<&'static Queue>) -> Arc<Places> {
        Arc::new(Places::new(most, queue))
    }

    /// Somebody who takes a place and keeps it, once they stand in the queue.
    async fn waiter(
        places: &Arc<Places>,
        priority: PriorityClass,
    ) -> JoinHandle<Result<(), NoPlace>> {
        let waiter = tokio::spawn({
            let places = Arc::clone(places);
            async move { places.wait(priority).await }
        });
        yield_now().await;
        waiter
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_queue_nobody_waits() {
        let places = places(1, None);
        assert_eq!(places.wait(PriorityClass::Normal).await, Ok(()));
        assert_eq!(
            places.wait(PriorityClass::Normal).await,
            Err(NoPlace::Taken)
        );
        places.give_back();
        assert_eq!(places.wait(PriorityClass::Normal).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_goes_to_who_waits_and_never_to_who_comes_later() {
        let places = places(1, Some(&QUEUE));
        assert!(places.take());
        let first = waiter(&places, PriorityClass::Normal).await;
        let second = waiter(&places, PriorityClass::Normal).await;
        places.give_back();
        assert!(!places.take(), "the place is the first's before it has run");
        assert_eq!(first.await.unwrap(), Ok(()));
        assert_eq!(places.waiting(), 1);
        places.give_back();
        assert_eq!(second.await.unwrap(), Ok(()));
        places.give_back();
        assert!(places.take());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_is_told_in_time() {
        let places = places(1, Some(&QUEUE));
        assert!(places.take());
        let start = tokio::time::Instant::now();
        let answer = places.wait(PriorityClass::High).await;
        assert_eq!(answer, Err(NoPlace::WaitedInVain));
        assert_eq!(start.elapsed(), QUEUE.wait);
        assert_eq!(places.waiting(), 0);
        places.give_back();
        assert!(places.take());
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_full_of_one_class_keeps_no_other_out() {
        let places = places(1, Some(&SHORT));
        assert!(places.take());
        let low = waiter(&places, PriorityClass::Low).await;
        let answer = places.wait(PriorityClass::Low).await;
        assert_eq!(answer, Err(NoPlace::QueueFull));
        let high = waiter(&places, PriorityClass::High).await;
        places.give_back();
        assert_eq!(high.await.unwrap(), Ok(()));
        places.give_back();
        assert_eq!(low.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_after_the_call_gives_the_place_to_the_next() {
        let places = places(1, Some(&QUEUE));
        assert!(places.take());
        let leaving = waiter(&places, PriorityClass::Normal).await;
        let next = waiter(&places, PriorityClass::Normal).await;
        places.give_back();
        // Called, but it has not run since.
        leaving.abort();
        let _ = leaving.await;
        assert_eq!(next.await.unwrap(), Ok(()));
        places.give_back();
        assert!(places.take());
    }

    #[tokio::test(start_paused = true)]
    async fn of_seven_places_four_go_to_high_two_to_normal_and_one_to_low() {
        let places = places(1, Some(&QUEUE));
        assert!(places.take());
        let mut waiters = Vec::new();
        for priority in [
            PriorityClass::Low,
            PriorityClass::Normal,
            PriorityClass::High,
        ] {
            for _ in 0..8 {
                waiters.push((priority, waiter(&places, priority).await));
            }
        }
        for _ in 0..7 {
            places.give_back();
            yield_now().await;
        }
        let served = |wanted| {
            let of_class = waiters.iter().filter(|(priority, _)| *priority == wanted);
            of_class.filter(|(_, waiter)| waiter.is_finished()).count()
        };
        assert_eq!(
            [
                PriorityClass::High,
                PriorityClass::Normal,
                PriorityClass::Low
            ]
            .map(served),
            [4, 2, 1]
        );
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Come(PriorityClass),
        Leave(usize),
        End,
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            prop_oneof![
                Just(PriorityClass::High),
                Just(PriorityClass::Normal),
                Just(PriorityClass::Low)
            ]
            .prop_map(Step::Come),
            any::<usize>().prop_map(Step::Leave),
            Just(Step::End),
            (0..4000_u64).prop_map(Step::Pass),
        ]
    }

    proptest! {
        /// Whatever clients do, no more run than may, no place is lost, and nobody is forgotten.
        #[test]
        fn no_place_is_lost_and_none_is_made(most in 1..4_u32, steps in prop::collection::vec(step(), 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                let places = places(most, Some(&QUEUE));
                let running = Arc::new(AtomicU32::new(0));
                let mut clients: Vec<JoinHandle<()>> = Vec::new();
                let (end, _) = tokio::sync::broadcast::channel::<()>(64);
                for step in steps {
                    match step {
                        Step::Come(priority) => {
                            let (places, running) = (Arc::clone(&places), Arc::clone(&running));
                            let mut end = end.subscribe();
                            clients.push(tokio::spawn(async move {
                                struct Place(Arc<Places>, Arc<AtomicU32>);
                                impl Drop for Place {
                                    fn drop(&mut self) {
                                        self.1.fetch_sub(1, Ordering::Relaxed);
                                        self.0.give_back();
                                    }
                                }
                                if places.wait(priority).await.is_ok() {
                                    let now = running.fetch_add(1, Ordering::Relaxed) + 1;
                                    assert!(now <= most, "{now} run at once");
                                    let _place = Place(places, running);
                                    let _ = end.recv().await;
                                }
                            }));
                        }
                        Step::Leave(any) if !clients.is_empty() => {
                            clients.remove(any % clients.len()).abort();
                        }
                        Step::Leave(_) => {}
                        Step::End => {
                            let _ = end.send(());
                        }
                        Step::Pass(time) => {
                            tokio::time::advance(Duration::from_millis(time)).await;
                        }
                    }
                    yield_now().await;
                }
                clients.iter().for_each(JoinHandle::abort);
                for client in clients {
                    if let Err(error) = client.await {
                        assert!(error.is_cancelled(), "{error}");
                    }
                }
                for _ in 0..20 {
                    yield_now().await;
                }
                prop_assert_eq!(places.state.load(Ordering::Relaxed), 0);
                Ok(())
            })?;
        }
    }

    #[test]
    fn threads_share_the_places_without_losing_one() {
        const THREADS: u32 = 4;
        const ROUNDS: u32 = 2_000;
        let places = places(2, Some(&QUEUE));
        let served = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .build()
                        .unwrap();
                    runtime.block_on(async {
                        for _ in 0..ROUNDS {
                            places.wait(PriorityClass::Normal).await.unwrap();
                            served.fetch_add(1, Ordering::Relaxed);
                            places.give_back();
                        }
                    });
                });
            }
        });
        assert_eq!(served.load(Ordering::Relaxed), THREADS * ROUNDS);
        assert_eq!(places.state.load(Ordering::Relaxed), 0);
    }
}

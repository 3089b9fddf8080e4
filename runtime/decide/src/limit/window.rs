//! So many in any window of time, over all cores, without a lock.
//!
//! The window is cut into cells of time, and what was taken is counted by the cell in which it was.
//! A cell counts whole until all of it lies outside of the window, so never more than the limit is
//! taken in any window; what that costs is one cell of 64, so at least 98 % of the limit is usable.
//!
//! `used` is the sum of all cells, and what is about to enter one: it grows before a cell does and
//! shrinks after a cell has. Whatever other cores are in the middle of, it is never too small.
//!
//! Time is passed in, as what has passed since a start that all cores share.

use std::time::Duration;

use crate::limit::Rate;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::spin_loop;

/// Cells that count at any time: those of a whole window, and the one that the present is in. Every order of the
/// steps over so many could not be tried.
const CELLS: usize = if cfg!(loom) { 3 } else { 64 };

/// How often a refusal is thought over while another core is between two of its steps.
const PATIENCE: usize = 128;

/// What a window may hold in all: what a cell has room for.
const MOST: u64 = (1 << COUNT_BITS) - 1;

const COUNT_BITS: u32 = 36;

/// A limit on what is taken in any window of time.
#[derive(Debug)]
#[repr(align(64))]
pub struct Window {
    limit: u64,
    /// Nanoseconds of a cell.
    width: u64,
    /// Up to this tick, what has left the window was taken out of the cells.
    swept: AtomicU64,
    used: AtomicU64,
    /// Each a [`Cell`]; a tick's cell is at its remainder.
    cells: [AtomicU64; CELLS],
}

/// The time of a cell, in widths since one window before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick(u64);

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The limit.
    pub limit: u64,
    /// What can be taken at once.
    pub remaining: u64,
    /// How long until all of it can be, if nothing is until then.
    pub reset: Duration,
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There will be room after this time, if nobody else takes it.
    For(Duration),
    /// It is more than the limit.
    Forever,
}

impl Full {
    /// The time after which there will be room, if there ever is.
    pub fn wait(self) -> Option<Duration> {
        match self {
            Self::For(wait) => Some(wait),
            Self::Forever => None,
        }
    }
}

impl Window {
    /// A window for `rate`, with nothing taken.
    pub fn new(rate: &Rate) -> Self {
        Self {
            limit: rate.amount.min(MOST),
            width: nanoseconds(rate.per).div_ceil(CELLS as u64 - 1).max(1),
            swept: AtomicU64::new(0),
            used: AtomicU64::new(0),
            cells: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// The limit.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Takes `amount`, and says when that was, or why not.
    pub fn take(&self, amount: u64, now: Duration) -> Result<Tick, Full> {
        if amount > self.limit {
            return Err(Full::Forever);
        }
        let now = nanoseconds(now);
        let tick = self.sweep(now);
        for _ in 0..PATIENCE {
            let within = |used: u64| used.checked_add(amount).filter(|sum| *sum <= self.limit);
            if self
                .used
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
                .is_ok()
            {
                self.put(tick, amount);
                return Ok(tick);
            }
            if let Some(leaving) = self.first_to_leave(tick, amount) {
                return Err(Full::For(self.time_to_leave(leaving, now)));
            }
            // There is room in the cells: another core has yet to say so.
            spin_loop();
        }
        Err(Full::For(self.time_to_leave(tick, now)))
    }

    /// Whether `amount` could be taken, or why not.
    pub fn room_for(&self, amount: u64, now: Duration) -> Result<(), Full> {
        if amount > self.limit {
            return Err(Full::Forever);
        }
        let now = nanoseconds(now);
        let tick = self.sweep(now);
        match self.first_to_leave(tick, amount) {
            None => Ok(()),
            Some(leaving) => Err(Full::For(self.time_to_leave(leaving, now))),
        }
    }

    /// Gives back what was taken at `tick` and not used. What has left the window is not there to
    /// be given back.
    pub fn give_back(&self, tick: Tick, amount: u64) {
        let mut given = 0;
        let less = |packed: u64| {
            let cell = Cell::unpack(packed);
            given = amount.min(cell.count);
            let count = cell.count - given;
            (cell.lap == tick.lap() && given > 0).then(|| Cell { count, ..cell }.pack())
        };
        let cell = self.cell(tick.place());
        if cell
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less)
            .is_ok()
        {
            self.used.fetch_sub(given, Ordering::Relaxed);
        }
    }

    /// Counts what was used beyond what was taken, whether or not there is room.
    pub fn charge(&self, amount: u64, now: Duration) {
        let tick = self.sweep(nanoseconds(now));
        let mut charged = 0;
        let more = |used: u64| {
            charged = amount.min(MOST.saturating_sub(used));
            Some(used + charged)
        };
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        self.put(tick, charged);
    }

    /// What can be taken at once.
    pub fn remaining(&self, now: Duration) -> u64 {
        self.sweep(nanoseconds(now));
        self.limit.saturating_sub(self.used.load(Ordering::Relaxed))
    }

    /// Whether nothing of it is taken.
    pub fn is_empty(&self, now: Duration) -> bool {
        self.sweep(nanoseconds(now));
        self.used.load(Ordering::Relaxed) == 0
    }

    /// What is left of it.
    pub fn left(&self, now: Duration) -> Left {
        let now = nanoseconds(now);
        let tick = self.sweep(now);
        let newest = tick.window().rev().find(|tick| self.count(*tick) > 0);
        Left {
            limit: self.limit,
            remaining: self.limit.saturating_sub(self.used.load(Ordering::Relaxed)),
            reset: newest.map_or(Duration::ZERO, |newest| self.time_to_leave(newest, now)),
        }
    }

    /// Takes out of the cells what has left the window, and says which tick it is: never an
    /// earlier one than another core has been told.
    fn sweep(&self, now: Nanoseconds) -> Tick {
        let tick = Tick(now / self.width + CELLS as u64);
        let swept = Tick(self.swept.load(Ordering::Acquire));
        if tick.0 <= swept.0 {
            return swept;
        }
        // Several cores may do this at once: each cell is emptied by one of them. Those up to `swept` are.
        for tick in tick.window().rev().take_while(|tick| tick.0 > swept.0) {
            self.put(tick, 0);
        }
        self.swept.fetch_max(tick.0, Ordering::Release);
        tick
    }

    /// Adds to the cell of `tick`, after emptying it where it still holds an earlier one.
    fn put(&self, tick: Tick, amount: u64) {
        let mut left = 0;
        let added = |packed: u64| {
            let cell = Cell::unpack(packed);
            left = 0;
            if cell.lap < tick.lap() {
                left = cell.count;
                let (lap, count) = (tick.lap(), amount);
                return Some(Cell { lap, count }.pack());
            }
            // What is late for its cell goes into the one that took its place, which counts longer.
            let count = cell.count + amount;
            (amount > 0).then(|| Cell { count, ..cell }.pack())
        };
        let cell = self.cell(tick.place());
        let updated = cell.fetch_update(Ordering::AcqRel, Ordering::Acquire, added);
        if updated.is_ok() && left > 0 {
            self.used.fetch_sub(left, Ordering::Relaxed);
        }
    }

    /// The tick that has to leave the window before there is room for `amount`; `None` where there
    /// is room.
    fn first_to_leave(&self, tick: Tick, amount: u64) -> Option<Tick> {
        let mut counts = [0; CELLS];
        for (count, tick) in counts.iter_mut().zip(tick.window()) {
            *count = self.count(tick);
        }
        let mut sum: u64 = counts.iter().sum::<u64>() + amount;
        if sum <= self.limit {
            return None;
        }
        let mut leaving = tick.window().zip(counts);
        leaving.find_map(|(tick, count)| {
            sum -= count;
            (sum <= self.limit).then_some(tick)
        })
    }

    fn time_to_leave(&self, tick: Tick, now: Nanoseconds) -> Duration {
        // The ticks count from one window before the start.
        let leaves = tick.0.saturating_mul(self.width);
        Duration::from_nanos(leaves.saturating_sub(now))
    }

    fn count(&self, tick: Tick) -> u64 {
        let cell = Cell::unpack(self.cell(tick.place()).load(Ordering::Acquire));
        if cell.lap >= tick.lap() {
            cell.count
        } else {
            0
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the index is a remainder")]
    fn cell(&self, place: usize) -> &AtomicU64 {
        &self.cells[place % CELLS]
    }
}

impl Tick {
    /// All ticks that count at this one, the earliest first.
    fn window(self) -> impl DoubleEndedIterator<Item = Self> {
        (self.0.saturating_sub(CELLS as u64 - 1)..=self.0).map(Self)
    }

    fn place(self) -> usize {
        (self.0 % CELLS as u64) as usize
    }

    /// How often the cells had been gone through.
    fn lap(self) -> u64 {
        self.0 / CELLS as u64
    }
}

/// What is in a cell: 28 bits of the lap, enough for eight years in windows of a second, and the
/// count.
struct Cell {
    lap: u64,
    count: u64,
}

impl Cell {
    fn unpack(packed: u64) -> Self {
        Self {
            lap: packed >> COUNT_BITS,
            count: packed & MOST,
        }
    }

    fn pack(self) -> u64 {
        self.lap << COUNT_BITS | self.count
    }
}

/// Since the start.
type Nanoseconds = u64;

fn nanoseconds(time: Duration) -> Nanoseconds {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn per_minute(amount: u64) -> Window {
        Window::new(&Rate {
            amount,
            per: MINUTE,
        })
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn takes_up_to_the_limit_and_again_a_window_later() {
        let window = per_minute(3);
        for _ in 0..3 {
            window.take(1, seconds(5)).unwrap();
        }
        assert_eq!(window.remaining(seconds(5)), 0);
        let Err(Full::For(wait)) = window.take(1, seconds(6)) else {
            panic!("it is full")
        };
        assert!(wait > seconds(59) && wait < seconds(61), "{wait:?}");
        assert!(window.take(1, seconds(65)).is_err());
        assert!(window.room_for(1, seconds(65)).is_err());
        assert_eq!(window.room_for(1, seconds(66)), Ok(()));
        window.take(1, seconds(66)).unwrap();
        assert_eq!(window.remaining(seconds(66)), 2);
    }

    #[test]
    fn more_than_the_limit_never_fits() {
        let window = per_minute(3);
        assert_eq!(window.take(4, Duration::ZERO), Err(Full::Forever));
        assert_eq!(window.remaining(Duration::ZERO), 3);
    }

    #[test]
    fn what_is_given_back_can_be_taken() {
        let window = per_minute(100);
        let tick = window.take(80, seconds(1)).unwrap();
        assert!(window.take(30, seconds(2)).is_err());
        window.give_back(tick, 60);
        window.take(80, seconds(2)).unwrap();
        assert_eq!(window.remaining(seconds(2)), 0);
    }

    #[test]
    fn what_has_left_the_window_cannot_be_given_back() {
        let window = per_minute(100);
        let tick = window.take(80, seconds(1)).unwrap();
        window.take(50, seconds(100)).unwrap();
        window.give_back(tick, 80);
        assert_eq!(window.remaining(seconds(100)), 50);
    }

    #[test]
    fn no_more_is_given_back_than_was_taken() {
        let window = per_minute(100);
        let tick = window.take(10, seconds(1)).unwrap();
        window.give_back(tick, 50);
        assert_eq!(window.remaining(seconds(1)), 100);
    }

    #[test]
    fn a_charge_counts_even_where_there_is_no_room() {
        let window = per_minute(100);
        window.charge(150, seconds(1));
        assert_eq!(window.remaining(seconds(1)), 0);
        assert!(window.take(1, seconds(60)).is_err());
        assert_eq!(window.remaining(seconds(63)), 100);
        window.charge(u64::MAX, seconds(63));
        window.charge(u64::MAX, seconds(64));
        assert_eq!(window.remaining(seconds(64)), 0);
        assert_eq!(window.remaining(seconds(200)), 100);
    }

    #[test]
    fn resets_when_the_newest_has_left() {
        let window = per_minute(10);
        assert_eq!(window.left(seconds(1)).reset, Duration::ZERO);
        window.take(1, seconds(1)).unwrap();
        window.take(1, seconds(31)).unwrap();
        let reset = window.left(seconds(31)).reset;
        assert!(reset > seconds(59) && reset < seconds(61), "{reset:?}");
        assert_eq!(window.remaining(seconds(31) + reset), 10);
    }

    #[test]
    fn at_least_95_percent_is_usable() {
        for limit in [1, 7, 600] {
            let window = per_minute(limit);
            let mut taken = 0;
            let steps = (0..100 * 600).map(|step| Duration::from_millis(step * 100));
            for now in steps {
                while window.take(1, now).is_ok() {
                    taken += 1;
                }
            }
            assert!(taken * 100 >= limit * 100 * 95, "{taken} of {limit}");
        }
    }

    /// A pause in milliseconds, then a wish to take so much.
    fn wishes() -> impl Strategy<Value = Vec<(u64, u64)>> {
        let pause = prop_oneof![Just(0), 0..100_u64, 0..3_000_u64, 0..70_000_u64];
        vec((pause, 1..12_u64), 0..200)
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_limit(wishes in wishes()) {
            let window = per_minute(20);
            let mut now = Duration::ZERO;
            let mut log: Vec<(Duration, u64)> = Vec::new();
            let sum = |log: &[(Duration, u64)], from: Duration| -> u64 {
                log.iter().filter(|(time, _)| *time >= from).map(|(_, amount)| amount).sum()
            };
            for (pause, amount) in wishes {
                now += Duration::from_millis(pause);
                match window.take(amount, now) {
                    Ok(_) => log.push((now, amount)),
                    Err(Full::Forever) => prop_assert!(false),
                    Err(Full::For(wait)) => {
                        // A refusal has its reason within a window and a cell, and says how long it holds.
                        let from = now.saturating_sub(MINUTE + MINUTE / 63 + Duration::from_nanos(64));
                        prop_assert!(sum(&log, from) + amount > 20);
                        now += wait;
                        prop_assert!(window.take(amount, now).is_ok());
                        log.push((now, amount));
                    }
                }
                prop_assert!(sum(&log, now.saturating_sub(MINUTE)) <= 20);
                prop_assert!(window.remaining(now) <= 20 - sum(&log, now.saturating_sub(MINUTE)));
            }
        }
    }

    #[test]
    fn cores_together_take_exactly_the_limit() {
        for round in 0..50 {
            let window = per_minute(1000);
            let now = seconds(round * 100);
            let taken = thread::scope(|scope| {
                let take = || (0..600).filter(|_| window.take(1, now).is_ok()).count();
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .sum::<usize>()
            });
            assert_eq!(taken, 1000);
        }
    }

    /// Threads take, give back and charge while a common clock runs. An admission lies somewhere
    /// between two readings of the clock; those that lie in one window for certain must fit.
    #[test]
    fn cores_together_never_take_more_in_any_window() {
        const LIMIT: u64 = 50;
        let window = per_minute(LIMIT);
        let clock = AtomicU64::new(0);
        let read = || Duration::from_millis(clock.load(Ordering::SeqCst));
        let work = |seed: u64| {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut taken = Vec::new();
            for _ in 0..20_000 {
                clock.fetch_add(random.u64(0..300), Ordering::SeqCst);
                let amount = random.u64(1..5);
                let before = read();
                if let Ok(tick) = window.take(amount, before) {
                    let unused = random.u64(0..=amount);
                    if random.bool() {
                        window.give_back(tick, unused);
                        taken.push((before, read(), amount - unused));
                    } else {
                        taken.push((before, read(), amount));
                    }
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
        for (index, (start, _, _)) in taken.iter().enumerate() {
            let later = taken[index..]
                .iter()
                .take_while(|(before, ..)| *before <= *start + MINUTE);
            let certain = later.filter(|(_, after, _)| *after <= *start + MINUTE);
            let sum: u64 = certain.map(|(.., amount)| amount).sum();
            assert!(sum <= LIMIT, "{sum} from {start:?}");
        }
        let end = read() + MINUTE * 2;
        assert_eq!(window.remaining(end), LIMIT, "nothing is lost");
    }
}

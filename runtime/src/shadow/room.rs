//! How many copies there may be, and how much they may hold: what a client can make the gateway do
//! for nobody has a bound.

use crate::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::topology::MIB;

/// The most bytes of requests that all copies of a process hold.
pub(crate) const MAX_BYTES: usize = 64 * MIB;

/// The room for copies of all shadows.
#[derive(Debug)]
pub(crate) struct Rooms {
    /// The copies in flight of each shadow, by slot.
    copies: Vec<AtomicU32>,
    bytes: AtomicUsize,
}

/// The room that a copy takes, free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    rooms: &'static Rooms,
    copies: &'static AtomicU32,
    bytes: usize,
}

impl Rooms {
    /// The room for copies of so many `shadows`.
    pub(crate) fn new(shadows: usize) -> Self {
        Self {
            copies: (0..shadows).map(|_| AtomicU32::new(0)).collect(),
            bytes: AtomicUsize::new(0),
        }
    }

    /// How many shadows there are.
    pub(crate) fn shadows(&self) -> usize {
        self.copies.len()
    }

    /// Room for a copy of a request of so many bytes, if there is any: the shadow in this slot has at `most` so many
    /// copies.
    pub(crate) fn enter(&'static self, slot: usize, most: u32, bytes: usize) -> Option<Held> {
        let copies = self.copies.get(slot)?;
        // From here on a drop takes both back.
        let held = Held {
            rooms: self,
            copies,
            bytes,
        };
        let before = copies.fetch_add(1, Ordering::Relaxed);
        let bytes_before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = before < most && bytes_before + bytes <= MAX_BYTES;
        fits.then_some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.copies.fetch_sub(1, Ordering::Relaxed);
        self.rooms.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of one shadow, which has at most two copies.
    fn rooms() -> &'static Rooms {
        Box::leak(Box::new(Rooms::new(1)))
    }

    #[test]
    fn no_more_copies_than_the_spec_says() {
        let rooms = rooms();
        let held: Vec<_> = (0..2).map(|_| rooms.enter(0, 2, 1).unwrap()).collect();
        assert!(rooms.enter(0, 2, 1).is_none());
        drop(held);
        assert!(rooms.enter(0, 2, 1).is_some());
    }

    #[test]
    fn no_more_bytes_than_the_process_has_room_for() {
        let rooms = rooms();
        let _held = rooms.enter(0, 2, MAX_BYTES - 10).unwrap();
        assert!(rooms.enter(0, 2, 11).is_none());
        assert!(rooms.enter(0, 2, 10).is_some());
    }

    proptest! {
        #[test]
        fn whatever_comes_and_goes_nothing_is_left(sizes in prop::collection::vec(0..MAX_BYTES, 0..12)) {
            let rooms = rooms();
            let mut held = Vec::new();
            for (index, size) in sizes.into_iter().enumerate() {
                held.extend(rooms.enter(0, 2, size));
                prop_assert!(held.len() <= 2);
                if index % 3 == 2 {
                    held.pop();
                }
            }
            held.clear();
            prop_assert_eq!(rooms.bytes.load(Ordering::Relaxed), 0);
            prop_assert_eq!(rooms.copies[0].load(Ordering::Relaxed), 0);
        }
    }
}

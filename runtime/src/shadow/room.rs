//! How many copies there may be, and how much they may hold: what a client can make the gateway do
//! for nobody has a bound.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::route;
use crate::topology::{MIB, Route, Shadow, Topology};

/// The most bytes of requests that all copies of a process hold.
const MAX_BYTES: usize = 64 * MIB;

/// The room for copies of all shadows.
#[derive(Debug, Default)]
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
    /// Gives each shadow of `topology` its slot, and the room for its copies.
    pub(crate) fn new(topology: &Topology) -> Self {
        let mut copies = Vec::new();
        for (_, shadow) in all(topology) {
            shadow.slot.assign(copies.len());
            copies.push(AtomicU32::new(0));
        }
        Self {
            copies,
            bytes: AtomicUsize::new(0),
        }
    }

    /// How many shadows there are.
    pub(crate) fn shadows(&self) -> usize {
        self.copies.len()
    }

    /// Room for a copy of a request of so many bytes, if there is any.
    pub(crate) fn enter(&'static self, shadow: &Shadow, bytes: usize) -> Option<Held> {
        let copies = self.copies.get(shadow.slot.index())?;
        // From here on a drop takes both back.
        let held = Held {
            rooms: self,
            copies,
            bytes,
        };
        let before = copies.fetch_add(1, Ordering::Relaxed);
        let bytes_before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = before < shadow.settings.concurrent && bytes_before + bytes <= MAX_BYTES;
        fits.then_some(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.copies.fetch_sub(1, Ordering::Relaxed);
        self.rooms.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The shadows of `topology`, each once, with their routes.
pub(crate) fn all(topology: &Topology) -> Vec<(&'static Route, &'static Shadow)> {
    route::with(topology, |route| route.shadow.as_ref())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::{OPERATED, shadowed};

    fn shadow() -> &'static Shadow {
        shadowed().1
    }

    fn rooms() -> &'static Rooms {
        Box::leak(Box::new(Rooms::new(&OPERATED)))
    }

    #[test]
    fn no_more_copies_than_the_spec_says() {
        let rooms = rooms();
        let held: Vec<_> = (0..2).map(|_| rooms.enter(shadow(), 1).unwrap()).collect();
        assert!(rooms.enter(shadow(), 1).is_none());
        drop(held);
        assert!(rooms.enter(shadow(), 1).is_some());
    }

    #[test]
    fn no_more_bytes_than_the_process_has_room_for() {
        let rooms = rooms();
        let _held = rooms.enter(shadow(), MAX_BYTES - 10).unwrap();
        assert!(rooms.enter(shadow(), 11).is_none());
        assert!(rooms.enter(shadow(), 10).is_some());
    }

    proptest! {
        #[test]
        fn whatever_comes_and_goes_nothing_is_left(sizes in prop::collection::vec(0..MAX_BYTES, 0..12)) {
            let rooms = rooms();
            let mut held = Vec::new();
            for (index, size) in sizes.into_iter().enumerate() {
                held.extend(rooms.enter(shadow(), size));
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

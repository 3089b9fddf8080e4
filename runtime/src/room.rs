//! Bytes that many hold at once, and of which there are no more than so many: what a client, or a disk that is full, can
//! make the gateway keep has a bound.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Room for so many bytes. It is taken in one step, so of those who come at once nobody is refused for what another one
/// was refused.
#[derive(Debug)]
pub(crate) struct Room {
    most: usize,
    taken: AtomicUsize,
}

impl Room {
    /// Room for `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            taken: AtomicUsize::new(0),
        }
    }

    /// Takes so many `bytes`, all or none. Whether there was room.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let with = |taken: usize| taken.checked_add(bytes).filter(|&with| with <= self.most);
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with);
        taken.is_ok()
    }

    /// Gives back so many `bytes` that were taken.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Leaves no room, for good.
    pub(crate) fn close(&self) {
        self.taken.store(self.most, Ordering::Relaxed);
    }

    /// Whether less than a quarter is left.
    #[cfg(feature = "audit")]
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > self.most / 4 * 3
    }

    /// How many bytes are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_bytes_and_no_more() {
        let room = Room::new(10);
        assert!(room.take(6) && room.take(4));
        assert!(!room.take(1) && !room.take(usize::MAX));
        room.give_back(6);
        assert!(!room.take(7) && room.take(6));
        assert_eq!(room.taken(), 10);
    }
}

//! No more copies than there may be, no more bytes, and nothing is held by nobody.

use std::sync::Mutex;

use crate::model;
use crate::room::{Held, MAX_BYTES, Rooms};

/// More than one half of what all copies may hold.
const LARGE: usize = MAX_BYTES / 2 + 1;

/// The room for one shadow. It is there for as long as the process lives.
fn rooms() -> &'static Rooms {
    Box::leak(Box::new(Rooms::new(1)))
}

/// With nobody inside, there is room for as much as at first.
fn is_empty(rooms: &'static Rooms) {
    assert!(rooms.enter(0, 1, MAX_BYTES).is_some(), "nobody holds it");
}

#[test]
fn of_two_copies_one_finds_the_last_place() {
    let enter = |rooms: &&'static Rooms| rooms.enter(0, 1, 1);
    model(rooms, [enter, enter], |rooms, held| {
        assert_ne!(held[0].is_some(), held[1].is_some());
        assert!(rooms.enter(0, 1, 1).is_none(), "it is taken");
        drop(held);
        is_empty(rooms);
    });
}

#[test]
fn of_two_large_copies_one_finds_room_for_its_bytes() {
    let enter = |rooms: &&'static Rooms| rooms.enter(0, 2, LARGE);
    model(rooms, [enter, enter], |rooms, held| {
        assert_ne!(held[0].is_some(), held[1].is_some());
        assert!(rooms.enter(0, 2, LARGE).is_none(), "it is taken");
        drop(held);
        is_empty(rooms);
    });
}

#[test]
fn a_copy_that_ends_while_another_comes_leaves_nothing_behind() {
    fn taken() -> (&'static Rooms, Mutex<Option<Held>>) {
        let rooms = rooms();
        (rooms, Mutex::new(rooms.enter(0, 1, LARGE)))
    }
    model(
        taken,
        [
            |(_, held)| {
                held.lock().unwrap().take();
                None
            },
            |(rooms, _)| rooms.enter(0, 1, LARGE),
        ],
        |(rooms, _), [_, held]| {
            // Whoever came too soon has gone without, and stands in nobody's way.
            let next = rooms.enter(0, 1, LARGE);
            assert_ne!(held.is_some(), next.is_some());
            drop((held, next));
            is_empty(rooms);
        },
    );
}

//! Nobody takes more than the limit of a window, and nothing of it is lost.

use std::time::Duration;

use crate::model;
use crate::topology::Rate;
use crate::window::{Tick, Window};

const LIMIT: u64 = 2;

/// Long enough to come to another lap of the cells.
const LATER: Duration = Duration::from_secs(100);

fn window() -> Window {
    Window::new(&Rate {
        amount: LIMIT,
        per: Duration::from_secs(60),
    })
}

/// A window of which `amount` was taken at the start.
fn taken(amount: u64) -> (Window, Tick) {
    let window = window();
    let tick = window.take(amount, Duration::ZERO).expect("there is room");
    (window, tick)
}

/// Once everything has left, all of the limit is there again.
fn nothing_is_lost(window: &Window) {
    assert_eq!(window.remaining(LATER * 10), LIMIT);
}

#[test]
fn two_that_take_at_once_never_take_more_than_the_limit() {
    let take = |window: &Window| window.take(LIMIT, Duration::ZERO).is_ok();
    model(window, [take, take], |window, taken| {
        assert_ne!(taken, [true, true], "more than the limit");
        assert_ne!(taken, [false, false], "there was room for one");
        assert_eq!(window.remaining(Duration::ZERO), 0);
        nothing_is_lost(window);
    });
}

#[test]
fn what_has_left_the_window_is_taken_out_once() {
    let take = |(window, _): &(Window, Tick)| window.take(LIMIT, LATER).is_ok();
    model(
        || taken(LIMIT),
        [take, take],
        |(window, _), taken| {
            assert_ne!(taken, [true, true], "more than the limit");
            nothing_is_lost(window);
        },
    );
}

#[test]
fn what_is_given_back_while_it_leaves_is_taken_out_once() {
    model(
        || taken(LIMIT),
        [
            |(window, tick): &(Window, Tick)| {
                window.give_back(*tick, LIMIT);
                false
            },
            |(window, _)| window.take(1, LATER).is_ok(),
        ],
        |(window, _), _| {
            let remaining = window.remaining(LATER);
            assert!(remaining >= LIMIT - 1, "{remaining}");
            nothing_is_lost(window);
        },
    );
}

#[test]
fn who_is_late_counts_in_the_present() {
    model(
        window,
        [
            |window| window.take(LIMIT, Duration::ZERO).is_ok(),
            |window| window.take(LIMIT, LATER).is_ok(),
        ],
        |window, taken| {
            assert!(taken[0] || taken[1], "there was room for one");
            nothing_is_lost(window);
        },
    );
}

#[test]
fn a_charge_and_what_is_taken_count_together() {
    model(
        window,
        [
            |window| {
                window.charge(LIMIT, Duration::ZERO);
                true
            },
            |window| window.take(1, Duration::ZERO).is_ok(),
        ],
        |window, _| {
            assert_eq!(window.remaining(Duration::ZERO), 0);
            nothing_is_lost(window);
        },
    );
}
